"""Why a request was decided as it was: told to the bank whole, to its own TPP without private words, to nobody else."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from admin_clients import aside, ask
from click.testing import CliRunner
from managed import managed
from town import UK, Reply, Town

from dcrgw.cli import main
from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.kept import text_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


def edit(text: str) -> str:
    """A market that does not explain itself beside those that do."""
    return text.replace('name = "generic"\n', 'name = "generic"\nexplain_errors = false\n', 1)


async def fetched(town: Town, url: str, tpp: str | None = None) -> Reply:
    """A report, with a TPP's certificate."""
    return await town.post(b"", UK, tpp, url=url, method="GET")


async def refused(town: Town, market: str = UK, tpp: str | None = None) -> Reply:
    """An answer to a request with a scope that nobody has."""
    wrong = {"grant_types": ["nonsense"]} if market == "generic" else {"scope": "openid nonsense"}
    reply = await town.post(await town.body(market, tpp, **wrong), market, tpp)
    assert reply.status == 400
    return reply


async def admin(town: Town, method: str, target: str, **more: Any) -> Reply:
    """The operator's word."""
    return await ask(town.folder / "admin.sock", method, target, **more)


async def test_an_error_points_to_its_report_and_its_own_tpp_reads_it(town: Town) -> None:
    reply = await refused(town)
    report = await fetched(town, reply.body["report"])
    assert report.status == 200
    assert report.body["decision"] == "refused"
    failed = {each["check"] for each in report.body["findings"] if each["verdict"] == "failed"}
    assert failed == set(reply.checks)
    assert all("detail" not in each and each["spec"] and each["rule"] for each in report.body["findings"])
    assert [each["of"] for each in report.body["keys"]] == ["directory", "software"]
    assert all(each["found"] and each["kid"] and each["url"].startswith("https://") for each in report.body["keys"])


async def test_the_command_of_a_tpp_tells_its_report_and_no_other_s(town: Town) -> None:
    url = (await refused(town)).body["report"]
    mine = await aside(CliRunner().invoke, main, ["tpp", "report", "--sandbox", str(town.folder), url])
    assert mine.exit_code == 0, mine.output
    assert "failed  rules.scope.known" in mine.output
    assert "decision: refused" in mine.output
    other = ["tpp", "report", "--sandbox", str(town.folder), "--as", "obwac", url]
    assert (await aside(CliRunner().invoke, main, other)).exit_code == 1


async def test_another_tpp_finds_no_report(town: Town) -> None:
    mine = (await refused(town)).body["report"]
    assert (await fetched(town, mine, "obwac")).status == 404
    unknown = mine[:-12] + "0" * 12
    assert (await fetched(town, unknown)).body == (await fetched(town, mine, "obwac")).body
    assert (await fetched(town, mine + "/more")).status == 404
    assert (await town.post(b"", url=mine)).status == 405


async def test_a_report_outlives_a_renewed_certificate(town: Town) -> None:
    mine = (await refused(town)).body["report"]
    pair = await town.certificate("renewed", kind="obtransport")
    assert (await town.post(b"", url=mine, method="GET", pair=pair)).status == 200


async def test_who_was_refused_for_its_certificate_reads_why_with_that_very_one(town: Town) -> None:
    pair = await town.certificate("seal", kind="obseal")
    reply = await town.post(await town.body(), pair=pair)
    assert reply.status in (400, 401)
    assert (await town.post(b"", url=reply.body["report"], method="GET", pair=pair)).status == 200
    assert (await fetched(town, reply.body["report"])).status == 404


async def test_a_market_that_does_not_explain_points_to_nothing_and_tells_nothing(town: Town) -> None:
    reply = await refused(town, "generic")
    assert "report" not in reply.body
    last = (await admin(town, "GET", "/reports/last")).body
    url = f"{town.index('generic')['registration_endpoint'].removesuffix('/register')}/reports/{last['report_id']}"
    assert (await town.post(b"", "generic", url=url, method="GET")).status == 404


