"""`dcrgw run` as a process: it starts whole or says why not, drains, and keeps every promise over kill -9."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from gateway_process import directory, launch, serving
from town import Town

from dcrgw.sandbox.token import TokenService

pytestmark = pytest.mark.asyncio(loop_scope="module")

Acknowledged = dict[bytes, str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def apart(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A directory here, and a configuration for a gateway elsewhere."""
    async with directory(tmp_path_factory.mktemp("apart")) as town:
        yield town


async def acknowledge(town: Town, body: bytes, acknowledged: Acknowledged) -> None:
    """Post a body, and note its 201: what was promised once stays so."""
    reply = await town.post(body)
    assert reply.status == 201, reply.body
    assert acknowledged.setdefault(body, reply.body["client_id"]) == reply.body["client_id"]


async def under_load(town: Town, bodies: list[bytes], ending: Callable[[], Any], after: int) -> Acknowledged:
    """Four TPP connections at once; `ending` is called once `after` registrations were acknowledged."""
    acknowledged: Acknowledged = {}
    waiting, enough = list(bodies), asyncio.Event()

    async def post() -> None:
        with suppress(aiohttp.ClientError, ConnectionError):
            while waiting:
                await acknowledge(town, waiting.pop(), acknowledged)
                if len(acknowledged) >= after:
                    enough.set()

    async def end() -> None:
        await enough.wait()
        ending()

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(post())
        group.create_task(end())
    return acknowledged


async def check_promises(town: Town, bodies: list[bytes], acknowledged: Acknowledged) -> None:
    """Every acknowledged 201 is repeated; every other request is as if never sent, or as if answered."""
    for body in bodies:
        await acknowledge(town, body, acknowledged)
    assert len(set(acknowledged.values())) == len(bodies)
    with closing(sqlite3.connect(f"file:{town.folder}/bank/registry.sqlite?mode=ro", uri=True)) as db:
        (sound,) = db.execute("PRAGMA integrity_check").fetchone()
        clients = sorted(row[0] for row in db.execute("SELECT client_id FROM clients"))
        audited = sorted(row[0] for row in db.execute("SELECT client_id FROM audit WHERE decision = 'registered'"))
        sequences = [row[0] for row in db.execute("SELECT sequence FROM audit ORDER BY sequence")]
        used = db.execute("SELECT count(*) FROM used_tokens").fetchone()[0]
    assert sound == "ok"
    assert audited == clients
    assert used == len(clients)
    assert sequences == list(range(1, len(sequences) + 1))
    assert set(acknowledged.values()) <= set(clients)


async def test_sigterm_under_load_drains_and_ends_with_0(apart: Town) -> None:
    town, bodies = apart, [await apart.body() for _ in range(120)]
    async with serving(town) as gateway:
        acknowledged = await under_load(town, bodies, lambda: gateway.tell(signal.SIGTERM), after=40)
        assert await gateway.end() == 0
        assert [each["event"] for each in gateway.events if each["event"].startswith("drain")] == [
            "draining",
            "drained",
        ]
        answered = [each for each in gateway.events if each["event"] == "request"]
        assert {each["status"] for each in answered} == {201}
        assert len(answered) == len(acknowledged)
    await town.stop()
    async with serving(town):
        await check_promises(town, bodies, acknowledged)
    await town.stop()


async def kill_and_check(path: Path, rounds: int) -> None:
    chance = random.Random(rounds)
    async with directory(path) as town:
        bodies: list[bytes] = []
        acknowledged: Acknowledged = {}
        for _ in range(rounds):
            fresh = [await town.body() for _ in range(60)]
            bodies += fresh
            async with serving(town) as gateway:
                acknowledged |= await under_load(
                    town, fresh, lambda: gateway.tell(signal.SIGKILL), after=chance.randrange(1, 40)
                )
                assert await gateway.end() == -signal.SIGKILL
            await town.stop()
        async with serving(town):
            await check_promises(town, bodies, acknowledged)
        await town.stop()


async def test_kill_9_loses_no_acknowledged_registration(tmp_path: Path) -> None:
    await kill_and_check(tmp_path, rounds=1)


