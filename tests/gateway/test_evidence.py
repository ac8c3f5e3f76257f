"""What a decision rests on is all in its journal: the same flow, run on the journal alone, finds the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from managed import managed
from town import UK, Town

from dcrgw.config.loading import load
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival, Entry, Evidence, Journal
from dcrgw.core.market import Market
from dcrgw.errors import GatewayError
from dcrgw.flows.create import create
from dcrgw.flows.delete import delete
from dcrgw.flows.read import read
from dcrgw.flows.update import update
from dcrgw.materials import open_materials
from dcrgw.ports import Ports
from dcrgw.ports.recording import recorded, values_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: The report's own id and its time are asked before the flow begins, whether a certificate was revoked at its start.
OPENING = ["randomness.report_id", "clock.now", "revocation.told"]
KNOWN = [*OPENING, "registry.repeated", "keysets.of_directory", "keysets.of_revoked", "keysets.of_software"]
PROVEN = [*KNOWN, "keysets.of_revoked", "keysets.of_revoked", "details.types", "directories.standing"]
ENRICHED = ["scripts.generate_id", "randomness.client_id", "scripts.create_client"]
ANSWERED = ["scripts.modify_response", "registry.commit"]
STORED = [*PROVEN, *ENRICHED, *ANSWERED]
#: Where requests are not signed, no directory is asked, and the client gets a token for itself and a secret.
PLAIN = [*KNOWN[:6], "details.types", *ENRICHED, "randomness.token", "randomness.client_secret", *ANSWERED]


class Replayed:
    """Any port, answering from a journal: whoever asks something else, or in another order, is found out."""

    def __init__(self, name: str, left: deque[Entry]) -> None:
        self._name, self._left = name, left

    def __getattr__(self, method: str) -> Callable[..., Any]:
        label = f"{self._name}.{method}"
        waits = label not in ("clock.now", "details.types") and self._name != "randomness"

        def answer(*question: Any) -> Any:
            entry = self._left.popleft()
            assert (entry.port, entry.question) == (label, values_of(question))
            if isinstance(entry.answer, Exception):
                raise entry.answer
            return entry.answer

        async def answer_later(*question: Any) -> Any:
            return answer(*question)

        return answer_later if waits else answer


def told(report: Report) -> list[tuple[Any, ...]]:
    """The findings as comparable values."""
    return [(f.check.id, f.verdict, f.description, f.detail, f.code) for f in report.findings]


async def replay(town: Town, evidence: Evidence, interaction_id: str) -> tuple[Report, Any]:
    """Judge the evidence again, with no directory, no registry and no clock. The label is the report's."""
    left = deque(evidence.journal.entries)
    ports = recorded(Ports(**{f.name: Replayed(f.name, left) for f in fields(Ports)}), again := Journal())
    markets = open_materials(load(town.session.config), evidence.at).markets
    report = Report(
        report_id=ports.randomness.report_id(),
        interaction_id=interaction_id,
        operation=OPERATIONS[evidence.arrival.method],
        market=evidence.arrival.market,
        at=ports.clock.now(),
    )
    try:
        outcome = await judged(evidence.arrival, markets[evidence.arrival.market], ports, report)
    except GatewayError as failure:
        outcome = failure
    assert not left, [entry.port for entry in left]
    assert [entry.port for entry in again.entries] == [entry.port for entry in evidence.journal.entries]
    return report, outcome


OPERATIONS = {"POST": "create", "GET": "read", "PUT": "update", "DELETE": "delete"}


