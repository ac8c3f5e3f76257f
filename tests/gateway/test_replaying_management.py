"""Recorded reads, updates and deletions, sent live: each gets a client of its own there, and nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner
from managed import managed
from pack_runs import patient as edit  # noqa: F401 - the town reads it
from town import Town

from dcrgw.cli import main
from dcrgw.compliance.conformance import phone, replaying, running, tester
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.keeping import Closed, bundled
from dcrgw.compliance.sources import SUFFIX, bundles_of, paths

pytestmark = pytest.mark.asyncio(loop_scope="module")

UK, PLAIN = "uk-3.2", "generic"


async def recorded(town: Town, market: str) -> AsyncIterator[tuple[str, int]]:
    """Each request as it was answered: its name and status, right after it was sent."""
    client = await managed(town, market, "client_secret_basic")
    secret = client.answer["client_secret"]
    yield "read", (await client.call("GET")).status
    yield "read-without-token", (await client.call("GET", token="")).status
    yield "read-by-nobody-s-token", (await client.call("GET", token="a-token-that-nobody-gave")).status
    yield "read-by-basic", (await client.call("GET", token="", headers={"Authorization": "Basic eDp5"})).status
    yield "read-by-empty-token", (await client.call("GET", token="", headers={"Authorization": "Bearer"})).status
    yield "read-by-two-words", (await client.call("GET", token="", headers={"Authorization": "Bearer a b"})).status
    yield "read-by-two-tokens", (await client.call("GET", url=f"{client.url}?access_token=a-second-one")).status
    yield "update-of-another-version", (await client.put(headers={"If-Match": '"99"'})).status
    yield "update", (await client.put()).status
    yield (
        "update-sent-back",
        (await client.put(client.sent_back(client_secret=secret if market == PLAIN else None))).status,
    )
    yield "update-of-another-name", (await client.put(await client.body(client_id="somebody-else"))).status
    foreign = ["https://elsewhere.example/cb#part"]
    yield "update-of-redirects", (await client.put(await client.body(redirect_uris=foreign))).status
    yield "update-of-a-reference", (await client.put(await client.body(client_name="${tpp.nobody} ${now}"))).status
    yield "update-of-rubbish", (await client.put(b"rubbish")).status
    if market == PLAIN:
        yield "update-of-the-secret", (await client.put(await client.body(client_secret="x" * 40))).status
    if market == UK:
        other = await managed(town, market)
        yield "read-by-another-s-token", (await client.call("GET", token=other.token)).status
        # The gateway ends a token that was shown with a client that is not its own.
        nobody = await managed(town, market)
        url = nobody.url.replace(nobody.client_id, "there-is-none")
        yield "read-of-nobody", (await nobody.call("GET", url=url)).status
        yield "update-that-expired", (await client.put(await client.body(exp=1_700_000_300))).status
    yield "delete", (await client.call("DELETE", token=await client.new_token())).status


#: What the gateway answered, which any bank that decides alike answers again.
STATUSES = {
    "read": 200, "read-without-token": 401, "read-by-nobody-s-token": 401, "read-by-basic": 401,
    "read-by-empty-token": 401, "read-by-two-words": 401, "read-by-two-tokens": 401, "update-of-another-version": 412,
    "update": 200, "update-sent-back": 200, "update-of-another-name": 400, "update-of-the-secret": 400,
    "update-of-redirects": 400, "update-of-a-reference": 200, "update-of-rubbish": 400, "delete": 204,
    "read-by-another-s-token": 401, "read-of-nobody": 401, "update-that-expired": 400,
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bundles(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundles for each market."""
    folder = tmp_path_factory.mktemp("managed")
    for market in (UK, PLAIN):
        (folder / market).mkdir()
        async for name, status in recorded(town, market):
            assert status == STATUSES[name], name
            report, evidence = list(town.gateway.recent.kept)[-1]
            document = bundled(Closed(report, evidence, town.gateway.materials.markets[market]))
            (folder / market / f"{name}{SUFFIX}").write_bytes(document)
    return folder


