"""POST /introspect: a resource server of the bank, or a client, learns what a token is good for."""

from __future__ import annotations

from dcrgw.core.authorization import introspection
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.flows import audit, enriching
from dcrgw.flows.asking import asker
from dcrgw.ports import Ports


async def introspect(arrival: Arrival, market: Market, ports: Ports, report: Report) -> dict[str, JsonValue]:
    """The answer about one token: `{"active": false}` for whatever is not the caller's to know.

    An answer leaves no audit row, since every call of an API may ask; a refusal leaves one.
    Raises: Rejected, Unavailable, Misconfigured where a script goes too far.
    """
    async with audit.of_failures(report, ports.registry):
        asking = await asker(arrival, market, ports, report)
        client_id = asking.client.client_id if asking.client is not None else None
        hashed = token_hash(report.settle(introspection.shown(asking.form)))
        report.decision = "answered"
        answer = introspection.of_access_token(await ports.registry.access_token(hashed), client_id, market, report.at)
        if answer["active"]:
            return await enriching.enriched(answer, arrival, ports, report)
        if client_id is None:
            return answer
        kept = await ports.grants.refresh_token(market.name, hashed)
        return introspection.of_refresh_token(kept, client_id, market, report.at)
