"""POST /register: a stranger with a certificate becomes a client, or learns exactly why not."""

from __future__ import annotations

from dcrgw.core.certificates.identity import subject_key
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration import request
from dcrgw.flows import audit, carrying, stages, storing
from dcrgw.flows.answering import Answered, answer, answered_with
from dcrgw.ports import Ports


async def create(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Answered:
    """Register one client, and say so; the same bytes from the same identity give the first registration again.

    Every line is a stage of docs/checks.md. Whatever the end, one audit row tells it.
    Raises: Rejected, Unavailable, Misconfigured.
    """
    async with audit.of_failures(report, ports.registry):
        identity = await stages.identify(arrival.chain, market, ports.revocation, report)
        envelope = report.settle(request.open(arrival.body, arrival.media_type, market.profile))
        caller = subject_key(identity)
        earlier = await ports.registry.repeated(market.name, arrival.digest, caller)
        if earlier is not None:
            earlier = await carrying.completed(earlier, market, ports, report)
            repeated = await answer(earlier, arrival, identity, market, ports, report)
            await storing.repeat(earlier, ports.registry, report)
            return repeated
        proven = await stages.prove_statement(envelope, market, ports, report)
        asked = await stages.prove_request(envelope, proven, market, ports, report)
        await stages.judge_key_use(arrival, proven, asked, market, ports.keysets, report)
        registration = stages.judge_rules(identity, proven, asked, market, ports.details, report)
        await stages.judge_standing(registration, market, ports.directories, report)
        enriched = await stages.enrich(registration, arrival, ports, report)
        client = storing.client_of(registration, enriched, arrival, caller, ports, report)
        answered = await answer(client, arrival, identity, market, ports, report)
        store = storing.store if market.upstream is None else carrying.register
        stored = await store(client, registration, ports, report)
        return await answered_with(answered, stored, arrival, identity, market, ports, report)
