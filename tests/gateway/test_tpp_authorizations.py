"""`dcrgw tpp par`, `authorize`, `token`, `introspect`, `revoke` against a running gateway, with a customer between."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import stat
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner, Result
from town import Town

from dcrgw.cli import main
from dcrgw.sandbox.serving import free_ports
from dcrgw.testkit.person import Person, Seen
from dcrgw.tpp import catching
from dcrgw.tpp.setup import Incomplete

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Terminal:
    """One TPP's commands in a sandbox; what it keeps is in a folder of the test's own."""

    def __init__(self, town: Town, folder: Path) -> None:
        self._town, self._folder = town, folder

    async def run(self, *words: str) -> Result:
        options = ["--sandbox", str(self._town.folder)]
        if words[0] in ("par", "authorize", "token"):
            options += ["--authorization", str(self.kept)]
        return await asyncio.to_thread(CliRunner().invoke, main, ["tpp", words[0], *options, *words[1:]])

    async def done(self, *words: str) -> str:
        result = await self.run(*words)
        assert result.exit_code == 0, result.output
        return result.output

    @property
    def kept(self) -> Path:
        return self._folder / "authorization.json"

    @property
    def token(self) -> Path:
        return self._folder / "token"


@pytest.fixture
def terminal(town: Town, tmp_path: Path) -> Terminal:
    return Terminal(town, tmp_path)


async def registered(terminal: Terminal, *response_types: str) -> None:
    await terminal.done("register", "--claim", f"response_types={json.dumps(response_types or ['code'])}")


def address_in(output: str) -> str:
    found = re.search(r"https://\S+/authorize\?\S+", output)
    assert found is not None, output
    return found[0]


async def decided(town: Town, url: str, decision: str = "approve") -> Seen:
    people = json.loads((town.folder / "sandbox.json").read_text())["customers"]
    async with Person(ssl.create_default_context(cafile=str(town.folder / "ca.pem"))) as person:
        seen = await person.submit(await person.open(url), login=people[0]["login"], password=people[0]["password"])
        return await person.submit(seen, decision=decision)


@pytest.mark.parametrize(
    "asking", [("par",), ("par", "--signed"), ("authorize",), ("authorize", "--signed", "--scope", "openid accounts")]
)
@pytest.mark.parametrize("response_type", ["code", "code id_token"])
async def test_customer_is_asked_and_the_code_is_redeemed(
    town: Town, terminal: Terminal, asking: tuple[str, ...], response_type: str
) -> None:
    await registered(terminal, response_type)
    output = await terminal.done(*asking)
    assert stat.S_IMODE(terminal.kept.stat().st_mode) == 0o600
    seen = await decided(town, address_in(output))
    await terminal.done("authorize", "--redirected", seen.left_for or "")
    await terminal.done("token", "--authorized", "--save", str(terminal.token))
    told = await terminal.done("introspect", "--token", f"file:{terminal.token}")
    assert '"active": true' in told
    await terminal.done("token", "--refresh", "--save", str(terminal.token))
    await terminal.done("revoke", "--token", f"file:{terminal.token}")
    assert '"active": false' in await terminal.done("introspect", "--token", f"file:{terminal.token}")
    again = await terminal.run("token", "--authorized")
    assert again.exit_code == 2


async def test_no_is_told(town: Town, terminal: Terminal) -> None:
    await registered(terminal)
    seen = await decided(town, address_in(await terminal.done("par")), "deny")
    result = await terminal.run("authorize", "--redirected", seen.left_for or "")
    assert result.exit_code == 1
    assert "access_denied" in result.output


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("state=", "state=x"),
        lambda url: re.sub(r"iss=[^&]*", "iss=https%3A%2F%2Fevil.example", url),
        lambda url: url.replace("code=", "cod="),
        lambda url: "https://evil.example/" + url,
    ],
    ids=["state", "issuer", "no code", "elsewhere"],
)
async def test_answer_to_something_else_is_not_taken(town: Town, terminal: Terminal, change: Any) -> None:
    await registered(terminal)
    seen = await decided(town, address_in(await terminal.done("authorize")))
    result = await terminal.run("authorize", "--redirected", change(seen.left_for or ""))
    assert result.exit_code == 1
    assert json.loads(terminal.kept.read_text())["code"] is None


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("#code=", "#code=x"),
        lambda url: re.sub("state=[^&]*", "state=x", url),
        lambda url: re.sub("id_token=[^&]*", "id_token=e30.e30.x", url),
        lambda url: re.sub("id_token=[^&]*&", "", url),
        lambda url: re.sub(r"(id_token=[^.]*\.[^.]*\.)[^&]*", r"\g<1>AAAA", url),
        lambda url: url.replace("#", "?"),
    ],
    ids=["another code", "another state", "forged", "none", "signature", "query"],
)
async def test_answer_that_the_bank_did_not_sign_is_not_taken(town: Town, terminal: Terminal, change: Any) -> None:
    await registered(terminal, "code id_token")
    seen = await decided(town, address_in(await terminal.done("authorize")))
    result = await terminal.run("authorize", "--redirected", change(seen.left_for or ""))
    assert result.exit_code == 1, result.output
    assert json.loads(terminal.kept.read_text())["code"] is None


async def test_id_token_of_another_request_is_not_taken(town: Town, terminal: Terminal) -> None:
    await registered(terminal, "code id_token")
    first = await decided(town, address_in(await terminal.done("authorize")))
    second = await decided(town, address_in(await terminal.done("authorize")))
    mixed = re.sub("id_token=[^&]*", re.findall("id_token=[^&]*", first.left_for or "")[0], second.left_for or "")
    assert (await terminal.run("authorize", "--redirected", mixed)).exit_code == 1
    assert (await terminal.run("authorize", "--redirected", second.left_for or "")).exit_code == 0


async def test_answer_in_a_fragment_cannot_be_caught(terminal: Terminal) -> None:
    await registered(terminal, "code id_token")
    assert (await terminal.run("authorize", "--catch")).exit_code == 2


async def test_refused_details_are_named(terminal: Terminal) -> None:
    await registered(terminal)
    result = await terminal.run("par", "--details", '[{"type": "payment_initiation"}]')
    assert result.exit_code == 1
    assert "invalid_authorization_details" in result.output
    assert "/0/type" in result.output


async def test_details_that_are_no_json_are_wrong_usage(terminal: Terminal) -> None:
    await registered(terminal)
    assert (await terminal.run("par", "--details", "[{")).exit_code == 2


async def test_nothing_secret_is_shown(terminal: Terminal) -> None:
    await registered(terminal)
    shown = await terminal.done("par", "--signed")
    assert json.loads(terminal.kept.read_text())["verifier"] not in shown


async def test_redirect_on_loopback_is_caught() -> None:
    (port,) = free_ports(1)
    uri, ready = f"http://127.0.0.1:{port}/cb", asyncio.Event()
    async with asyncio.TaskGroup() as group, aiohttp.ClientSession() as http:
        caught = group.create_task(catching.redirect(uri, 30, ready.set))
        await ready.wait()
        async with http.get(f"http://127.0.0.1:{port}/favicon.ico") as other:
            assert other.status == 404
        async with http.get(f"{uri}?code=c&state=s") as answer:
            assert answer.status == 200
    assert caught.result() == f"{uri}?code=c&state=s"


@pytest.mark.parametrize("uri", ["https://localhost:8765/cb", "http://tpp.example/cb", "com.example.app:/cb"])
async def test_only_http_on_loopback_is_caught(uri: str) -> None:
    with pytest.raises(Incomplete):
        await catching.redirect(uri, 1, lambda: None)