async def test_a_report_is_no_way_to_find_out_what_the_one_answer_hides(town: Town) -> None:
    client = await managed(town, UK)
    for token, client_id in ((client.token, "nobody-has-this-id"), ("no-such-token-anywhere", None)):
        url = f"{town.index()['registration_endpoint']}/{client_id}" if client_id else client.url
        reply = await town.post(b"", url=url, method="GET", headers={"Authorization": f"Bearer {token}"})
        assert reply.status == 401
        told = (await fetched(town, reply.body["report"])).body
        checks = {each["check"] for each in told["findings"]}
        assert "management.authorised" in checks
        assert not {
            each for each in checks if each.startswith(("management.token.k", "management.client", "management.cert"))
        }
        whole = (await admin(town, "GET", f"/reports/{told['report_id']}")).body
        assert "management.token.known" in {each["check"] for each in whole["findings"]}


async def test_the_operator_sees_all_of_it_with_keys_and_timings(town: Town) -> None:
    await refused(town)
    last = (await admin(town, "GET", "/reports/last")).body
    assert last["decision"] == "refused"
    assert {"detail", "check", "verdict"} <= last["findings"][0].keys()
    assert next(each["what"] for each in last["timings"]) == "randomness.report_id"
    assert any(each["what"] == "judging" and each["took_ms"] > 0 for each in last["timings"])
    assert last["generations"]["dcrgw"]
    assert (await admin(town, "GET", "/reports/none-of-this-id")).status == 404


async def test_the_record_is_searched_and_shown_and_is_what_was_decided(town: Town) -> None:
    reply = await refused(town)
    report_id = reply.body["report"].rpartition("/")[2]
    await written(town, report_id)
    found = (await admin(town, "GET", f"/evidence?check={reply.checks[0]}&market={UK}&decision=refused")).body
    assert found["decisions"][0]["report_id"] == report_id
    assert found["record"]["is_on"]
    shown = await admin(town, "GET", f"/evidence/{report_id}")
    bundle = bundles.read(json.dumps(shown.body).encode())
    assert bundle.decided.decision == "refused"
    assert bundle.timings


async def written(town: Town, report_id: str) -> None:
    """Wait until the record has it."""
    async with asyncio.timeout(60):
        while report_id not in await listed(town, "limit=500"):  # noqa: ASYNC110 - it is told over HTTP alone
            await asyncio.sleep(0.02)


async def listed(town: Town, query: str) -> set[str]:
    """The ids of the recorded decisions that match."""
    return {each["report_id"] for each in (await admin(town, "GET", f"/evidence?{query}")).body["decisions"]}


@pytest.mark.parametrize(
    "query", ["since=noon", "after=x", "limit=0", "nonsense=1", "check=", "market=a&market=b", "imported=1"]
)
async def test_a_search_that_means_nothing_is_refused(town: Town, query: str) -> None:
    assert (await admin(town, "GET", f"/evidence?{query}")).status == 400


async def test_bundles_go_out_as_files_and_come_back(town: Town, tmp_path: Any) -> None:
    report_id = (await refused(town)).body["report"].rpartition("/")[2]
    await written(town, report_id)
    sock = ["--socket", str(town.folder / "admin.sock")]

    def run(*words: str) -> Any:
        return CliRunner().invoke(main, [*words], catch_exceptions=False)

    out = await aside(run, "evidence", "export", "--decision", "refused", "--out", str(tmp_path / "out"), *sock)
    assert out.exit_code == 0, out.output
    assert (tmp_path / "out" / f"{report_id}.bundle.json").exists()
    replayed = await aside(run, "replay", str(tmp_path / "out"))
    assert replayed.exit_code == 0, replayed.output
    from_record = await aside(run, "replay", "--from-record", "decision=refused", *sock)
    assert from_record.exit_code == 0, from_record.output
    purged = await aside(run, "evidence", "purge", "--decision", "refused", "--yes", *sock)
    assert purged.exit_code == 0, purged.output
    listed = await aside(run, "evidence", "list", "--decision", "refused", "--json", *sock)
    assert json.loads(listed.output) == []
    back = await aside(run, "evidence", "import", str(tmp_path / "out" / f"{report_id}.bundle.json"), *sock)
    assert back.exit_code == 0, back.output
    listed = await aside(run, "evidence", "list", "--json", *sock)
    assert report_id in {each["report_id"] for each in json.loads(listed.output)}
    shown = await aside(run, "evidence", "show", report_id, *sock)
    assert "refused" in shown.output
    explained = await aside(run, "explain", report_id, *sock)
    assert "decision: refused" in explained.output


