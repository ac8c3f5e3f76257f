"""Where registry and authorization server (AS) say something else of a client."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.upstream import judging, wanting
from dcrgw.core.upstream.client import UpstreamClient
from dcrgw.core.upstream.errand import Errand
from dcrgw.core.upstream.server import UpstreamServer

#: Clients that the AS is to have.
KEPT = frozenset({ClientStatus.ACTIVE, ClientStatus.SUSPENDED})


class Kind(StrEnum):
    """What differs."""

    #: Registered here; there is none such, or the token that we hold for it is good no longer.
    MISSING = "missing"
    #: Registered here before there was this AS, which was never told.
    UNTOLD = "untold"
    #: In some of its members.
    DIFFERS = "differs"
    #: Over here, alive there.
    ALIVE = "alive"
    #: Made there by the gateway, unknown here.
    STRAY = "stray"
    #: Something is under way between the two.
    WAITING = "waiting"
    #: The same, for longer than it should be.
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class Difference:
    """One client's. `detail` is for the operator; `is_mendable` without the TPP's help."""

    kind: Kind
    market: str
    client_id: str
    detail: str = ""
    is_mendable: bool = True


def waiting(errand: Errand, server: UpstreamServer, at: float) -> Difference:
    """An errand that is open."""
    kind = Kind.OVERDUE if at - errand.begun_at >= server.alarm_s else Kind.WAITING
    return Difference(kind, errand.market, errand.client_id, _so_far(errand, errand.trouble, at))


def stranded(errand: Errand, why: str, at: float) -> Difference:
    """An errand that nobody can be told."""
    return Difference(Kind.OVERDUE, errand.market, errand.client_id, _so_far(errand, why, at), is_mendable=False)


def _so_far(errand: Errand, trouble: str, at: float) -> str:
    told = f"{errand.act} for {max(0.0, at - errand.begun_at):.0f} s, {errand.attempts} attempts"
    return f"{told}: {trouble}" if trouble else told


def compare(client: RegisteredClient, there: UpstreamClient | None, server: UpstreamServer) -> Difference | None:
    """What differs about a client of the registry that the AS knows as `there`; None where they agree.

    Of a client that is over here, `there` is None also where the AS cannot be asked.
    """

    def found(kind: Kind, detail: str = "", *, is_mendable: bool = True) -> Difference:
        return Difference(kind, client.market, client.client_id, detail, is_mendable)

    if client.status not in KEPT:
        return found(Kind.ALIVE, f"{client.status} here") if there is not None else None
    if there is None:
        detail = "" if server.takes_client_id else "its server gives ids of its own: the TPP has to register anew"
        kind = Kind.MISSING if client.upstream is not None else Kind.UNTOLD
        return found(kind, detail, is_mendable=server.takes_client_id)
    wanted = wanting.want(client, server, "").value
    if wanted is None:
        return found(Kind.DIFFERS, "its authentication method is none of the server's any more", is_mendable=False)
    drifted = judging.drifted(wanted, there, server)
    return found(Kind.DIFFERS, ", ".join(drifted)) if drifted else None
