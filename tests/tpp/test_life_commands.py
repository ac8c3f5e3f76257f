"""`dcrgw tpp token`, `read`, `update`, `delete` from end to end, against a bank that believes nothing unproven."""

from __future__ import annotations

import asyncio
import json
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dcrgw.cli import main
from dcrgw.testkit.keys import SigningKey
from dcrgw.tpp.authentication import METHODS


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Files for curl are left in the working directory."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


class Terminal:
    """Runs commands of one TPP; its client is kept in one file."""

    def __init__(self, bank, files) -> None:
        self.bank, self.files = bank, files
        self.client: Path = files["client.json"]

    async def run(self, verb: str, *more: str, **changes: str | None) -> Result:
        files = self.files
        options: dict[str, str | None] = {
            "--cert": str(files["transport.pem"]),
            "--key": str(files["transport.key"]),
            "--server-ca": str(files["ca.pem"]),
            "--signing-key": str(files["signing.key"]),
            "--kid": "sig-1",
        }
        if verb in ("register", "update"):
            options |= {"--audience": "bank-1"}
        if verb == "register":
            options |= {"--registration-endpoint": self.bank.url + "/register", "--ssa": str(files["statement.jwt"])}
            options |= {"--save": str(self.client)}
        else:
            options |= {"--client": str(self.client), "--issuer": self.bank.url}
        options |= {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
        words = [word for name, value in options.items() if value is not None for word in (name, value)]
        return await asyncio.to_thread(CliRunner().invoke, main, ["tpp", verb, *words, *more])

    async def registered(self, *more: str, method: str = "tls_client_auth") -> None:
        done = await self.run("register", *more, auth_method=method)
        assert done.exit_code == 0, done.output

    def kept(self) -> dict[str, Any]:
        return dict(json.loads(self.client.read_text())["information"])


def left_for_curl() -> list[Path]:
    return [*Path().glob("*-request.*")]


@pytest.fixture
def terminal(life_bank, files) -> Terminal:
    return Terminal(life_bank, files)


async def test_a_registered_client_is_kept_for_its_owner_alone(terminal):
    terminal.bank.gives_tokens = True
    await terminal.registered(method="client_secret_basic")
    assert stat.S_IMODE(terminal.client.stat().st_mode) == 0o600
    kept = terminal.kept()
    assert kept["client_secret"] == terminal.bank.clients["c-1"]["client_secret"]
    assert kept["registration_access_token"] in terminal.bank.tokens


@pytest.mark.parametrize("method", METHODS)
async def test_a_client_gets_a_token_by_the_method_it_registered(terminal, method):
    await terminal.registered(method=method)
    done = await terminal.run("token", "--scope", "accounts", save=str(terminal.files["token"]))
    assert done.exit_code == 0, done.output
    assert '"access_token": "at-0"' in done.output
    assert terminal.bank.forms[0]["scope"] == "accounts"
    assert terminal.files["token"].read_text() == "at-0\n"
    assert stat.S_IMODE(terminal.files["token"].stat().st_mode) == 0o600


@pytest.mark.parametrize("method", METHODS)
async def test_a_whole_life_by_each_method(terminal, method):
    await terminal.registered(method=method)
    for verb, word in (("read", "read: 200"), ("update", "updated: 200"), ("delete", "deleted: 204")):
        done = await terminal.run(verb)
        assert done.exit_code == 0, done.output
        assert word in done.output
    assert not terminal.bank.clients
    assert (await terminal.run("read")).exit_code == 1


async def test_a_method_may_be_chosen_and_a_wrong_one_is_refused(terminal):
    await terminal.registered(method="client_secret_basic")
    done = await terminal.run("token", method="client_secret_post")
    assert done.exit_code == 1
    assert "invalid_client" in done.output


async def test_an_assertion_names_the_issuer_or_what_it_is_told(terminal):
    await terminal.registered(method="private_key_jwt")
    assert (await terminal.run("token", assertion_audience=terminal.bank.url + "/token")).exit_code == 0
    assert (await terminal.run("token", issuer=None, token_endpoint=terminal.bank.url + "/token")).exit_code == 0
    assert (await terminal.run("token", assertion_audience="https://another.example")).exit_code == 1


async def test_a_document_of_another_issuer_is_not_followed(terminal):
    await terminal.registered()
    terminal.bank.issuer = "https://another.example"
    done = await terminal.run("token")
    assert done.exit_code == 1
    assert not terminal.bank.forms


async def test_a_registration_access_token_is_used_and_its_successor_kept(terminal):
    terminal.bank.gives_tokens = True
    await terminal.registered(method="client_secret_basic")
    before = terminal.kept()
    assert (await terminal.run("update")).exit_code == 0
    after = terminal.kept()
    assert not terminal.bank.forms
    assert after["registration_access_token"] != before["registration_access_token"]
    assert after["client_secret"] == before["client_secret"]
    assert (await terminal.run("delete", issuer=None)).exit_code == 0


async def test_a_token_may_be_given(terminal, monkeypatch):
    await terminal.registered()
    assert (await terminal.run("token", save=str(terminal.files["token"]))).exit_code == 0
    assert (await terminal.run("read", token=f"file:{terminal.files['token']}")).exit_code == 0
    monkeypatch.setenv("TOKEN", "nobody's")
    assert (await terminal.run("read", token="env:TOKEN")).exit_code == 2
    monkeypatch.setenv("TOKEN", "nobodys")
    done = await terminal.run("read", token="env:TOKEN")
    assert done.exit_code == 1
    assert 'Bearer error="invalid_token"' in done.output
    assert len(terminal.bank.forms) == 1


async def test_an_update_says_again_what_is_registered_but_for_what_is_said(terminal):
    await terminal.registered("--claim", "client_name=Example", "--claim", "tos_uri=https://tpp.example/tos")
    registered = terminal.bank.clients["c-1"]
    done = await terminal.run("update", "--claim", "tos_uri", "--if-match", '"1"', scope="openid")
    assert done.exit_code == 0, done.output
    ((asked, headers),) = terminal.bank.puts
    expected = {**registered, "scope": "openid"}
    del expected["tos_uri"]
    assert asked == expected
    assert headers["If-Match"] == '"1"'
    assert headers["Content-Type"] == "application/jose"
    assert terminal.kept()["scope"] == "openid"


async def test_an_update_never_says_what_is_the_banks_to_say(terminal):
    terminal.bank.gives_tokens = True
    await terminal.registered("--json", method="client_secret_post")
    assert (await terminal.run("update", "--json")).exit_code == 0
    ((asked, headers),) = terminal.bank.puts
    assert headers["Content-Type"] == "application/json"
    assert asked["client_id"] == "c-1"
    assert not asked.keys() & {
        "registration_access_token", "registration_client_uri", "client_secret", "client_secret_expires_at"
    }  # fmt: skip


async def test_an_update_may_bring_another_statement_and_another_method(terminal):
    await terminal.registered()
    fresh = SigningKey.generate("dir-2", "ES256").sign({"software_id": "4Zq1m8TnS8xQe7YtB0bK9a"})
    terminal.files["fresh.jwt"].write_text(fresh)
    done = await terminal.run("update", ssa=str(terminal.files["fresh.jwt"]), auth_method="private_key_jwt")
    assert done.exit_code == 0, done.output
    ((asked, _),) = terminal.bank.puts
    assert asked["software_statement"] == fresh
    assert asked["token_endpoint_auth_signing_alg"] == "PS256"
    assert "tls_client_auth_subject_dn" not in asked


async def test_a_client_without_a_file_is_named_by_hand(terminal, monkeypatch):
    await terminal.registered(method="client_secret_basic")
    monkeypatch.setenv("SECRET", terminal.kept()["client_secret"])
    by_hand = {"client": None, "client_id": "c-1", "client_secret": "env:SECRET", "method": "client_secret_basic"}
    done = await terminal.run("read", registration_endpoint=terminal.bank.url + "/register", **by_hand)
    assert done.exit_code == 0, done.output
    assert '"tell": "read"' in done.output


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "tls_client_auth"])
async def test_the_printed_curl_commands_do_the_same(terminal, method):
    await terminal.registered(method=method)
    done = await terminal.run("read")
    commands = [part for part in done.output.split("\n\n") if part.startswith("curl ")]
    commands += [f"curl {part.partition('curl ')[2]}" for part in done.output.split("\n\n") if "\ncurl " in part]
    assert len(commands) == 2, done.output
    for command in commands:
        shown = await asyncio.to_thread(
            subprocess.run, ["sh", "-c", command], capture_output=True, text=True, check=True
        )
        assert " 200 " in shown.stdout.partition("\r\n")[0] + " "
    assert len(terminal.bank.forms) == 2


