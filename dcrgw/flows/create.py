"""POST /register: a stranger with a certificate becomes a client, or learns exactly why not."""

from __future__ import annotations

from dcrgw.core.certificates.identity import subject_key
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration import request
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.flows import audit, stages, storing
from dcrgw.ports import Ports


async def create(arrival: Arrival, market: Market, ports: Ports, report: Report) -> RegisteredClient:
    """Register one client; the same bytes from the same identity give the first registration again.

    Every line is a stage of docs/checks.md. Whatever the end, one audit row tells it.
    Raises: Rejected, Unavailable, Misconfigured.
    """
    async with audit.of_failures(report, ports.registry):
        identity = await stages.identify(arrival.chain, market, ports.revocation, report)
        envelope = report.settle(request.open(arrival.body, arrival.media_type, market.profile))
        caller = subject_key(identity)
        earlier = await ports.registry.repeated(market.name, arrival.digest, caller)
        if earlier is not None:
            return await storing.repeat(earlier, ports.registry, report)
        proven = await stages.prove_statement(envelope, market, ports.keysets, report)
        asked = await stages.prove_request(envelope, proven, market, ports.keysets, report)
        await stages.judge_key_use(arrival, proven, asked, market, ports.keysets, report)
        registration = stages.judge_rules(identity, proven, asked, market, ports.details, report)
        await stages.judge_standing(registration, market, ports.directories, report)
        enriched = await stages.enrich(registration, arrival, ports, report)
        return await storing.store(registration, enriched, arrival, caller, ports, report)
