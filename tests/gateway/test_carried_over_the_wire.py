"""A market's own authorization server over real TLS, and what it may do to a registration: nothing stays half done."""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from admin_clients import aside
from aiohttp import web
from click.testing import CliRunner, Result
from staged_as import Came, StagedAs, Stop, behind, oauth_error
from town import Reply, Town, running

from dcrgw.cli import main

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Bank:
    """A town with one server behind its plain market."""

    town: Town
    server: StagedAs

    async def post(self, body: bytes) -> Reply:
        return await self.town.post(body, "generic")

    async def body(self, name: str | None = None) -> bytes:
        return await self.town.body("generic", contacts=[name or str(uuid4())])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.town.folder}/bank/registry.sqlite?mode=ro", uri=True)) as db:
            return db.execute(sql).fetchall()

    @property
    def pending(self) -> int:
        return self.rows("SELECT count(*) FROM clients WHERE status = 'pending'")[0][0]

    @property
    def errands(self) -> int:
        return self.rows("SELECT count(*) FROM errands")[0][0]

    async def settled(self) -> None:
        """Wait until the outbox has nothing left."""
        async with asyncio.timeout(60):
            while self.errands:  # noqa: ASYNC110 - it says so nowhere else
                await asyncio.sleep(0.02)

    def agrees(self) -> bool:
        """The same clients are active here and known there."""
        return {
            row[0] for row in self.rows("SELECT client_id FROM clients WHERE status IN ('active', 'suspended')")
        } == set(self.server.clients)

    async def reload(self, change: Callable[[str], str] = lambda text: text) -> list[str]:
        """Serve a changed configuration; the keys of what is wrong with it."""
        config = self.town.session.config
        config.write_text(change(config.read_text()))
        return [fault.key for fault in (await self.town.gateway.reload()).faults]

    async def reconcile(self, *arguments: str) -> Result:
        where = ("--socket", str(self.town.folder / "admin.sock"))
        return await aside(CliRunner().invoke, main, ["reconcile", *arguments, *where])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town_with_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bank]:
    folder = tmp_path_factory.mktemp("carrying")
    async with StagedAs() as server:
        more = "retry_s = 0.05\ntotal_s = 60.0\nalarm_s = 1"
        async with running(folder, behind("generic", server, folder, more=more)) as town:
            yield Bank(town, server)


@pytest.fixture
def bank(town_with_server: Bank) -> Iterator[Bank]:
    yield town_with_server
    town_with_server.server.says.clear()


def status(code: int, **headers: str) -> Callable[[Came], web.Response]:
    return lambda _: web.Response(status=code, headers=headers)


def text(body: str, kind: str = "application/json") -> Callable[[Came], web.Response]:
    return lambda _: web.Response(status=201, text=body, content_type=kind)


async def hang(_: Came) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


def lies(server: StagedAs, **members: Any) -> Callable[[Came], web.Response]:
    def answer(came: Came) -> web.Response:
        told = json.loads(server._register(came).body)
        return web.json_response({**told, **members}, status=201)

    return answer


UNKNOWN: dict[str, Callable[[Came], web.Response | Awaitable[web.Response]]] = {
    "it fails": status(500),
    "it is overloaded": status(503, **{"Retry-After": "7"}),
    "it asks to wait": status(429),
    "it says nothing": status(201),
    "it speaks of something else": text("<html>welcome</html>", "text/html"),
    "it is cut": text('{"client_id": "abc'),
    "it gives no id": text('{"redirect_uris": []}'),
    "it gives an id that is none": text('{"client_id": "../\\u0000"}'),
    "it says too much": text('{"client_id": "' + "a" * 300_000 + '"}'),
}


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN.keys())
async def test_what_nobody_knows_is_told_as_such_and_carried_on(bank: Bank, answer: Any) -> None:
    await carried_on(bank, answer)


async def test_server_that_hangs_is_waited_for_no_longer_than_configured(bank: Bank) -> None:
    assert await bank.reload(lambda config: config.replace("total_s = 60.0", "total_s = 1.0")) == []
    await carried_on(bank, hang)
    assert await bank.reload(lambda config: config.replace("total_s = 1.0", "total_s = 60.0")) == []


