"""DELETE /register/{client_id}: a client ends, and every token of it with it."""

from __future__ import annotations

from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.flows import audit, replacing, stages
from dcrgw.flows.managing import authorise
from dcrgw.flows.revoked_keys import judge_client
from dcrgw.ports import Ports


async def delete(arrival: Arrival, market: Market, ports: Ports, report: Report) -> None:
    """Client and tokens are gone, in one change.

    Raises: Rejected, Unavailable.
    """
    async with audit.of_failures(report, ports.registry):
        identity = await stages.identify(arrival.chain, market, ports.revocation, report)
        client = await authorise(arrival, identity, market, ports, report)
        report.settle(await judge_client(arrival, client, market, ports.keysets))
        await replacing.remove(client, market, arrival, ports, report)
