"""Changes while the gateway runs: every file and setting, good and bad, at the real listeners (faults F31 to F38)."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from admin_clients import ask
from cryptography import x509
from cryptography.x509.oid import NameOID
from town import UK, Town, running
from town_log import until_written
from wire import client_tls, request, wire

from dcrgw import app
from dcrgw.adapters.clock import SystemClock
from dcrgw.adapters.sealer import key_id
from dcrgw.config.faults import ConfigFault, ConfigurationRefused
from dcrgw.config.loading import load
from dcrgw.sandbox import traffic
from dcrgw.sandbox.token import Caller
from dcrgw.testkit.certificates import CertificateAuthority, Issued, new_key

pytestmark = pytest.mark.asyncio(loop_scope="module")

REGISTER = f"/{UK}/register"


def edit(text: str) -> str:
    """Changes are read when a test says so; a second file of roots, which publish no lists, stands beside the
    directory's.
    """
    if "[reload]" in text:
        return text
    text = text.replace('mode = "hard"', 'mode = "off"')
    # One answer of the directory is held back while a change is made, however long that takes.
    text = text.replace("[fetch]\n", "[fetch]\ntotal_s = 60\n")
    return text.replace('trust = ["ca.pem"]', 'trust = ["ca.pem", "more.pem"]') + "\n[reload]\ninterval_s = 0\n"


class Bank:
    """The gateway's files, each put back as it was at the end of a test."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self._before: dict[Path, bytes] = {}

    def put(self, name: str, content: bytes) -> None:
        """Write a file as operators should: beside the old one, renamed over it."""
        path = self.town.folder / name
        self._before.setdefault(path, path.read_bytes())
        fresh = path.with_name(path.name + ".new")
        fresh.write_bytes(content)
        fresh.chmod(0o600)
        fresh.rename(path)

    def config(self, before: str, after: str) -> None:
        """Change the configuration's text."""
        text = self.town.session.config.read_text()
        assert before in text
        self.put(self.town.session.config.name, text.replace(before, after).encode())

    def serve(self, issued: Issued) -> None:
        """Give the listeners another certificate and key."""
        self.put("bank/server.pem", issued.chain_pem)
        self.put("bank/server.key", issued.key_pem)

    def settle(self) -> None:
        """Let the configuration stay as it is now."""
        self._before[self.town.session.config] = self.town.session.config.read_bytes()

    def restore(self) -> None:
        """All as before."""
        for path, content in self._before.items():
            self.put(str(path.relative_to(self.town.folder)), content)


EXTRA = CertificateAuthority.create("A root beside the directory's")
OTHER = CertificateAuthority.create("Another root beside it")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("sandbox")
    (folder / "more.pem").write_bytes(EXTRA.certificate_pem + OTHER.certificate_pem)
    async with running(folder, edit) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def bank(town: Town) -> AsyncIterator[Bank]:
    files = Bank(town)
    yield files
    files.restore()
    assert not (await town.gateway.reload()).faults


def extra_pair(town: Town, authority: CertificateAuthority = EXTRA) -> tuple[Path, Path]:
    """A certificate of the default TPP, by another root."""
    parties = town.session.parties
    issued = authority.issue(
        "obtransport",
        software_id=parties.default.software.software_id,
        org_id=parties.default.organisation.org_id,
    )
    certificate, key = town.folder / "extra-tpp.pem", town.folder / "extra-tpp.key"
    certificate.write_bytes(issued.chain_pem)
    key.write_bytes(issued.key_pem)
    return certificate, key


async def shown(town: Town) -> bytes:
    """The certificate that a new connection is shown, DER."""
    async with wire(town) as connection:
        return connection.writer.get_extra_info("ssl_object").getpeercert(True)


