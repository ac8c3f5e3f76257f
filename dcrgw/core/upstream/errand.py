"""What the authorization server behind a market (AS) has yet to be told of one client."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.upstream.client import UpstreamRef, WantedClient
from dcrgw.core.values import lean

#: The longest pause between two attempts.
LONGEST_PAUSE_S = 900.0
#: How long a claim outlives the longest attempt: what the attempt found out has yet to be stored.
CLAIM_MARGIN_S = 5.0


class Act(StrEnum):
    """What the AS is to do."""

    #: Make a client, which is pending here until it did.
    CREATE = "create"
    #: Have it as it is wanted: as a `successor` that then takes the client's place here, or as it stands here.
    UPDATE = "update"
    #: Have it no more. Without a ref it is what an attempt to create left behind, if it left anything.
    DELETE = "delete"


#: Key and number of the attempt: what somebody holds who claimed an errand. A later claim makes an earlier one void.
Claim = tuple[str, int]


@lean
@dataclass(frozen=True, slots=True)
class Errand:
    """One client has one errand at most. Times are epoch seconds.

    `client_id` is ours (of a pending client perhaps not for good); `report_id` and `interaction_id` are those of the
    decision that began it. Every attempt is made under a claim, until `claimed_until`.
    """

    key: str
    act: Act
    market: str
    client_id: str
    report_id: str
    interaction_id: str
    begun_at: float
    due_at: float
    wanted: WantedClient | None = None
    ref: UpstreamRef | None = None
    successor: RegisteredClient | None = field(default=None, repr=False)
    #: The request that asks for it: its digest, who sent it, and the jtis (kind, issuer, jti) that it used up.
    request_digest: str = ""
    subject_key: str = ""
    #: The request that made the client of which `successor` takes the place.
    over_digest: str = ""
    used: tuple[tuple[str, str, str], ...] = ()
    attempts: int = 0
    claimed_until: float = 0.0
    #: An attempt before this one may have made or changed the client there, and nobody knows what came of it.
    unsure: bool = False
    #: Why the last attempt did not end it; empty before there was any.
    trouble: str = ""

    @property
    def yields(self) -> bool:
        """Whether it only makes the AS have the client as it stands here: a request to change it comes first."""
        return self.act is Act.UPDATE and self.successor is None

    @property
    def claim(self) -> Claim:
        """What its present holder holds."""
        return self.key, self.attempts


def deletion(
    client: RegisteredClient, open_now: Errand | None, report_id: str, interaction_id: str, at: float
) -> Errand | None:
    """The errand of a client that ends here; None where no AS knows of it. It takes the place of the one `open_now`."""
    ref = client.upstream_ref() or (open_now.ref if open_now else None)
    if ref is None and open_now is None:
        return None
    key = open_now.key if open_now else errand_key(Act.DELETE, client.market, client.client_id)
    wanted = open_now.wanted if open_now else None
    return Errand(
        key,
        Act.DELETE,
        client.market,
        client.client_id,
        report_id,
        interaction_id,
        begun_at=at,
        due_at=at,
        wanted=wanted or WantedClient(key, client.client_id, client.metadata.members),
        ref=ref,
    )


def errand_key(act: Act, *parts: str) -> str:
    """The idempotency key of an errand: the same for the same request, told apart from all others."""
    text = "\n".join((act.value, *parts))
    return hashlib.sha256(text.encode()).hexdigest()


def pause_s(key: str, attempts: int, first_s: float) -> float:
    """How long to wait after so many attempts: twice as long each time, up to a bound, and up to a quarter less.

    The part that is taken off depends on key and attempt alone, so that errands which failed together come apart.
    """
    doubled = min(first_s * 2.0 ** min(max(attempts - 1, 0), 30), LONGEST_PAUSE_S)
    spread = hashlib.sha256(f"{key}\n{attempts}".encode()).digest()[0] / 256
    return doubled * (1 - spread / 4)
