"""PUT /register/{client_id}: a client's registration is replaced by what it could as well have been created with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration import request
from dcrgw.core.registration import update as succession
from dcrgw.flows import audit, carrying, replacing, stages
from dcrgw.flows.answering import Answered, answer, answered_with
from dcrgw.flows.errands import settle_told
from dcrgw.flows.managing import authorise
from dcrgw.ports import Ports

#: Reads the request's body, once the caller has proven that it may send one.
Receive = Callable[[], Awaitable[bytes]]


async def update(arrival: Arrival, receive: Receive, market: Market, ports: Ports, report: Report) -> Answered:
    """The registration as it stands after the update, judged whole like a new one: nothing omitted is kept.

    `arrival` has no body yet. A refused update changes nothing; a taken one ends no token.
    Raises: Rejected, Unavailable, Misconfigured.
    """
    async with audit.of_failures(report, ports.registry):
        identity = await stages.identify(arrival.chain, market, ports.revocation, report)
        current = await authorise(arrival, identity, market, ports, report)
        settle_told(current, market)
        arrival = replace(arrival, body=await receive())
        envelope = report.settle(request.open(arrival.body, arrival.media_type, market.profile))
        report.settle(succession.judge_members(envelope.unverified_claims, current, market.profile))
        proven = await stages.prove_statement(envelope, market, ports, report, current)
        report.settle(succession.judge_statement(proven, current, market.profile))
        asked = await stages.prove_request(envelope, proven, market, ports, report)
        await stages.judge_key_use(arrival, proven, asked, market, ports.keysets, report)
        registration = stages.judge_rules(identity, proven, asked, market, ports.details, report)
        await stages.judge_standing(registration, market, ports.directories, report)
        enriched = await stages.enrich(registration, arrival, ports, report, current)
        client = replacing.successor(current, registration, enriched, arrival, ports)
        answered = await answer(client, arrival, identity, market, ports, report)
        replace_client = replacing.replace_client if market.upstream is None else carrying.replace_client
        stored = await replace_client(current, client, registration, arrival, ports, report)
        return await answered_with(answered, stored, arrival, identity, market, ports, report)