async def carried_on(bank: Bank, answer: Any) -> None:
    """A registration whose fate nobody knows is told so, and is made in the end."""
    bank.server.says["POST", "/reg"] = answer
    body = await bank.body()
    reply = await bank.post(body)
    assert (reply.status, reply.body["error"]) == (503, "temporarily_unavailable"), reply.body
    assert int(reply.headers["Retry-After"]) >= 1
    assert bank.pending == 1
    bank.server.says.clear()
    await bank.settled()
    assert bank.agrees()
    again = await bank.post(body)
    assert again.status == 201
    assert again.body["client_id"] in bank.server.clients


NO: dict[str, tuple[Callable[[Came], web.Response], int, str, list[str]]] = {
    "metadata": (
        lambda _: oauth_error(400, "invalid_client_metadata", "no such scope"),
        400,
        "invalid_client_metadata",
        ["upstream.metadata"],
    ),
    "redirects": (
        lambda _: oauth_error(400, "invalid_redirect_uri"),
        400,
        "invalid_redirect_uri",
        ["upstream.redirect_uris"],
    ),
    "taken": (lambda _: oauth_error(409, "conflict"), 400, "invalid_client_metadata", ["upstream.client_id.free"]),
    "gateway": (lambda _: oauth_error(401, "invalid_token"), 500, "server_error", []),
    "elsewhere": (status(302, Location="https://evil.example/"), 500, "server_error", []),
}


@pytest.mark.parametrize(("answer", "code", "error", "checks"), NO.values(), ids=NO.keys())
async def test_a_no_leaves_nothing_behind(bank: Bank, answer: Any, code: int, error: str, checks: list[str]) -> None:
    clients, used = bank.town.clients(), bank.town.used()
    bank.server.says["POST", "/reg"] = answer
    body = await bank.body()
    reply = await bank.post(body)
    assert (reply.status, reply.body["error"], reply.checks) == (code, error, checks), reply.body
    assert (bank.town.clients(), bank.town.used(), bank.errands) == (clients, used, 0)
    bank.server.says.clear()
    assert (await bank.post(body)).status == 201
    assert bank.agrees()


async def test_a_lie_is_refused_and_undone_there(bank: Bank) -> None:
    bank.server.says["POST", "/reg"] = lies(bank.server, redirect_uris=["https://evil.example/cb"])
    reply = await bank.post(await bank.body())
    assert (reply.status, reply.checks) == (400, ["upstream.members.kept"])
    await bank.settled()
    assert bank.agrees()


async def test_fifty_identical_requests_make_one_client_here_and_there(bank: Bank) -> None:
    body, before = await bank.body(), len(bank.server.clients)
    asked = bank.server.paths("POST").count("/reg")

    async def slow(came: Came) -> web.Response:
        await asyncio.sleep(0.2)
        return bank.server._register(came)

    bank.server.says["POST", "/reg"] = slow
    replies = await asyncio.gather(*(bank.post(body) for _ in range(50)))
    assert {reply.status for reply in replies} == {201}
    assert len({reply.body["client_id"] for reply in replies}) == 1
    assert len({json.dumps(reply.body) for reply in replies}) == 1
    assert (len(bank.server.clients) - before, bank.server.paths("POST").count("/reg") - asked) == (1, 1)


async def test_server_that_moves_while_something_waits_is_told_where_it_is_now(bank: Bank) -> None:
    bank.server.says["POST", "/reg"] = status(500)
    body = await bank.body()
    assert (await bank.post(body)).status == 503
    old = bank.server.url
    async with StagedAs(issuer=bank.server.issuer, trust=bank.server.trust) as moved:
        moved.clients, moved.tokens = bank.server.clients, bank.server.tokens
        assert await bank.reload(lambda config: config.replace(old, moved.url)) == []
        await bank.settled()
        assert (await bank.post(body)).status == 201
        assert "/reg" in moved.paths("POST")
        assert bank.agrees()
        bank.server.says.clear()
        assert await bank.reload(lambda config: config.replace(moved.url, old)) == []


