"""The authorization endpoint, up to asking a person, and from the person's word to the answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from dcrgw.core.authorization.interaction import Decision, Interaction
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.errors import Misconfigured
from dcrgw.ports import Ports


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a browser shows to go on with an interaction: its id, from the address, and its key, from a cookie."""

    id: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asking:
    """A person is to be asked. `ticket` is there where it is new: after `begin` and after `sign_in`.

    Its key proves that it is the same browser, so it stands in a cookie and in no address.
    """

    interaction: Interaction
    client: RegisteredClient
    ticket: Ticket | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the browser is sent: the client's proven redirect_uri with the answer in its query."""

    url: str = field(repr=False)


async def begin(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Asking | Redirect:
    """What becomes of GET or POST {issuer}/authorize: a person is asked, or the client is answered at once.

    Raises: Rejected where client or redirect_uri are not proven: for a page, never for a redirect.
    """
    raise _unbuilt(arrival, market, ports, report)


async def find(ticket: Ticket, market: Market, ports: Ports, report: Report) -> Asking:
    """The interaction again, for a reloaded page. Raises: Rejected where it is over or the key is another's."""
    raise _unbuilt(ticket, market, ports, report)


async def sign_in(ticket: Ticket, login: str, password: str, market: Market, ports: Ports, report: Report) -> Asking:
    """The interaction with its customer, under a new key. Raises: Rejected (customer.authenticated)."""
    raise _unbuilt(ticket, login, password, market, ports, report)


async def decide(ticket: Ticket, decision: Decision, market: Market, ports: Ports, report: Report) -> Redirect:
    """The answer to the client: a code, or access_denied; the interaction and its request_uri end.

    Approving needs a customer who signed in; denying does not. Raises: Rejected.
    """
    raise _unbuilt(ticket, decision, market, ports, report)


def _unbuilt(*_: object) -> Misconfigured:
    return Misconfigured("the authorization endpoint is not built yet")
