"""GET /register/{client_id}: a client sees its registration."""

from __future__ import annotations

from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.flows import audit, stages
from dcrgw.flows.answering import Answered, answer
from dcrgw.flows.managing import authorise
from dcrgw.flows.revoked_keys import judge_client
from dcrgw.ports import Ports
from dcrgw.ports.registry import Change


async def read(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Answered:
    """The registration as it stands; nothing but the audit trail changes.

    Raises: Rejected, Unavailable.
    """
    async with audit.of_failures(report, ports.registry):
        identity = await stages.identify(arrival.chain, market, ports.revocation, report)
        client = await authorise(arrival, identity, market, ports, report)
        report.settle(await judge_client(arrival, client, market, ports.keysets))
        answered = await answer(client, arrival, identity, market, ports, report)
        report.decision = "read"
        await ports.registry.commit(Change(audit=audit.record(report)))
        return answered
