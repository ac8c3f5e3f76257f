"""What the authorization server said is evidence: from it alone the same is decided again, and it holds no secret."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from carrying_bank import CarryingBank, carrying_bank
from fake_server import CUT, LOST, NO, STRANGER, FakeServer
from small_bank import PLAIN, UK

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.keeping import Closed, bundled
from dcrgw.compliance.replay import replay
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.core.upstream.client import UPSTREAM_SECRET
from dcrgw.errors import GatewayError
from dcrgw.flows.create import create
from dcrgw.flows.delete import delete
from dcrgw.flows.update import update
from dcrgw.ports import Ports
from dcrgw.ports.recording import recorded

Flow = Callable[[Arrival, Ports, Report], Awaitable[Any]]


@pytest.fixture(params=[PLAIN, UK])
async def bank(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CarryingBank]:
    # What the market's clients use is bridged, so that there is a secret of ours to leak.
    changes = {"auth_methods": frozenset({"client_secret_post"})}
    path = tmp_path / "registry.sqlite"
    async with carrying_bank(path, profile=request.param, changes=changes, server=FakeServer()) as opened:
        yield opened


async def decided(bank: CarryingBank, operation: str, arrival: Arrival) -> Closed:
    """One decision with its evidence."""
    journal = Journal()
    ports = recorded(bank.ports, journal)
    report = Report(ports.randomness.report_id(), "label", operation, "uk", ports.clock.now())
    with suppress(GatewayError):
        await _flow(operation, arrival, bank, ports, report)
    return Closed(report, Evidence(arrival, report.at, journal), bank.market)


async def _flow(operation: str, arrival: Arrival, bank: CarryingBank, ports: Ports, report: Report) -> None:
    async def receive() -> bytes:
        return arrival.body

    if operation == "create":
        await create(arrival, bank.market, ports, report)
    elif operation == "update":
        await update(replace(arrival, body=b""), receive, bank.market, ports, report)
    else:
        await delete(arrival, bank.market, ports, report)


async def proven(bank: CarryingBank, closed: Closed) -> bytes:
    """The bundle, from which the same is decided again."""
    document = bundled(closed)
    again = await replay(bundles.read(document))
    assert again.is_same, (again.decided.decision, closed.report.decision)
    return document


def secrets_of(bank: CarryingBank) -> list[str]:
    """All that the server and the gateway show each other."""
    there = bank.server.clients.values()
    return [text for each in there for text in (each.ref.token, each.secret) if text]


async def clean(bank: CarryingBank, closed: Closed) -> None:
    secrets = secrets_of(bank)
    document = (await proven(bank, closed)).decode()
    assert not [secret for secret in (*secrets, *secrets_of(bank)) if secret in document]


@pytest.mark.parametrize("faults", [[], [NO], [CUT], [LOST], [STRANGER]])
async def test_registration_is_decided_again_from_its_bundle(bank: CarryingBank, faults: list[str]) -> None:
    bank.server.faults.extend(faults)
    await clean(bank, await decided(bank, "create", bank._arrival(bank.body())))


async def test_registration_that_the_server_lied_about_is_decided_again(bank: CarryingBank) -> None:
    bank.server.tells = lambda told: replace(told, metadata={})
    closed = await decided(bank, "create", bank._arrival(bank.body()))
    assert closed.report.decision == "refused"
    await clean(bank, closed)


async def test_same_bytes_that_carried_on_are_decided_again(bank: CarryingBank) -> None:
    bank.server.faults.append(CUT)
    arrival = bank._arrival(bank.body())
    await decided(bank, "create", arrival)
    closed = await decided(bank, "create", arrival)
    assert closed.report.decision == "repeated"
    await clean(bank, closed)


@pytest.mark.parametrize("faults", [[], [NO], [CUT], [STRANGER]])
async def test_changes_are_decided_again_from_their_bundles(bank: CarryingBank, faults: list[str]) -> None:
    client, token = await bank.register()
    assert client.secrets[UPSTREAM_SECRET] in secrets_of(bank)
    body = bank.body(scope="openid", **({"client_id": client.client_id} if bank.is_plain else {}))
    call = replace(bank._call("PUT", client.client_id, token, None), body=body)
    bank.server.faults.extend(faults)
    await clean(bank, await decided(bank, "update", call))
    bank.server.faults.extend(faults)
    await clean(bank, await decided(bank, "delete", bank._call("DELETE", client.client_id, token, None)))
