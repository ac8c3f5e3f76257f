"""A request and a certificate, or a HAR file, become bundles: asked live, or with key sets from files."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from admin_clients import aside
from click.testing import CliRunner, Result
from town import UK, Town

from dcrgw.cli import main
from dcrgw.compliance import bundle as bundles
from dcrgw.compliance import sources
from dcrgw.testkit.keys import jwks

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def made(town: Town, out: Path, *words: str) -> tuple[Result, list[bundles.Bundle]]:
    """The command's end, and the bundles that it wrote."""
    out.mkdir()  # noqa: ASYNC240 - a folder of the test
    certificate = str(town.folder / town.index()["transport_cert"])
    config = ["--config", str(town.session.config), "--cert", certificate, "--out", str(out)]
    result = await aside(CliRunner().invoke, main, ["evidence", "make", *config, *words])
    return result, [bundles.read(path.read_bytes()) for path in sources.paths([out])]


def _har(town: Town, body: bytes, **more: Any) -> str:
    request = {
        "method": "POST",
        "url": town.index()["registration_endpoint"],
        "headers": [{"name": "Content-Type", "value": "application/jose"}],
        "postData": {"mimeType": "application/jose", "text": body.decode(), **more},
    }
    other = {"method": "GET", "url": "https://elsewhere.example/", "headers": []}
    return json.dumps({"log": {"entries": [{"request": request}, {"request": other}]}})


async def test_a_request_is_judged_live_and_nothing_is_stored(town: Town, tmp_path: Path) -> None:
    (tmp_path / "request.jwt").write_bytes(await town.body())
    before = town.clients()
    result, (bundle,) = await made(town, tmp_path / "out", "--request", str(tmp_path / "request.jwt"), "--market", UK)
    assert result.exit_code == 0, result.output
    assert bundle.decided.decision == "registered"
    assert town.clients() == before


async def test_with_key_sets_from_files_nobody_is_asked(town: Town, tmp_path: Path) -> None:
    (tmp_path / "request.jwt").write_bytes(await town.body(scope="openid nonsense"))
    (tmp_path / "directory.json").write_bytes(town.session.parties.world.keys.published)
    (tmp_path / "software.json").write_bytes(jwks(town.key()))
    asked = len(await town.asked())
    result, (bundle,) = await made(
        town, tmp_path / "out", "--request", str(tmp_path / "request.jwt"), "--market", UK,
        "--keys", f"primary={tmp_path / 'directory.json'}", "--software-keys", str(tmp_path / "software.json"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert bundle.decided.decision in ("refused", "unavailable")
    assert len(await town.asked()) == asked


async def test_offline_a_request_is_registered_where_the_tester_vouches(town: Town, tmp_path: Path) -> None:
    (tmp_path / "request.jwt").write_bytes(await town.body())
    (tmp_path / "directory.json").write_bytes(town.session.parties.world.keys.published)
    (tmp_path / "software.json").write_bytes(jwks(town.key()))
    request = ["--request", str(tmp_path / "request.jwt"), "--market", UK]
    keys = ["--keys", f"primary={tmp_path / 'directory.json'}", "--software-keys", str(tmp_path / "software.json")]
    _, (unknown,) = await made(town, tmp_path / "one", *request, *keys)
    _, (vouched,) = await made(town, tmp_path / "two", *request, *keys, "--vouched")
    assert (unknown.decided.decision, vouched.decided.decision) == ("unavailable", "registered")
    result, _ = await made(town, tmp_path / "three", *request, "--vouched")
    assert result.exit_code == 2


@pytest.mark.parametrize("encoding", [None, "base64"])
async def test_the_registrations_of_a_har_file_become_bundles(town: Town, tmp_path: Path, encoding: str | None) -> None:
    body = await town.body()
    text = {"encoding": "base64", "text": base64.b64encode(body).decode()} if encoding else {}
    (tmp_path / "session.har").write_text(_har(town, body, **text))
    result, (bundle,) = await made(town, tmp_path / "out", "--har", str(tmp_path / "session.har"))
    assert result.exit_code == 0, result.output
    assert (bundle.decided.decision, bundle.market.name) == ("registered", UK)


@pytest.mark.parametrize("har", ["", "[]", '{"log": {}}', '{"log": {"entries": [1]}}', '{"log": {"entries": []}}'])
async def test_what_is_no_har_file_is_a_sentence(town: Town, tmp_path: Path, har: str) -> None:
    (tmp_path / "session.har").write_text(har)
    result, found = await made(town, tmp_path / "out", "--har", str(tmp_path / "session.har"))
    assert (result.exit_code, found) == (1, [])
    assert "HAR file" in result.output
