"""Tokens of the authorization server (AS) behind a market that were released here: what is told of them, and their end.

One that it did not release, or that ended here, is good for nothing in front of the AS.
"""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.authorization import gates
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream import release
from dcrgw.flows import audit, enriching
from dcrgw.flows.authentication import Door
from dcrgw.flows.forwarding.asking import looked_at
from dcrgw.flows.forwarding.releasing import Known, settle_words
from dcrgw.flows.presenting import Presented
from dcrgw.ports import Ports
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import Change

ENDPOINT = "introspection_endpoint"


async def known(token: str, market: Market, ports: Ports) -> Known | None:
    """A token that was released here and has not ended; None for any other. Raises: Unavailable."""
    hashed = token_hash(token)
    access = await ports.registry.access_token(hashed)
    if access is not None:
        if access.market != market.name:
            return None
        client = await ports.registry.client(market.name, access.client_id)
        return Known(client, access.details, access.x5t_s256, access.scope) if client is not None else None
    refresh = await ports.grants.refresh_token(market.name, hashed)
    if refresh is None or ports.clock.now() >= refresh.expires_at:
        return None
    client = await ports.registry.client(market.name, refresh.grant.client_id)
    return Known(client, refresh.grant.details, scope=refresh.grant.scope) if client is not None else None


async def tell(
    said: Mapping[str, JsonValue], of: Known, arrival: Arrival, market: Market, ports: Ports, report: Report
) -> dict[str, JsonValue]:
    """What the AS says of an active token that was released here: no more than was asked, and bound as it was released.

    Raises: Misconfigured where the AS says more; Unavailable.
    """
    words = (looked_at(lambda: release.word("answer", said), ENDPOINT, report),)
    await settle_words(words, of, arrival, market, ports, report)
    answer: dict[str, JsonValue] = {**said, "client_id": of.client.client_id}
    if of.x5t_s256 is None:
        return answer
    if words[0].x5t_s256 is None:
        answer["cnf"] = {"x5t#S256": of.x5t_s256}
    return await enriching.enriched(answer, arrival, ports, report)


async def end(token: str, caller: Presented, arrival: Arrival, market: Market, ports: Ports, report: Report) -> bool:
    """End a token here, before the AS is told: no failure there keeps it alive in front of it.

    False for another client's, which the AS is not told of. Uses up what proved the client, so that nothing needs
    `presenting.spend`. Raises: Rejected, Unavailable.
    """
    hashed, client = token_hash(token), caller.client
    access = await ports.registry.access_token(hashed)
    refresh = await ports.grants.refresh_token(market.name, hashed) if access is None else None
    owner = access.client_id if access is not None else refresh.grant.client_id if refresh is not None else None
    is_own = owner == client.client_id
    report.decision = "revoked" if is_own else "unchanged"
    change = GrantChange(
        Change(
            audit=audit.record(report, client.client_id),
            used=caller.used,
            ends_token=hashed if access is not None and is_own else None,
        ),
        revokes=refresh.grant.id if refresh is not None and is_own else None,
    )
    if await ports.grants.commit(change) is not GrantVerdict.STORED:
        raise Door(report, arrival).refuse(gates.ASSERTION_UNUSED.failed("the assertion's jti was used before"))
    return owner is None or is_own
