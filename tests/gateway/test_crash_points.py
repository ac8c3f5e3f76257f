"""kill -9 at every step between registry and authorization server: after the restart both say the same.

The steps of an errand, as flows/errands.py has them, and where the process is killed here:

    judged, nothing stored            the registry's lock is held from outside
    pending, the server not reached   nobody listens there
    pending, the server has read it   BEFORE
    done there, no answer yet         AFTER
    answered, not confirmed here      TOGETHER, with the registry's lock held
    refused, not undone here          NO, with the registry's lock held
    confirmed, the TPP not answered   the same bytes are sent again
"""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from gateway_process import GatewayProcess, directory, launch
from staged_as import StagedAs, Stop, behind, twin
from town import Reply, Town

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: A market whose server can be asked for a client again, and one whose server gives ids of its own.
FINDS, FORGETS = "generic", "other"


@dataclass
class Place:
    """A directory here, two servers here, and a gateway that is a process of its own."""

    town: Town
    servers: dict[str, StagedAs]
    process: GatewayProcess | None = None

    @property
    def path(self) -> Path:
        return self.town.folder / "bank" / "registry.sqlite"

    async def start(self) -> None:
        self.process = await launch(self.town.session.config)
        await self.process.until("listening", listener="health")

    async def kill(self) -> None:
        """kill -9; and whoever held something lets go of it, as after a while they would."""
        assert self.process is not None
        await self.process.kill()
        for server in self.servers.values():
            server.reached.clear()
            server.stops.clear()

    def claims_run_out(self) -> None:
        """What the killed process held is anybody's."""
        with closing(sqlite3.connect(self.path)) as db, db:
            db.execute("UPDATE errands SET claimed_until = 0, due_at = 0")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nothing can be committed meanwhile."""
        with closing(sqlite3.connect(self.path, isolation_level=None, timeout=120)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield
            db.execute("ROLLBACK")

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as db:
            return db.execute(sql, parameters).fetchall()

    def errands(self) -> int:
        return self.rows("SELECT count(*) FROM errands")[0][0]

    async def settled(self) -> None:
        """Wait until there is nothing that a server has yet to be told."""
        async with asyncio.timeout(60):
            while self.errands():  # noqa: ASYNC110 - another process works on it
                await asyncio.sleep(0.05)

    def active(self, market: str) -> dict[str, str]:
        """client_id there -> contact of all clients that are registered."""
        found = self.rows("SELECT client_id, document FROM clients WHERE market = ? AND status = 'active'", market)
        documents = {client_id: json.loads(document) for client_id, document in found}
        assert all(document["upstream"]["client_id"] == client_id for client_id, document in documents.items())
        return {client_id: document["metadata"]["contacts"][0] for client_id, document in documents.items()}

    def orphans(self, market: str) -> int:
        """Audit rows that tell of one that may be there."""
        sql = "SELECT count(*) FROM audit WHERE market = ? AND json_extract(facts, '$.orphan') IS NOT NULL"
        return self.rows(sql, market)[0][0]

    async def post(self, market: str, name: str, method: str = "POST", answer: Any = None) -> Reply:
        """A request about the client of this name."""
        url = self.town.index("generic")["registration_endpoint"].replace("/generic/", f"/{market}/")
        body, headers = b"", {}
        if answer is not None:
            url += f"/{answer['client_id']}"
            headers = {"Authorization": f"Bearer {answer['registration_access_token']}"}
        if method != "DELETE":
            more = {"client_id": answer["client_id"]} if answer is not None else {}
            body = await self.town.body("generic", contacts=[name], **more)
        return await self.town.post(body, "generic", url=url, method=method, headers=headers)

    async def registered(self, market: str, name: str) -> dict[str, Any]:
        reply = await self.post(market, name)
        assert reply.status == 201, reply.body
        return reply.body

    def wants(self, market: str, stops: dict[tuple[str, str], Stop]) -> None:
        self.servers[market].stops |= stops


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("crashing")
    async with StagedAs() as finds, StagedAs(client_id_header="") as forgets:
        edits = [
            twin("generic", FORGETS),
            behind(FINDS, finds, folder, more="retry_s = 0.1"),
            behind(FORGETS, forgets, folder, kind="rfc7592", more="retry_s = 0.1"),
        ]

        def edit(text: str) -> str:
            for each in edits:
                text = each(text)
            return text

        async with directory(folder, edit) as town:
            place = Place(town, {FINDS: finds, FORGETS: forgets})
            await place.start()
            try:
                yield place
            finally:
                await place.kill()


async def cut(request: Any) -> None:
    """A request whose gateway is killed under it."""
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        pytest.fail(f"answered: {await request}")


async def perhaps_cut(request: Any) -> None:
    """The same, where its answer may have been on its way."""
    with suppress(aiohttp.ClientError, ConnectionError):
        await request


async def agreed(place: Place) -> None:
    """What is registered here is there, under the same id and name; what else is there was audited."""
    await place.settled()
    assert place.active(FINDS) == place.servers[FINDS].named()
    here, there = place.active(FORGETS), place.servers[FORGETS].named()
    assert here.items() <= there.items()
    assert len(there) - len(here) <= place.orphans(FORGETS)
    assert place.rows("SELECT count(*) FROM clients WHERE status = 'pending'") == [(0,)]


@pytest.mark.timeout(120)
async def test_killed_while_the_server_is_at_it(place: Place) -> None:
    before: dict[str, dict[str, dict[str, Any]]] = {}
    requests = []
    awaited: dict[str, dict[tuple[str, str], Stop]] = {}
    for market in (FINDS, FORGETS):
        before[market] = {
            name: await place.registered(market, f"{market} {name}")
            for name in ("put before", "put after", "delete before", "delete after")
        }
        awaited[market] = {
            ("POST", f"{market} post before"): Stop.BEFORE,
            ("POST", f"{market} post after"): Stop.AFTER,
            ("PUT", f"{market} put before, changed"): Stop.BEFORE,
            ("DELETE", f"{market} delete before"): Stop.BEFORE,
            ("DELETE", f"{market} delete after"): Stop.AFTER,
        }
        if market == FINDS:  # the other one's token would be lost with the answer
            awaited[market]["PUT", f"{market} put after, changed"] = Stop.AFTER
        place.wants(market, awaited[market])
        clients = before[market]
        requests += [
            place.post(market, name, method, clients.get(name.removeprefix(f"{market} ").removesuffix(", changed")))
            for method, name in awaited[market]
        ]
    async with asyncio.TaskGroup() as group:
        for request in requests:
            group.create_task(cut(request))
        for market in (FINDS, FORGETS):
            await place.servers[market].all_reached(*awaited[market])
        await place.kill()
    place.claims_run_out()
    await place.start()
    await agreed(place)
    for market in (FINDS, FORGETS):
        names = set(place.active(market).values())
        assert {f"{market} post before", f"{market} post after", f"{market} put before, changed"} <= names
        assert not {f"{market} delete before", f"{market} delete after", f"{market} put before"} & names
        for name in ("post before", "post after"):
            again = await place.registered(market, f"{market} {name}")
            assert place.active(market)[again["client_id"]] == f"{market} {name}"
    assert "generic put after, changed" in place.active(FINDS).values()
    # Its token of today is held here: what is asked with it is done.
    kept = before[FINDS]["put after"]
    assert (await place.post(FINDS, "once more", "PUT", kept)).status == 200
    await agreed(place)


@pytest.mark.timeout(120)
async def test_killed_between_the_servers_answer_and_its_confirmation(place: Place) -> None:
    awaited: dict[str, dict[tuple[str, str], Stop]] = {}
    requests = []
    for market in (FINDS, FORGETS):
        gone = await place.registered(market, f"{market} gone")
        awaited[market] = {
            ("POST", f"{market} answered"): Stop.TOGETHER,
            ("POST", f"{market} refused"): Stop.NO,
            ("DELETE", f"{market} gone"): Stop.TOGETHER,
        }
        if market == FINDS:
            kept = await place.registered(market, f"{market} kept")
            awaited[market]["PUT", f"{market} kept, changed"] = Stop.TOGETHER
            requests.append(place.post(market, f"{market} kept, changed", "PUT", kept))
        place.wants(market, awaited[market])
        requests += [
            place.post(market, f"{market} answered"),
            place.post(market, f"{market} refused"),
            place.post(market, "", "DELETE", gone),
        ]
    async with asyncio.TaskGroup() as group:
        for request in requests:
            group.create_task(cut(request))
        for market in (FINDS, FORGETS):
            await place.servers[market].all_reached(*awaited[market])
        with place.locked():
            for server in place.servers.values():
                server.opening.set()
                # Answers leave before they are read: whichever it is, nothing of it can be stored.
                await asyncio.sleep(0.05)
            await place.kill()
    place.claims_run_out()
    await place.start()
    await agreed(place)
    for market in (FINDS, FORGETS):
        names = list(place.active(market).values())
        assert names.count(f"{market} answered") == 1
        # It says no but once: whoever asks again is served.
        assert names.count(f"{market} refused") == 1
        assert f"{market} gone" not in names
    assert "generic kept, changed" in place.active(FINDS).values()


@pytest.mark.timeout(120)
async def test_killed_before_the_server_was_reached_and_before_anything_was_stored(place: Place) -> None:
    for server in place.servers.values():
        await server.stop()
    for market in (FINDS, FORGETS):
        reply = await place.post(market, f"{market} unheard")
        assert (reply.status, reply.body["error"]) == (503, "temporarily_unavailable")
        assert int(reply.headers["Retry-After"]) >= 1
        assert place.rows("SELECT count(*) FROM clients WHERE status = 'pending' AND market = ?", market) == [(1,)]
    with place.locked():
        async with asyncio.TaskGroup() as group:
            for market in (FINDS, FORGETS):
                group.create_task(cut(place.post(market, f"{market} unsaid")))
            await asyncio.sleep(0.3)
            await place.kill()
    for server in place.servers.values():
        await server.start()
    place.claims_run_out()
    await place.start()
    await agreed(place)
    for market in (FINDS, FORGETS):
        names = list(place.active(market).values())
        assert names.count(f"{market} unheard") == 1
        assert f"{market} unsaid" not in names
        assert (await place.registered(market, f"{market} unheard"))["client_id"] in place.active(market)
        assert (await place.registered(market, f"{market} unsaid"))["client_id"] in place.active(market)
    assert place.errands() == 0


@pytest.mark.timeout(120)
async def test_killed_after_the_confirmation_and_before_the_answer(place: Place) -> None:
    names = {market: f"{market} confirmed" for market in (FINDS, FORGETS)}
    for market in names:
        place.wants(market, {("POST", names[market]): Stop.TOGETHER})
    for server in place.servers.values():
        server.opening.clear()
    async with asyncio.TaskGroup() as group:
        for market, name in names.items():
            group.create_task(perhaps_cut(place.post(market, name)))
        for market, name in names.items():
            await place.servers[market].all_reached(("POST", name))
            place.servers[market].opening.set()
        for market, name in names.items():
            async with asyncio.timeout(60):
                while name not in place.active(market).values():  # noqa: ASYNC110 - another process works on it
                    await asyncio.sleep(0.001)
        await place.kill()
    await place.start()
    for market, name in names.items():
        again = await place.registered(market, name)
        assert list(place.active(market).values()).count(name) == 1
        assert again["client_id"] in place.servers[market].clients
    await agreed(place)
    place.process.tell(signal.SIGTERM)
    assert await place.process.end() == 0