@pytest.mark.slow
async def test_many_kill_9_lose_no_acknowledged_registration(tmp_path: Path) -> None:
    await kill_and_check(tmp_path, rounds=15)


async def refused_start(town: Town, text: str, *, within: tuple[str, ...] = (), **environment: str) -> str:
    """What a gateway says that does not start with this configuration."""
    config = town.folder / "broken.toml"
    config.write_text(text)
    process = await launch(config, within=within, **environment)
    assert await process.end() == 1, process.output
    assert "Traceback" not in process.output
    return process.output


BROKEN: dict[str, tuple[Callable[[str], str], tuple[str, ...]]] = {
    "an unknown key": (lambda text: text.replace("[fetch]\n", "[fetch]\ntotal = 3\n"), ("fetch.total", "total_s")),
    "no TOML": (lambda text: text + "\n[[market", ("broken.toml",)),
    "a keystore that is not there": (
        lambda text: text.replace("bank/transport.p12", "bank/nowhere.p12"),
        ("transport_keystore", "nowhere.p12"),
    ),
    "a wrong password": (
        lambda text: text.replace("file:bank/transport.password", "env:WRONG"),
        ("transport_keystore", "transport.p12"),
    ),
    "a key of another certificate": (
        lambda text: text.replace('key = "bank/server.key"', 'key = "bank/signing.key"', 1),
        ("listeners.mtls.key", "server.pem"),
    ),
    "a registry that is no database": (
        lambda text: text.replace("bank/registry.sqlite", "bank/server.pem"),
        ("server.pem",),
    ),
    "a registry that cannot be made": (
        lambda text: text.replace('"bank/registry.sqlite"', '"/proc/registry.sqlite"'),
        ("/proc/registry.sqlite",),
    ),
}  # fmt: skip


#: What a process must have got wrong once in every run; what the settings' own tests show too may take its time.
EVERY_DAY = {"a keystore that is not there", "a wrong password", "a registry that cannot be made"}


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        pytest.param(*case, id=name, marks=[] if name in EVERY_DAY else [pytest.mark.slow])
        for name, case in BROKEN.items()
    ],
)
async def test_a_broken_start_ends_with_1_and_names_what_to_mend(
    apart: Town, edit: Callable[[str], str], named: tuple[str, ...]
) -> None:
    text = edit(apart.plain)
    assert text != apart.plain
    said = await refused_start(apart, text, WRONG="s3cr3t-wrong")
    assert [word for word in named if word not in said] == [], said
    assert "s3cr3t" not in said


async def test_a_second_gateway_on_the_same_port_ends_and_harms_nobody(apart: Town) -> None:
    town = apart
    async with serving(town) as first:
        assert (await town.post(await town.body())).status == 201
        said = await refused_start(town, town.plain)
        assert str(town.session.endpoints.mtls) in said
        assert (await town.post(await town.body())).status == 201
        first.tell(signal.SIGTERM)
        await town.stop()
        assert await first.end() == 0


#: Root without this capability is held to a file's mode like everybody else.
HELD_TO_MODES = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override") if os.geteuid() == 0 else ()


@pytest.mark.skipif(bool(HELD_TO_MODES) and not shutil.which("setpriv"), reason="nothing is read-only to root")
async def test_a_registry_that_is_read_only_is_named_at_the_start(apart: Town) -> None:
    file = apart.folder / "bank/registry.sqlite"
    file.touch(0o600)
    file.chmod(0o400)
    try:
        assert "registry.sqlite" in await refused_start(apart, apart.plain, within=HELD_TO_MODES)
    finally:
        file.chmod(0o600)


@pytest.mark.slow
async def test_a_registry_that_is_locked_or_taken_away_is_an_outage_and_nothing_is_promised(tmp_path: Path) -> None:
    async with directory(tmp_path) as town, serving(town):
        body, file = await town.body(), town.folder / "bank/registry.sqlite"
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            reply = await town.post(body)
            assert (reply.status, reply.body["error"]) == (503, "temporarily_unavailable")
            assert int(reply.headers["Retry-After"]) >= 1
            other.execute("ROLLBACK")
        first = await town.post(body)
        assert first.status == 201
        aside = file.rename(file.with_name("aside.sqlite"))
        reply = await town.post(await town.body())
        assert reply.status in (500, 503)
        assert set(reply.body) == {"error", "error_description", "report"}
        aside.rename(file)
        await town.stop()