async def test_no_secret_stands_in_a_command_and_its_files_are_the_owners_alone(terminal):
    for number, method in enumerate(METHODS, 1):
        await terminal.registered(method=method)
        done = await terminal.run("read", "--dry-run", token_endpoint=terminal.bank.url + "/token", issuer=None)
        assert done.exit_code == 0, done.output
        secret = terminal.bank.clients[f"c-{number}"].get("client_secret", "nothing")
        assert secret not in done.output
        assert "Authorization" not in done.output
    left = left_for_curl()
    assert {file.name for file in left} >= {"token-request.form", "token-request.headers", "read-request.headers"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in left} == {0o600}
    assert not terminal.bank.forms


async def test_a_dry_run_shows_the_assertion_and_sends_nothing(terminal):
    await terminal.registered(method="private_key_jwt")
    done = await terminal.run("token", "--dry-run", token_endpoint=terminal.bank.url + "/token")
    assert done.exit_code == 0, done.output
    for part in ('"grant_type": "client_credentials"', '"sub": "c-1"', f'"aud": "{terminal.bank.url}"', "curl "):
        assert part in done.output
    assert not terminal.bank.forms


@pytest.mark.parametrize(
    ("verb", "changes"),
    [
        ("read", {"client": None}),
        ("read", {"client": "absent"}),
        ("read", {"issuer": None}),
        ("read", {"token": "plain"}),
        ("token", {"method": "client_secret_basic"}),
        ("token", {"method": "private_key_jwt", "kid": None}),
        ("token", {"method": "private_key_jwt", "alg": "ES256"}),
        ("token", {"method": "none"}),
        ("token", {"client": None, "client_id": "c-1"}),
        ("update", {"ssa": "absent"}),
        ("update", {"audience": None}),
        ("delete", {"client": None, "client_id": "c-1", "token": "env:PATH"}),
    ],
    ids=str,
)
async def test_wrong_usage_sends_nothing(terminal, verb, changes):
    await terminal.registered()
    before = len(terminal.bank.forms)
    done = await terminal.run(verb, **changes)
    assert done.exit_code == 2, done.output
    assert len(terminal.bank.forms) == before or verb == "update"
    assert "c-1" in terminal.bank.clients


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"version":1,"information":[]}', b'{"version":1,"version":1}']
)
async def test_a_file_that_holds_no_client_is_told(terminal, content):
    terminal.client.write_bytes(content)
    assert (await terminal.run("read")).exit_code == 2


async def test_a_management_url_that_is_not_https_gets_no_token(terminal):
    await terminal.registered()
    content = json.loads(terminal.client.read_text())
    content["information"]["registration_client_uri"] = "http://localhost/register/c-1"
    terminal.client.write_text(json.dumps(content))
    assert (await terminal.run("read", token="env:HOME")).exit_code == 2


async def test_a_bank_that_is_away_is_no_refusal(terminal):
    await terminal.registered()
    assert (await terminal.run("token", token_endpoint="https://127.0.0.1:1/token")).exit_code == 3
