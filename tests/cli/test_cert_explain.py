"""`dcrgw cert explain` says of a certificate what the gateway would, from a file of any form or from a server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.cli.cert import explain
from dcrgw.core.registration.certificate_words import facts
from dcrgw.sandbox.session import Ports, Session, session
from dcrgw.testkit.certificates import CertificateAuthority, Issued
from dcrgw.testkit.revocation import revocation_list

PASSWORDS = {"STORE": "secret", "WRONG": "wrong"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Session]:
    async with session(tmp_path_factory.mktemp("sandbox"), Ports(), lambda _: None) as opened:
        yield opened


async def invoke(*arguments: Path | str) -> Result:
    """In a thread, as the sandbox that is asked about revocation serves in this one."""
    result = await asyncio.to_thread(CliRunner().invoke, explain, [str(each) for each in arguments], env=PASSWORDS)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


async def run(sandbox: Session, where: Path | str, *options: str) -> Result:
    return await invoke(where, "--config", sandbox.config, *options)


async def told(sandbox: Session, where: Path | str, *options: str) -> dict[str, Any]:
    return json.loads((await run(sandbox, where, "--json", *options)).stdout)


async def manage(sandbox: Session, path: str, **order: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.post(sandbox.endpoints.management + path, json=order) as answer:
        assert answer.status < 300, await answer.text()
        return await answer.json()


def put(sandbox: Session, name: str, content: bytes) -> Path:
    path = sandbox.folder.path / name
    path.write_bytes(content)
    return path


@pytest.mark.asyncio(loop_scope="module")
async def test_right_certificate_is_taken_and_its_names_told(sandbox: Session) -> None:
    found = await told(sandbox, sandbox.folder.path / "transport.pem")
    software = sandbox.parties.default.software
    by_market = {each["market"]: each for each in found["markets"]}
    of_another_framework = {"brazil", "australia"}
    assert {name for name, each in by_market.items() if not each["is_taken"]} == of_another_framework
    assert software.software_id in by_market["uk-3.2"]["names"]
    assert software.org_id in by_market["uk-3.2"]["names"]
    assert by_market["uk-3.2"]["kind"] == "obtransport"
    assert found["certificates"][0]["revocation lists"] == [f"{sandbox.endpoints.revocations}/issuing.crl"]
    assert found["certificates"][1]["may issue certificates"] == "yes"


@pytest.mark.asyncio(loop_scope="module")
async def test_stranger_s_certificate_is_refused_by_its_rule_and_still_named(sandbox: Session) -> None:
    stranger = CertificateAuthority.create("Stranger").issue("obwac", org_id="0015800000TPPAAAA1", eku=("serverAuth",))
    found = await told(sandbox, put(sandbox, "stranger.pem", stranger.chain_pem), "--market", "uk-3.4")
    (word,) = found["markets"]
    assert not word["is_taken"]
    assert {each["check"] for each in word["refusals"]} == {"tls.leaf.purpose", "tls.path.anchored"}
    assert (word["kind"], "0015800000TPPAAAA1" in word["names"]) == ("obwac", True)
    assert found["certificates"][0]["PSD2 roles"] == ["PSP_PI", "PSP_AI"]
    assert "FCA of GB" in found["certificates"][0]["organisation"]


@pytest.mark.asyncio(loop_scope="module")
async def test_every_form_of_file_tells_the_same(sandbox: Session) -> None:
    tpp = sandbox.parties.default.transport
    forms = {
        "chain.pem": tpp.chain_pem,
        "both.pem": tpp.key_pem + tpp.chain_pem,
        "leaf.der": tpp.der,
        "store.p12": tpp.pkcs12(b"secret"),
    }
    digests = {
        (await told(sandbox, put(sandbox, name, content), "--password", "env:STORE"))["certificates"][0]["x5t#S256"]
        for name, content in forms.items()
    }
    assert len(digests) == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_exit_code_says_whether_any_market_takes_it(sandbox: Session) -> None:
    assert (await run(sandbox, sandbox.folder.path / "transport.pem")).exit_code == 0
    server = put(sandbox, "server.pem", sandbox.parties.bank.server.chain_pem)
    result = await run(sandbox, server)
    assert result.exit_code == 1
    assert "tls.leaf.purpose" in result.stdout


@pytest.mark.asyncio(loop_scope="module")
async def test_revoked_certificate_is_told_and_refused_unless_nobody_is_asked(sandbox: Session) -> None:
    made = await manage(sandbox, "/certificates", kind="obtransport")
    path = put(sandbox, "revoked.pem", (made["certificate"] + "".join(made["chain"])).encode())
    (word,) = (await told(sandbox, path, "--market", "uk-3.2"))["markets"]
    assert (word["is_taken"], len(word["revocation"])) == (True, 2)
    await manage(sandbox, "/certificates/revoke", certificate=made["certificate"], reason="keyCompromise")
    (word,) = (await told(sandbox, path, "--market", "uk-3.2"))["markets"]
    assert [each["check"] for each in word["refusals"]] == ["tls.revocation.not_revoked"]
    assert "revoked" in word["revocation"][0]
    (word,) = (await told(sandbox, path, "--market", "uk-3.2", "--offline"))["markets"]
    assert (word["is_taken"], word["revocation"]) == (True, [])


@pytest.mark.asyncio(loop_scope="module")
async def test_profile_and_trust_are_enough_to_judge(sandbox: Session, tmp_path: Path) -> None:
    root = CertificateAuthority.create("Root")
    issued = root.issue(software_id="sw", org_id="org", key_type="p256")
    (tmp_path / "root.pem").write_bytes(root.certificate_pem)
    (tmp_path / "tpp.pem").write_bytes(issued.chain_pem)
    judged = (tmp_path / "tpp.pem", "--profile", "obuk-3.3", "--trust", tmp_path / "root.pem", "--json")
    assert (await invoke(*judged)).exit_code == 0
    for revoked, checks in (
        ((), []),
        ((issued.certificate.serial_number,), ["tls.revocation.not_revoked"]),
    ):
        (tmp_path / "root.crl").write_bytes(revocation_list(root, revoked, at=time.time()))
        found = json.loads((await invoke(*judged, "--crl", tmp_path / "root.crl")).stdout)
        assert [each["check"] for each in found["markets"][0]["refusals"]] == checks
    (tmp_path / "root.crl").write_bytes(revocation_list(root, at=time.time() - 7200))
    found = json.loads((await invoke(*judged, "--crl", tmp_path / "root.crl")).stdout)
    assert [each["check"] for each in found["markets"][0]["refusals"]] == ["tls.revocation.known"]


@pytest.mark.parametrize(
    "options",
    [
        ("--profile", "obuk-3.3"),
        ("--profile", "obuk-9", "--trust", "root.pem"),
        ("--profile", "obuk-3.3", "--trust", "nowhere.pem"),
        ("--trust", "root.pem"),
        ("--profile", "obuk-3.3", "--trust", "root.pem", "--ask", "not a place"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_profile_without_what_it_needs_is_a_sentence(tmp_path: Path, options: tuple[str, ...]) -> None:
    root = CertificateAuthority.create("Root")
    for name in ("root.pem", "tpp.pem"):
        (tmp_path / name).write_bytes(root.certificate_pem)
    named = [tmp_path / each if each.endswith(".pem") else each for each in options]
    result = await invoke(tmp_path / "tpp.pem", *named)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


@pytest.mark.asyncio(loop_scope="module")
async def test_password_itself_is_not_taken(sandbox: Session) -> None:
    result = await run(sandbox, "store.p12", "--password", "hunter2")
    assert result.exit_code == 2
    assert "hunter2" not in result.output


@pytest.mark.asyncio(loop_scope="module")
async def test_live_server_is_looked_at_without_being_trusted(sandbox: Session) -> None:
    place = sandbox.endpoints.keystore.removeprefix("https://")
    found = await told(sandbox, place)
    assert found["certificates"][0]["DNS names"] == ["localhost"]


@pytest.mark.parametrize(
    ("where", "options"),
    [
        ("nowhere.pem", ()),
        ("127.0.0.1:1", ()),
        ("sandbox.toml", ()),
        ("store.p12", ("--password", "env:WRONG")),
        ("transport.pem", ("--market", "elsewhere")),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_looked_at_is_a_sentence(sandbox: Session, where: str, options: tuple[str, ...]) -> None:
    put(sandbox, "sandbox.toml", b"name = 1")
    put(sandbox, "store.p12", sandbox.parties.default.transport.pkcs12(b"secret"))
    place = where if ":" in where else sandbox.folder.path / where
    result = await run(sandbox, place, *options)
    assert result.exit_code == 2
    assert result.stderr.startswith("dcrgw cert explain: ")


def broken() -> Issued:
    return CertificateAuthority.create("Root").issue(software_id="sw", org_id="org", key_type="p256")


LEAF = broken().certificate.public_bytes(Encoding.DER)


@settings(max_examples=80)
@given(place=st.integers(0, len(LEAF) - 1), octet=st.integers(1, 255))
def test_any_octets_are_facts_or_unreadable(place: int, octet: int) -> None:
    changed = bytearray(LEAF)
    changed[place] ^= octet
    assert facts(bytes(changed))