async def judged(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Any:
    """What the flow of the request makes of it."""

    async def body() -> bytes:
        return arrival.body

    if arrival.method == "PUT":
        return await update(replace(arrival, body=b""), body, market, ports, report)
    return await {"POST": create, "GET": read, "DELETE": delete}[arrival.method](arrival, market, ports, report)


async def decided(town: Town) -> tuple[Report, Evidence]:
    """The newest decision."""
    found = town.gateway.recent.find()
    assert found is not None
    return found


@pytest.mark.parametrize("market", ["uk-3.2", "uk-3.4", "generic"])
async def test_a_registration_is_replayed_from_its_evidence(town: Town, market: str) -> None:
    body = await town.body(market)
    reply = await town.post(body, market)
    report, evidence = await decided(town)
    assert (evidence.arrival.body, evidence.arrival.market) == (body, market)
    asked = [entry.port for entry in evidence.journal.entries]
    assert asked == (PLAIN if market == "generic" else STORED)
    again, answered = await replay(town, evidence, report.interaction_id)
    assert told(again) == told(report)
    assert (again.decision, again.facts) == (report.decision, report.facts)
    assert answered.body == reply.body
    assert answered.client.client_id == reply.body["client_id"]


@pytest.mark.parametrize("market", ["uk-3.2", "uk-3.4", "generic"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_clients_own_calls_are_replayed_from_their_evidence(town: Town, market: str, method: str) -> None:
    client = await managed(town, market)
    body = await client.body() if method == "PUT" else b""
    for token in (client.token, "another"):
        reply = await client.call(method, body, token=token)
        assert (reply.status < 400) == (token == client.token)
        report, evidence = await decided(town)
        again, outcome = await replay(town, evidence, report.interaction_id)
        assert told(again) == told(report)
        assert (again.decision, again.facts) == (report.decision, report.facts)
        if reply.status == 200:
            assert outcome.body == reply.body


async def test_a_repeated_registration_is_replayed_from_its_evidence(town: Town) -> None:
    body = await town.body()
    first = await town.post(body)
    await town.post(body)
    report, evidence = await decided(town)
    assert [entry.port for entry in evidence.journal.entries] == [*OPENING, "registry.repeated", *ANSWERED]
    again, answered = await replay(town, evidence, report.interaction_id)
    assert (again.decision, answered.client.client_id) == ("repeated", first.body["client_id"])
    assert told(again) == told(report)


async def _revoked(town: Town) -> None:
    assert (await town.post(await town.body(UK, "revoked"), UK, "revoked")).status == 400


async def _scope(town: Town) -> None:
    assert (await town.post(await town.body(scope="openid nonsense"))).status == 400


async def _jti(town: Town) -> None:
    jti = "2b6a1d0e-55f5-4c7e-8b5b-1c1f1f3b7c13"
    await town.post(await town.body(jti=jti))
    assert (await town.post(await town.body(jti=jti, scope="openid"))).status == 400


async def _garbage(town: Town) -> None:
    assert (await town.post(b"a.b.c")).status == 400


async def _outage(town: Town) -> None:
    await town.break_down("scim", "500", count=1)
    assert (await town.post(await town.body())).status == 503


DECISIONS = {
    "refused by the directory": (_revoked, [*PROVEN, "registry.commit"]),
    "refused by the rules": (_scope, [*KNOWN, "keysets.of_revoked", "keysets.of_revoked", "registry.commit"]),
    "refused by the registry": (_jti, [*STORED, "registry.commit"]),
    "refused unread": (_garbage, [*OPENING, "registry.commit"]),
    "an outage": (_outage, [*PROVEN, "registry.commit"]),
}


@pytest.mark.parametrize(("decide", "asked"), DECISIONS.values(), ids=DECISIONS)
async def test_what_was_not_registered_is_replayed_from_its_evidence(
    town: Town, decide: Callable[[Town], Any], asked: list[str]
) -> None:
    await decide(town)
    report, evidence = await decided(town)
    assert [entry.port for entry in evidence.journal.entries] == asked
    again, failure = await replay(town, evidence, report.interaction_id)
    assert isinstance(failure, GatewayError)
    assert told(again) == told(report)
    assert (again.decision, again.facts) == (report.decision, report.facts)


async def test_the_journal_holds_each_port_s_question_as_it_was_put(town: Town) -> None:
    index = town.index()
    await town.post(await town.body())
    _, evidence = await decided(town)
    asked = {entry.port: entry for entry in evidence.journal.entries}
    assert asked["keysets.of_directory"].question == ("primary", town.session.parties.world.keys.current.kid)
    assert asked["keysets.of_software"].question[0] == "primary"
    assert asked["keysets.of_software"].question[2] == index["kid"]
    assert asked["directories.standing"].question == ("primary", index["software_id"], index["org_id"])
    assert asked["clock.now"].answer == evidence.at
    assert asked["registry.repeated"].question[:2] == (UK, evidence.arrival.digest)


async def test_other_evidence_makes_another_decision(town: Town) -> None:
    """The journal is what is judged: a standing that says no turns the same request into a refusal."""
    await town.post(await town.body())
    _, evidence = await decided(town)
    entries = [
        Entry(each.port, each.question, replace(each.answer, organisation_active=False))
        if each.port == "directories.standing"
        else each
        for each in evidence.journal.entries
    ]
    cut = next(n for n, each in enumerate(entries) if each.port == "directories.standing")

    class Silent(Replayed):
        """Takes the audit row of the refusal, which the recorded decision never wrote."""

        async def commit(self, change: Any) -> None:
            assert change.audit.decision == "refused"

    left = deque(entries[: cut + 1])
    ports = Ports(**{f.name: Silent(f.name, left) for f in fields(Ports)})
    markets = open_materials(load(town.session.config), evidence.at).markets
    report = Report(ports.randomness.report_id(), "", "create", UK, ports.clock.now())
    with pytest.raises(GatewayError, match=r"standing\.organisation\.active"):
        await create(evidence.arrival, markets[UK], ports, report)


async def test_one_request_s_journal_holds_nothing_of_another_s(town: Town) -> None:
    before = len(town.gateway.recent.kept)
    await town.post(await town.body())
    await town.post(await town.body("uk-3.3"), "uk-3.3")
    kept = list(town.gateway.recent.kept)[before:]
    assert [evidence.arrival.market for _, evidence in kept] == [UK, "uk-3.3"]
    assert len({id(evidence.journal) for _, evidence in kept}) == 2
    assert all([entry.port for entry in evidence.journal.entries] == STORED for _, evidence in kept)