async def test_generation_that_a_registration_began_under_serves_it_to_its_end(bank: Bank) -> None:
    name = str(uuid4())
    bank.server.stops["POST", name] = Stop.TOGETHER
    bank.server.opening.clear()
    async with asyncio.TaskGroup() as group:
        posting = group.create_task(bank.post(await bank.body(name)))
        await bank.server.all_reached(("POST", name))
        before = bank.town.gateway.generation
        assert await bank.reload(lambda config: config.replace("retry_s = 0.05", "retry_s = 0.06")) == []
        assert bank.town.gateway.generation == before + 1
        bank.server.opening.set()
    assert posting.result().status == 201
    assert bank.agrees()


async def test_sealing_keys_rotate_while_something_waits(bank: Bank) -> None:
    fresh = bank.town.folder / "bank" / "fresh.key"
    fresh.write_text(secrets.token_hex(32))
    fresh.chmod(0o600)
    old, both = '["file:bank/sealing.key"]', '["file:bank/fresh.key", "file:bank/sealing.key"]'
    bank.server.says["POST", "/reg"] = status(500)
    first, second = await bank.body(), await bank.body()
    assert (await bank.post(first)).status == 503
    assert await bank.reload(lambda config: config.replace(old, both)) == []
    assert (await bank.post(second)).status == 503
    assert await bank.reload(lambda config: config.replace(both, '["file:bank/fresh.key"]')) == [
        "registry.sealing_keys"
    ]
    assert await bank.reload(lambda config: config.replace('["file:bank/fresh.key"]', both)) == []
    bank.server.says.clear()
    await bank.settled()
    assert [(await bank.post(body)).status for body in (first, second)] == [201, 201]


async def test_probes_and_log_tell_of_what_waits_too_long(bank: Bank) -> None:
    bank.server.says["POST", "/reg"] = status(500)
    assert (await bank.post(await bank.body())).status == 503

    def told() -> str:
        health = bank.town.gateway.health
        return next((each.reason for each in health.conditions if each.component == "errands of generic"), "")

    async with asyncio.timeout(60):
        while "the oldest for" not in told():  # noqa: ASYNC110 - time goes by
            await asyncio.sleep(0.02)
    bank.server.says.clear()
    await bank.settled()
    async with asyncio.timeout(60):
        while told():  # noqa: ASYNC110 - it is told at the next look
            await asyncio.sleep(0.02)


async def test_what_waits_for_a_section_that_is_gone_is_told_and_goes_on_once_it_is_back(bank: Bank) -> None:
    bank.server.says["POST", "/reg"] = status(500)
    body = await bank.body()
    assert (await bank.post(body)).status == 503

    def told() -> str:
        health = bank.town.gateway.health
        return next((each.reason for each in health.conditions if each.component == "errands of generic"), "")

    good = bank.town.session.config.read_text()
    market, mark, section = good.partition("[market.upstream]")
    assert mark
    assert await bank.reload(lambda _: market + "[[market]]".join(("", *section.split("[[market]]")[1:]))) == []
    async with asyncio.timeout(50):
        while "1 of them of pending clients" not in told():  # noqa: ASYNC110 - it is told at the next look
            await asyncio.sleep(0.02)
    waits = await bank.post(body)
    assert waits.status == 503
    assert int(waits.headers["Retry-After"]) >= 60
    looked = await bank.reconcile("--json")
    assert looked.exit_code == 1
    assert [(each["kind"], each["mendable"]) for each in json.loads(looked.stdout)] == [("overdue", False)]
    config = ("--config", str(bank.town.session.config))
    doctor = await aside(CliRunner().invoke, main, ["doctor", "upstream", *config])
    assert doctor.exit_code == 1
    assert "1 of them of pending clients" in doctor.output
    bank.server.says.clear()
    assert await bank.reload(lambda _: good) == []
    assert (await bank.post(body)).status == 201
    await bank.settled()
    assert bank.agrees()