async def test_an_import_takes_no_other_decision_s_place(town: Town, tmp_path: Any) -> None:
    report_id = (await refused(town)).body["report"].rpartition("/")[2]
    await written(town, report_id)
    kept = (await admin(town, "GET", f"/evidence/{report_id}")).body
    assert (await admin(town, "POST", "/evidence", body=text_of(kept))).status == 201
    bundle = bundles.read(text_of(kept).encode())
    for name, forged in {
        "forged": replace(bundle, decided=replace(bundle.decided, decision="registered")),
        "old": replace(bundle, report_id="an-old-one", at=1.0),
        "elsewhere": replace(bundle, report_id="../elsewhere"),
    }.items():
        (tmp_path / f"{name}.bundle.json").write_bytes(bundles.write(forged))
    (tmp_path / "cut.bundle.json").write_bytes(b'{"format": "dcrgw.bundle"')
    twice = text_of(kept).replace('"content":', '"content":{},"content":', 1)
    (tmp_path / "twice.bundle.json").write_text(twice)
    (tmp_path / "well.bundle.json").write_bytes(bundles.write(replace(bundle, report_id="well")))
    sock = ["--socket", str(town.folder / "admin.sock")]
    done = await aside(CliRunner().invoke, main, ["evidence", "import", str(tmp_path), *sock])
    assert done.exit_code == 1
    assert done.stdout.count("imported") == 1
    assert "well.bundle.json: imported" in done.stdout
    for name in ("forged", "old", "elsewhere", "cut", "twice"):
        assert f"{name}.bundle.json: " in done.stderr
    assert (await admin(town, "GET", f"/evidence/{report_id}")).body == kept
    assert (await admin(town, "GET", "/evidence/an-old-one")).status == 404
    # The decision is this gateway's own though its bundle was sent in once more; what it never judged is not.
    assert report_id in await listed(town, "imported=false")
    assert "well" in await listed(town, "imported=true")
    forged = json.loads((tmp_path / "forged.bundle.json").read_bytes())
    answer = await admin(town, "POST", "/evidence", body=text_of(forged))
    assert (answer.status, answer.checks) == (409, ["admin.evidence.place"])


async def test_what_was_judged_elsewhere_is_marked_wherever_it_is_shown(town: Town, tmp_path: Path) -> None:
    own = (await refused(town)).body["report"].rpartition("/")[2]
    await written(town, own)
    bundle = bundles.read(text_of((await admin(town, "GET", f"/evidence/{own}")).body).encode())
    foreign = str(uuid4())
    taken = await admin(town, "POST", "/evidence", body=bundles.write(replace(bundle, report_id=foreign)).decode())
    assert (taken.status, taken.body["imported"]) == (201, True)
    again = await admin(town, "POST", "/evidence", body=text_of((await admin(town, "GET", f"/evidence/{own}")).body))
    assert (again.status, again.body["imported"]) == (201, False)
    for report_id, imported in ((own, False), (foreign, True)):
        assert (await admin(town, "GET", f"/reports/{report_id}")).body["imported"] is imported
    sock = ["--socket", str(town.folder / "admin.sock")]

    async def said(*words: str) -> str:
        result = await aside(CliRunner().invoke, main, [*words, *sock])
        assert result.exit_code == 0, result.output
        return str(result.output)

    rows = [row.split("\t") for row in (await said("evidence", "list")).splitlines()]
    assert {row[-1] for row in rows if row[-2] == own} == {"here"}
    assert {row[-1] for row in rows if row[-2] == foreign} == {"elsewhere"}
    assert foreign not in await said("evidence", "list", "--own")
    assert own not in await said("evidence", "list", "--imported")
    for command in ("evidence show", "explain"):
        assert "judged elsewhere" in await said(*command.split(), foreign)
        assert "judged elsewhere" not in await said(*command.split(), own)
    assert f"{foreign} (imported)" in await said("replay", "--from-record", "imported=true")
    for report_id, imported in ((own, False), (foreign, True)):
        page = tmp_path / f"{report_id}.html"
        await said("explain", report_id, "--html", str(page))
        assert (">imported</span>" in page.read_text()) is imported
    # A TPP reads what this gateway said of its request, and nothing that another one did.
    url = town.index()["registration_endpoint"].removesuffix("/register")
    assert (await fetched(town, f"{url}/reports/{own}")).status == 200
    assert (await fetched(town, f"{url}/reports/{foreign}")).status == 404
    assert (await admin(town, "POST", "/evidence/purge?imported=true")).status == 200
    assert own in await listed(town, "limit=500")
    assert await listed(town, "imported=true") == set()
