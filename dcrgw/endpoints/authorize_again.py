"""A sign-in that failed: the same page, with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from dcrgw.endpoints import authorize_views as views
from dcrgw.endpoints.authorize_visit import Visit
from dcrgw.flows.interacting import Asking, Ticket


@dataclass(frozen=True, slots=True)
class SignInAgain:
    """The sign-in page with what was wrong; the name is kept, the password is not."""

    visit: Visit
    asking: Asking
    ticket: Ticket
    login: str

    def because(self, status: int, problem: str, **values: object) -> web.Response:
        """The page, naming one of the problems that the texts know."""
        visit, said = self.visit, self.visit.wording(f"sign_in.problems.{problem}", **values)
        here = visit.page_of(self.ticket.id)
        page = views.sign_in(self.asking, self.ticket, visit.market, here, login=self.login, problem=said)
        response = visit.show(page)
        response.set_status(status)
        return response

    def later(self, wait_s: float) -> web.Response:
        """The page for who tried too often."""
        response = self.because(429, "too_many", minutes=int(wait_s // 60) + 1)
        response.headers["Retry-After"] = str(int(wait_s) + 1)
        return response