async def live(town: Town, folder: Path, market: str) -> dict[str, Played]:
    tests = tester.load(town.folder / "sandbox.json", market=market)
    async with phone.phone(tests, timeout_s=30, pause_s=0) as opened:
        bank = await running.known(tests, opened)
        return {each.id: each async for each in replaying.replayed(bundles_of(paths([folder])), bank, opened)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cases(town: Town, bundles: Path) -> dict[str, Played]:
    """What came of each bundle at the market that recorded it."""
    return await live(town, bundles / UK, UK) | {
        f"plain-{name}": each for name, each in (await live(town, bundles / PLAIN, PLAIN)).items()
    }


def operation(played: Played) -> list[dict[str, Any]]:
    """The answers to what the bundle is about."""
    own = played.id.partition("-")[0]
    return [dict(each.received or {}) for each in played.exchanges if each.do == own and not each.implied]


def assert_alike(cases: dict[str, Played]) -> None:
    assert {name: each.reason for name, each in cases.items() if each.verdict != "passed"} == {}
    found = {name: [each["status"] for each in operation(case)] for name, case in cases.items()}
    assert found == {name: [STATUSES[name.removeprefix("plain-")]] for name in cases}
    assert [each.left_behind for each in cases.values() if each.left_behind] == []


async def test_a_bank_that_decides_alike_answers_alike(cases: dict[str, Played]) -> None:
    assert len(cases) == len(STATUSES) * 2 - 4
    assert_alike(cases)


async def test_another_market_that_decides_alike_answers_alike(town: Town, bundles: Path) -> None:
    before = town.clients()
    found = await live(town, bundles / UK, "uk-3.4")
    assert_alike(found)
    assert town.clients() >= before + len(found)


async def test_an_update_is_signed_by_the_tester_and_shown_decoded(town: Town, cases: dict[str, Played]) -> None:
    tests = tester.load(town.folder / "sandbox.json", market=UK)
    (sent,) = [each.sent for each in cases["update"].exchanges if each.do == "update"]
    assert sent["header"]["kid"] == tests.own.table.kid
    assert sent["claims"]["software_id"] == tests.own.table.software_id
    assert sent["claims"]["software_statement"]["claims"]["software_id"] == tests.own.table.software_id


async def test_what_looks_like_a_reference_in_a_recording_is_sent_as_it_is(cases: dict[str, Played]) -> None:
    (sent,) = [each.sent for each in cases["plain-update-of-a-reference"].exchanges if each.do == "update"]
    assert sent["request"]["client_name"] == "${tpp.nobody} ${now}"


async def test_where_no_client_comes_to_be_there_is_nothing_to_compare(town: Town, bundles: Path) -> None:
    """A market of signed requests registers no client by plain JSON."""
    cases = await live(town, bundles / PLAIN, UK)
    assert {each.verdict for each in cases.values()} == {"broken"}
    assert all(f"no client to {each.id.partition('-')[0]}" in each.reason for each in cases.values())


async def test_the_command_line_writes_one_page(town: Town, bundles: Path, tmp_path: Path) -> None:
    out = tmp_path / "live.html"
    files = [str(bundles / UK / f"{name}{SUFFIX}") for name in ("update", "delete")]
    arguments = ["replay", *files, "--tpp", str(town.folder / "sandbox.json"), "--market", UK]
    arguments += ["--format", "html", "--out", str(out), "--rate", "0"]
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    assert result.exit_code == 0, result.output
    page = out.read_text()
    assert "An update is updated, as recorded" in page
    assert "2 passed" in page


async def test_what_that_bank_did_itself_is_skipped_by_name(town: Town, tmp_path: Path) -> None:
    client = await managed(town, UK)
    pair = [town.folder / town.index(UK, "obwac")[name] for name in ("transport_cert", "transport_key")]
    assert (await client.call("GET", pair=tuple(pair))).status == 401
    report, evidence = list(town.gateway.recent.kept)[-1]
    closed = Closed(report, evidence, town.gateway.materials.markets[UK])
    (tmp_path / f"read{SUFFIX}").write_bytes(bundled(closed))
    (case,) = (await live(town, tmp_path, UK)).values()
    assert (case.verdict, case.exchanges) == ("skipped", [])
    assert "management.token.certificate" in case.reason