async def test_command_tells_what_differs_and_mends_it(bank: Bank) -> None:
    assert (await bank.reconcile()).exit_code == 0
    reply = await bank.post(await bank.body())
    client_id = reply.body["client_id"]
    bank.server.clients[client_id]["scope"] = "everything"
    gone = (await bank.post(await bank.body())).body["client_id"]
    del bank.server.clients[gone], bank.server.tokens[gone]
    told = await bank.reconcile("generic", "--json")
    assert told.exit_code == 1
    assert {(each["client_id"], each["kind"]) for each in json.loads(told.stdout)} == {
        (client_id, "differs"),
        (gone, "missing"),
    }
    told = await bank.reconcile("--mend", "--reason", "drill", "--json")
    assert told.exit_code == 0, told.output
    assert {each["outcome"] for each in json.loads(told.stdout)} == {"mended"}
    assert (await bank.reconcile()).exit_code == 0
    assert bank.agrees()
    bearer = {"Authorization": f"Bearer {reply.body['registration_access_token']}"}
    url = reply.body["registration_client_uri"]
    seen = await bank.town.post(b"", "generic", method="GET", url=url, headers=bearer)
    assert seen.body["client_id"] == client_id


async def test_command_says_so_when_it_cannot_look(bank: Bank) -> None:
    assert (await bank.reconcile("uk-3.2")).exit_code == 1
    reply = await bank.post(await bank.body())
    bank.server.says["GET", f"/reg/{reply.body['client_id']}"] = status(500)
    assert (await bank.reconcile()).exit_code == 3


async def test_suspended_client_stays_known_there_and_is_refused_here(bank: Bank) -> None:
    reply = await bank.post(await bank.body())
    client_id = reply.body["client_id"]
    where = ("--socket", str(bank.town.folder / "admin.sock"))
    suspended = await aside(CliRunner().invoke, main, ["clients", "suspend", f"generic/{client_id}", *where])
    assert suspended.exit_code == 0
    bearer = {"Authorization": f"Bearer {reply.body['registration_access_token']}"}
    url = reply.body["registration_client_uri"]
    body = await bank.town.body("generic", client_id=client_id)
    for method, sent in (("GET", b""), ("PUT", body), ("DELETE", b"")):
        assert (await bank.town.post(sent, "generic", method=method, url=url, headers=bearer)).status == 401
    assert client_id in bank.server.clients


async def test_deletion_during_an_update_never_brings_the_client_back(bank: Bank) -> None:
    reply = await bank.post(await bank.body())
    client_id, url = reply.body["client_id"], reply.body["registration_client_uri"]
    bearer = {"Authorization": f"Bearer {reply.body['registration_access_token']}"}
    name = str(uuid4())
    bank.server.stops["PUT", name] = Stop.TOGETHER
    bank.server.opening.clear()
    body = await bank.town.body("generic", client_id=client_id, contacts=[name])
    async with asyncio.TaskGroup() as group:
        putting = group.create_task(bank.town.post(body, "generic", method="PUT", url=url, headers=bearer))
        await bank.server.all_reached(("PUT", name))
        assert (await bank.town.post(b"", "generic", method="DELETE", url=url, headers=bearer)).status == 204
        bank.server.opening.set()
    assert putting.result().status == 401
    assert (await bank.town.post(b"", "generic", method="GET", url=url, headers=bearer)).status == 401
    await bank.settled()
    assert client_id not in bank.server.clients
    assert bank.agrees()


async def test_nothing_of_the_servers_credentials_is_logged_or_reported(bank: Bank) -> None:
    held = [*bank.server.tokens.values()]
    assert held
    said = "\n".join(
        str(row) for table in ("audit", "clients", "errands") for row in bank.rows(f"SELECT * FROM {table}")
    )
    for report, evidence in bank.town.gateway.recent.kept:
        said += repr(report) + repr(evidence.journal)
    assert not [token for token in held if token in said]