def secrets_of(town: Town) -> dict[str, str]:
    """What nobody may ever read in a log or in an answer, by where it stands."""
    found = {
        str(file.relative_to(town.folder)): file.read_text().strip()
        for file in town.folder.rglob("*")
        if file.suffix in (".key", ".password") and file.is_file()
    }
    # Of a PEM file one line of its inside is enough to have leaked it.
    return {name: text.splitlines()[2] if text.startswith("-----") else text for name, text in found.items()}


SCRIPT = """
from dcrgw.scripting.types import ClientRegistrationType

class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        self.password = configurationAttributes.get("apiPassword").getValue2()
        return True
    def destroy(self, configurationAttributes):
        return True
    def updateClient(self, context):
        return True
    def createClient(self, context):
        if context.client.scope == "openid accounts":
            raise RuntimeError("password=" + self.password)
        return True
"""


async def test_canary_secrets_are_in_no_log_and_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens: list[str] = []
    grant = TokenService.grant

    def noting(self: TokenService, form: Any, caller: Any, now: float) -> Any:
        answer = grant(self, form, caller, now)
        tokens.extend((answer["access_token"], form["client_assertion"]))
        return answer

    monkeypatch.setattr(TokenService, "grant", noting)

    def edit(text: str) -> str:
        (tmp_path / "script.py").write_text(SCRIPT)
        (tmp_path / "api.password").write_text("canary-of-the-script-4f1b")
        (tmp_path / "api.password").chmod(0o600)
        return text.replace('level = "info"', 'level = "debug"') + (
            '\n[[script]]\ntype = "client_registration"\nname = "canary"\nfile = "script.py"\n'
            'properties = { apiPassword = "file:api.password" }\n'
        )

    async with directory(tmp_path, edit) as town:
        answers: list[str] = []
        async with serving(town) as gateway:
            for changes in ({}, {"scope": "openid accounts"}, {"scope": "openid nonsense"}, {"aud": "x"}):
                body = await town.body(**changes)
                answers.append(repr(await town.post(body)))
            secret = (await town.post(await town.body("generic"), "generic")).body["client_secret"]
            for endpoint in ("token", "scim", "jwks"):
                await town.break_down(endpoint, "garbage")
                answers.append(repr(await town.post(await town.body())))
            answers.append(repr(await town.post(b"eyJ." + body)))
            gateway.tell(signal.SIGTERM)
            await town.stop()
            assert await gateway.end() == 0
        statuses = [each["status"] for each in gateway.events if each["event"] == "request"]
        assert statuses[:5] == [201, 500, 400, 400, 201]
        canaries = secrets_of(town) | {"client_secret": secret, "request": body.decode()}
        canaries |= {f"token {n}": token for n, token in enumerate(tokens)}
        canaries["statement"] = (town.folder / "statement.jwt").read_text().strip()
        assert len(tokens) >= 2
        leaked = [name for name, text in canaries.items() if text in gateway.output]
        told = [name for name, text in canaries.items() if name != "statement" and text in "".join(answers)]
        assert (leaked, told) == ([], [])


async def test_a_gateway_whose_directory_is_down_starts_and_waits_for_it(tmp_path: Path) -> None:
    async with directory(tmp_path) as town:
        await town.break_down("jwks", "down")
        async with serving(town):
            health = f"{town.index()['health']}/readyz"
            async with aiohttp.ClientSession() as http, http.get(health) as answer:
                assert answer.status == 503
            assert (await town.post(await town.body())).status == 503
            await town.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_at_once_after_the_start_ends_with_0(apart: Town, number: signal.Signals) -> None:
    async with serving(apart) as gateway:
        gateway.tell(number)
        assert await gateway.end() == 0, gateway.output
        assert "drained" in {each["event"] for each in gateway.events}