async def readiness(town: Town) -> dict[str, Any]:
    """/readyz: its components by name, and the status under `status`."""
    async with wire(town, "health") as connection:
        heard = await connection.ask(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return {"status": heard.status, **{each["component"]: each for each in heard.json["components"]}}


async def test_a_new_certificate_is_shown_to_new_connections_and_old_ones_go_on(town: Town, bank: Bank) -> None:
    renewed = town.session.parties.authorities.server()
    async with wire(town) as kept:
        before = town.gateway.generation
        bank.serve(renewed)
        done = await town.gateway.reload()
        assert done.generation == before + 1
        assert [Path(each).name for each in done.changes] == ["server.key", "server.pem"]
        assert await shown(town) == renewed.der
        answer = await kept.ask(request(town, await town.body()))
    assert answer.status == 201
    assert town.gateway.reports[-1].generation == before + 1


async def test_a_request_under_way_ends_in_the_generation_that_it_began_in(
    town: Town, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = asyncio.Event()

    async def until_told(_seconds: float) -> None:
        await goes_on.wait()

    monkeypatch.setattr(traffic, "asyncio", SimpleNamespace(sleep=until_told))
    seen = await town.times_asked("scim")
    await town.break_down("scim", "slow")
    try:
        before, former = town.gateway.generation, town.gateway._serving.generation
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(town.post(await town.body()))
            await town.until_asked("scim", seen + 1)
            bank.config('format = "console"', 'format = "console"\n\n[limits]\nbody_s = 19\n')
            assert (await town.gateway.reload()).generation == before + 1
            # What the request under way stands on is still open.
            assert former.parts.healths
            goes_on.set()
        assert asked.result().status == 201
        assert town.gateway.reports[-1].generation == before
        async with asyncio.timeout(60):
            while former.parts.healths:  # noqa: ASYNC110 - its end tells nobody
                await asyncio.sleep(0.01)
    finally:
        goes_on.set()
        await town.break_down("scim", "none")


def _server_of(authority: CertificateAuthority, **dates: Any) -> Issued:
    issued = authority.issue_server("localhost", "127.0.0.1", "::1")
    if not dates:
        return issued
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    return authority.issue(subject=subject, eku=("serverAuth",), extensions=((names, False),), **dates)


def truncated(town: Town, bank: Bank) -> str:
    store = (town.folder / "bank/transport.p12").read_bytes()
    bank.put("bank/transport.p12", store[: len(store) // 2])
    return "directory[0].transport_keystore"


def wrong_password(town: Town, bank: Bank) -> str:
    bank.put("bank/transport.password", b"not the password")
    return "directory[0].transport_keystore"


def mismatch(town: Town, bank: Bank) -> str:
    bank.put("bank/server.key", town.session.parties.authorities.server().key_pem)
    return "listeners.mtls.key"


def expired(town: Town, bank: Bank) -> str:
    bank.serve(_server_of(town.session.parties.authorities.root, not_before=0.0, not_after=86_400.0))
    return "listeners.mtls.key"


def another_name(town: Town, bank: Bank) -> str:
    bank.serve(town.session.parties.authorities.root.issue_server("elsewhere.example"))
    return "market[0].base_url"


def empty_trust(town: Town, bank: Bank) -> str:
    bank.put("more.pem", b"")
    return "market[0].trust[1]"


def key_among_trust(town: Town, bank: Bank) -> str:
    bank.put("more.pem", EXTRA.certificate_pem + _server_of(EXTRA).key_pem)
    return "market[0].trust[1]"


def no_toml(town: Town, bank: Bank) -> str:
    bank.config("[limits]" if "[limits]" in town.session.config.read_text() else "[fetch]", "[fetch")
    return "dcrgw.toml"


def typing_error(town: Town, bank: Bank) -> str:
    bank.config("cooldown_s", "cooldowns")
    return "keysets.cooldowns"


def listener_moved(town: Town, bank: Bank) -> str:
    bank.config('host = "127.0.0.1"', 'host = "127.0.0.2"')
    return "listeners.mtls.host"


def registry_moved(town: Town, bank: Bank) -> str:
    bank.config("bank/registry.sqlite", "bank/other.sqlite")
    return "registry.path"


def listener_gone(town: Town, bank: Bank) -> str:
    text = town.session.config.read_text()
    start = text.index("[listeners.health]")
    bank.config(text[start : text.index("[admin]")], "")
    return "listeners.health.host"


BAD = (
    truncated, wrong_password, mismatch, expired, another_name, empty_trust, key_among_trust, no_toml, typing_error,
    listener_moved, registry_moved, listener_gone,
)  # fmt: skip


@pytest.mark.parametrize("spoil", BAD, ids=lambda each: each.__name__)
async def test_a_bad_change_keeps_the_old_and_says_why(town: Town, bank: Bank, spoil: Any) -> None:
    before, certificate = town.gateway.generation, await shown(town)
    key = spoil(town, bank)
    done = await town.gateway.reload()
    assert key in [fault.key for fault in done.faults]
    assert done.generation == town.gateway.generation == before
    assert await shown(town) == certificate
    assert (await town.post(await town.body())).status == 201
    told = await readiness(town)
    # The old generation serves: a slip in a file takes no gateway out of service.
    assert told["status"] == 200
    assert any(detail.startswith(f"{key}: ") for detail in told["configuration"]["details"])


async def test_a_mended_file_is_taken_and_the_complaint_is_over(town: Town, bank: Bank) -> None:
    mismatch(town, bank)
    assert (await town.gateway.reload()).faults
    bank.restore()
    assert not (await town.gateway.reload()).faults
    assert "details" not in (await readiness(town))["configuration"]


async def test_a_removed_ca_is_refused_on_kept_connections_and_in_new_handshakes(town: Town, bank: Bank) -> None:
    pair = extra_pair(town)
    tls = client_tls(town, pair)
    async with wire(town, tls=tls) as kept:
        assert (await kept.ask(request(town, await town.body()))).status == 201
        bank.put("more.pem", OTHER.certificate_pem)
        assert not (await town.gateway.reload()).faults
        answer = await kept.ask(request(town, await town.body()))
    assert answer.status == 401
    assert answer.checks[0].startswith("tls.")
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        async with wire(town, tls=tls) as fresh:
            await fresh.ask(request(town, await town.body()))
    # Everybody else is served as before.
    assert (await town.post(await town.body())).status == 201


async def test_an_added_ca_is_taken_from_the_next_handshake_on(town: Town, bank: Bank) -> None:
    newcomer = CertificateAuthority.create("A newcomer")
    pair = extra_pair(town, newcomer)
    bank.put("more.pem", EXTRA.certificate_pem + newcomer.certificate_pem)
    assert not (await town.gateway.reload()).faults
    async with wire(town, tls=client_tls(town, pair)) as connection:
        assert (await connection.ask(request(town, await town.body()))).status == 201


async def test_what_a_change_does_not_touch_keeps_its_caches(town: Town, bank: Bank) -> None:
    assert (await town.post(await town.body())).status == 201
    before = (await town.times_asked("jwks"), await town.times_asked("token"))
    bank.serve(town.session.parties.authorities.server())
    assert not (await town.gateway.reload()).faults
    assert (await town.post(await town.body())).status == 201
    assert (await town.times_asked("jwks"), await town.times_asked("token")) == before


async def test_a_new_transport_certificate_is_shown_to_the_directory(town: Town, bank: Bank) -> None:
    asked = await town.times_asked("token")
    issued = town.session.parties.authorities.issuing.issue(
        "obtransport",
        software_id=town.session.parties.bank.software.software_id,
        org_id=town.session.parties.bank.organisation.org_id,
        key=new_key("rsa2048"),
    )
    known = town.session.tokens.clients[town.session.parties.bank.software.software_id]
    town.session.tokens.lodge(replace(known, certificates=known.certificates | {Caller(issued.der).digest}))
    bank.put("bank/transport.password", b"a new password too")
    bank.put("bank/transport.p12", issued.pkcs12(b"a new password too"))
    assert not (await town.gateway.reload()).faults
    assert (await town.post(await town.body())).status == 201
    # A token is bound to the certificate that it was asked with: another certificate asks for another.
    assert await town.times_asked("token") == asked + 1


async def test_a_directory_whose_keys_are_not_to_be_had_as_configured_now_keeps_the_old(town: Town, bank: Bank) -> None:
    stranger = CertificateAuthority.create("A stranger")
    (town.folder / "stranger.pem").write_bytes(stranger.certificate_pem)
    bank.config('trust_keystore = "ca.pem"', 'trust_keystore = "stranger.pem"')
    before = town.gateway.generation
    done = await town.gateway.reload()
    assert [fault.key for fault in done.faults] == ["directory.primary.keys"]
    assert town.gateway.generation == before
    assert (await town.post(await town.body())).status == 201


async def test_a_decision_names_the_generations_that_made_it(town: Town, bank: Bank) -> None:
    async def names() -> dict[str, str]:
        assert (await town.post(b"a.b.c")).status == 400
        return (await ask(town.folder / "admin.sock", "GET", "/reports/last")).body["generations"]

    async def after_reload() -> dict[str, str]:
        assert not (await town.gateway.reload()).faults
        return await names()

    first = await names()
    bank.config("cooldown_s = 1", "cooldown_s = 3")
    second = await after_reload()
    assert {name for name in first if first[name] != second[name]} == {"gateway", "configuration"}
    bank.put("more.pem", EXTRA.certificate_pem)
    third = await after_reload()
    assert {name for name in first if second[name] != third[name]} == {"gateway", "trust"}
    bank.restore()
    again = await after_reload()
    assert {name for name in first if first[name] != again[name]} == {"gateway"}
    assert {"dcrgw", "gateway", "configuration", "trust"} == first.keys()


async def test_a_key_that_only_recorded_decisions_need_cannot_go(town: Town, bank: Bank) -> None:
    admin, key = town.folder / "admin.sock", bytes(range(7, 39))
    (town.folder / "bank/recorded.key").write_text(key.hex())
    (town.folder / "bank/recorded.key").chmod(0o600)
    one, both = (
        'sealing_keys = ["file:bank/sealing.key"]',
        'sealing_keys = ["file:bank/recorded.key", "file:bank/sealing.key"]',
    )
    bank.config(one, both)
    assert not (await town.gateway.reload()).faults
    await recorded(town)
    bank.config(both, one)
    (fault,) = (await town.gateway.reload()).faults
    assert (fault.key, key_id(key) in fault.reason) == ("registry.sealing_keys", True)
    # A gateway does not start so either: nobody would notice that the record cannot be read.
    with pytest.raises(ConfigurationRefused) as refused:
        await app.start(load(town.session.config))
    assert refused.value.faults == (fault,)
    assert (await ask(admin, "POST", "/evidence/purge?all=true")).status == 200
    assert not (await town.gateway.reload()).faults


async def recorded(town: Town) -> None:
    """Have one more decision in the record, and so all before it. It leaves nothing sealed but its bundle."""
    label = str(uuid4())
    assert (await town.post(b"a.b.c", headers={"x-fapi-interaction-id": label})).status == 400
    query = f"/evidence?interaction_id={label}"
    async with asyncio.timeout(60):
        while not (await ask(town.folder / "admin.sock", "GET", query)).body["decisions"]:  # noqa: ASYNC110 - it is told over HTTP alone
            await asyncio.sleep(0.02)


async def test_sealing_keys_rotate_while_clients_are_served(town: Town, bank: Bank) -> None:
    secret = {"token_endpoint_auth_method": "client_secret_basic", "tls_client_auth_subject_dn": None}
    registered = await town.post(await town.body(**secret))
    assert registered.status == 201, registered.body
    (town.folder / "bank/fresh.key").write_bytes(b"a0b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e90")
    (town.folder / "bank/fresh.key").chmod(0o600)
    both = 'sealing_keys = ["file:bank/fresh.key", "file:bank/sealing.key"]'
    bank.config('sealing_keys = ["file:bank/sealing.key"]', both)
    assert not (await town.gateway.reload()).faults
    later = await town.post(await town.body(**secret))
    assert later.status == 201
    # Both are needed now, whichever is in front: neither may go.
    for kept in ("fresh", "sealing"):
        text = town.session.config.read_text()
        bank.config(both, f'sealing_keys = ["file:bank/{kept}.key"]')
        assert [fault.key for fault in (await town.gateway.reload()).faults] == ["registry.sealing_keys"]
        bank.put(town.session.config.name, text.encode())
    for each in (registered, later):
        client = f"/clients/{UK}/{each.body['client_id']}"
        assert (await ask(town.folder / "admin.sock", "GET", client)).status == 200
    reversed_ = 'sealing_keys = ["file:bank/sealing.key", "file:bank/fresh.key"]'
    bank.config(both, reversed_)
    bank.settle()


async def test_a_key_that_goes_seals_nothing_between_the_look_for_it_and_the_swap(
    town: Town, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = {"token_endpoint_auth_method": "client_secret_basic", "tls_client_auth_subject_dn": None}
    passing, sealer = bytes(range(11, 43)), town.gateway._sealer
    (town.folder / "bank/passing.key").write_text(passing.hex())
    (town.folder / "bank/passing.key").chmod(0o600)
    await recorded(town)
    bank.config("sealing_keys = [", 'sealing_keys = ["file:bank/passing.key", ')
    assert not (await town.gateway.reload()).faults
    assert sealer.seal("now", "here").split(".")[1] == key_id(passing)
    between: list[Any] = []

    async def refuses(fresh: Any) -> tuple[ConfigFault, ...]:
        between.append(sealer.seal("now", "here").split(".")[1])
        return (ConfigFault("reload.gate", "not today"),)

    async def passes(fresh: Any) -> tuple[ConfigFault, ...]:
        # The look at what is stored is over, and the old generation serves.
        between.append(await town.post(await town.body(**secret)))
        return ()

    monkeypatch.setattr(town.gateway._reloading, "_gate", refuses)
    bank.config('"file:bank/passing.key", ', "")
    assert [fault.key for fault in (await town.gateway.reload()).faults] == ["reload.gate"]
    # What serves seals as it says again.
    assert sealer.seal("now", "here").split(".")[1] == key_id(passing) != between.pop()
    monkeypatch.setattr(town.gateway._reloading, "_gate", passes)
    assert not (await town.gateway.reload()).faults
    monkeypatch.undo()
    (reply,) = between
    assert reply.status == 201, reply.body
    client = f"/clients/{UK}/{reply.body['client_id']}"
    assert (await ask(town.folder / "admin.sock", "GET", client)).status == 200
    assert key_id(passing) not in await town.gateway._reloading._lasting.decisions.sealed_with()


async def test_sealing_keys_do_not_go_all_at_once(town: Town, bank: Bank) -> None:
    (town.folder / "bank/alone.key").write_text(bytes(range(5, 37)).hex())
    (town.folder / "bank/alone.key").chmod(0o600)
    head, _, tail = town.session.config.read_text().partition("sealing_keys = [")
    rest = tail.partition("]")[2]
    bank.put(town.session.config.name, f'{head}sealing_keys = ["file:bank/alone.key"]{rest}'.encode())
    assert [fault.key for fault in (await town.gateway.reload()).faults] == ["registry.sealing_keys"]


async def test_an_administrator_reloads_over_the_socket_and_hears_why_not(town: Town, bank: Bank) -> None:
    socket = town.folder / "admin.sock"
    before = town.gateway.generation
    bank.config("cooldown_s = 1", "cooldown_s = 2")
    done = await ask(socket, "POST", "/reload")
    assert (done.status, done.body["generation"]) == (200, before + 1)
    assert "keysets.cooldown_s: 1 -> 2" in done.body["changes"]
    typing_error(town, bank)
    refused = await ask(socket, "POST", "/reload")
    assert (refused.status, refused.body["generation"]) == (409, before + 1)
    assert [fault["key"] for fault in refused.body["faults"]] == ["keysets.cooldowns"]
    assert (await ask(socket, "GET", "/reload")).status == 405


async def test_no_secret_is_told_by_a_change(town: Town, bank: Bank, log: Any) -> None:
    password = (town.folder / "bank/transport.password").read_text()
    wrong_password(town, bank)
    done = await town.gateway.reload()
    told = json.dumps([str(fault) for fault in done.faults]) + log.getvalue() + json.dumps(await readiness(town))
    assert "not the password" not in told
    assert password not in told


async def test_a_certificate_near_its_end_is_told_and_an_expired_one_keeps_no_other_change_out(
    town: Town, bank: Bank, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    bank.serve(_server_of(town.session.parties.authorities.root, not_before=now - 60, not_after=now + 3600))
    assert not (await town.gateway.reload()).faults
    told = (await readiness(town))["certificates"]
    assert any("the mutual TLS listener" in each for each in told["details"])
    await until_written(log, '"certificate_expires"')
    monkeypatch.setattr(SystemClock, "now", lambda _: now + 3601)
    bank.put("more.pem", OTHER.certificate_pem)
    done = await town.gateway.reload()
    assert (done.faults, (await readiness(town))["status"]) == ((), 503)
    # But no gateway starts on one, and none takes a new one that is over.
    fresh = _server_of(town.session.parties.authorities.root, not_before=now - 60, not_after=now - 1)
    bank.serve(fresh)
    assert [fault.key for fault in (await town.gateway.reload()).faults] == [
        "listeners.mtls.key",
        "listeners.public.key",
    ]
