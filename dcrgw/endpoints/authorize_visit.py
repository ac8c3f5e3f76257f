"""One request of a browser: in which language it is answered, and what it gets when something goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from dcrgw.core.authorization.endpoints import authorization_endpoint
from dcrgw.core.authorization.interaction import Interaction
from dcrgw.core.market import Market
from dcrgw.edge.answers import dress, principal
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.places import network_of
from dcrgw.endpoints.authorize_forms import ORIGIN, TOKEN
from dcrgw.endpoints.pages import Page, Pages
from dcrgw.endpoints.pages.wording import Wording
from dcrgw.errors import Rejected, Unavailable

_LOCALES_LENGTH = 200
_MOST_FIELDS = 100


@dataclass(slots=True)
class Visit:
    """`id` is the interaction of the address, None where one is to begin."""

    request: web.BaseRequest
    market: Market
    pages: Pages
    id: str | None = None
    #: What the client said that the person prefers, once that is known.
    _locales: tuple[str, ...] = field(default=())

    @property
    def network(self) -> str:
        """Where it comes from, as far as one place is told from another."""
        return network_of(self.request.remote or "::")

    @property
    def here(self) -> str | None:
        """The path of the interaction's page."""
        return None if self.id is None else self.page_of(self.id)

    def page_of(self, id: str) -> str:
        """The path of an interaction's page: made of the issuer, never of the request."""
        return f"{urlsplit(authorization_endpoint(self.market)).path}/{id}"

    def learn(self, interaction: Interaction) -> None:
        """Take over what the client said of its person's languages."""
        self._locales = interaction.request.ui_locales

    @property
    def wording(self) -> Wording:
        """The language: the one chosen on the page, then the client's word, then the browser's."""
        return self.pages.wording((*self._chosen, *self._locales), self.request.headers.get("Accept-Language", ""))

    @property
    def asked_for(self) -> str:
        """The query that keeps a chosen language; empty where none was chosen."""
        return f"?ui_locales={self.wording.lang}" if self.id is not None and self._chosen else ""

    def show(self, page: Page) -> web.Response:
        """A page in the visit's language."""
        return self.pages.answer(page, self.wording, urlsplit(self.market.issuer).hostname or "")

    def notice(self, kind: str, status: int, **values: object) -> web.Response:
        """A page that only tells something."""
        told = {"kind": kind, "next": None, "faults": (), "reference": None, **values}
        return self.show(Page("notice", told, status))

    def trouble(self, error: BaseException, exchange: Exchange) -> web.Response:
        """The one map from failures to pages. What a person cannot mend is not told to them, but to the log."""
        cause = principal(error)
        if isinstance(cause, Rejected):
            response = self._refusal(cause, exchange)
            response.headers.update(cause.headers)
        elif isinstance(cause, Unavailable):
            response = self.notice("unavailable", 503, next=self.here, reference=exchange.interaction_id)
            response.headers["Retry-After"] = str(max(1, cause.retry_after_s))
        else:
            response = self.notice("failed", 500, reference=exchange.interaction_id)
        dress(response, exchange)
        return response

    def _refusal(self, error: Rejected, exchange: Exchange) -> web.Response:
        first = error.faults[0]
        if first.check in (ORIGIN.id, TOKEN.id):
            return self.notice("stale", first.status, next=self.here)
        if self.id is not None and not first.check.startswith("http."):
            return self.notice("gone", 410)
        told = error.faults if self.market.explain_errors else ()
        return self.notice("refused", first.status, faults=told, reference=exchange.interaction_id)

    @property
    def _chosen(self) -> tuple[str, ...]:
        try:
            query = parse_qs(self.request.raw_path.partition("?")[2], max_num_fields=_MOST_FIELDS, errors="replace")
        except ValueError:
            return ()
        return tuple(" ".join(query.get("ui_locales", ()))[:_LOCALES_LENGTH].split())
