"""Requests, operators, the outbox and a failing server in any order, at once: in the end both say the same."""

from __future__ import annotations

import asyncio
import random
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from carrying_bank import CarryingBank, carrying_bank
from fake_server import CUT, DOWN, LIE, LOST, NO, STRANGER, FakeServer

from dcrgw.core.checks import Report
from dcrgw.core.registration.client import ClientStatus
from dcrgw.errors import GatewayError
from dcrgw.flows.administer import Operation, Order, administer
from dcrgw.flows.create import create
from dcrgw.flows.delete import delete
from dcrgw.flows.errands import carry, claim_s
from dcrgw.flows.reconcile import Mending, ReconcileDesk
from dcrgw.flows.update import update

FAULTS = (None, None, None, DOWN, CUT, LOST, NO, STRANGER, LIE)


@dataclass
class Story:
    """One bank and what happens to it."""

    bank: CarryingBank
    dice: random.Random
    bodies: list[bytes] = field(default_factory=list)
    #: client_id -> its token.
    known: dict[str, str] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: iter(range(10_000)))

    def report(self, operation: str) -> Report:
        return Report(f"report-{next(self.numbers)}", "label", operation, "uk", self.bank.clock.at)

    async def post(self) -> None:
        if not self.bodies or self.dice.random() < 0.6:
            self.bodies.append(self.bank.body(contacts=[f"{next(self.numbers)}@tpp.example"]))
        body = self.dice.choice(self.bodies)
        arrival = self.bank._arrival(body)
        client = (await create(arrival, self.bank.market, self.bank.ports, self.report("create"))).client
        assert client.status is ClientStatus.ACTIVE
        self.known[client.client_id] = client.secrets["registration_access_token"]

    async def put(self) -> None:
        client_id = self.dice.choice(list(self.known))
        changed = {"client_id": client_id, "contacts": [f"{self.dice.randrange(3)}@tpp.example"]}
        body = self.bank.body(**changed)

        async def receive() -> bytes:
            return body

        arrival = self.bank._call("PUT", client_id, self.known[client_id], None)
        await update(arrival, receive, self.bank.market, self.bank.ports, self.report("update"))

    async def end(self) -> None:
        client_id = self.dice.choice(list(self.known))
        arrival = self.bank._call("DELETE", client_id, self.known[client_id], None)
        await delete(arrival, self.bank.market, self.bank.ports, self.report("delete"))

    async def operate(self) -> None:
        [each] = self.dice.sample(await self.bank.store.search_all(), 1)
        operation = self.dice.choice((Operation.SUSPEND, Operation.RESTORE, Operation.DELETE))
        await administer(Order(operation, "uk", each.client_id, "admin:alice", "label"), self.bank.ports)

    async def work(self) -> None:
        """One step of an outbox."""
        opened = await self.bank.store.errands.opened()
        errand = self.dice.choice(opened)
        claimed = await self.bank.store.errands.claim(errand.key, claim_s(self.bank.upstream))
        if claimed is not None:
            report = Report(errand.report_id, "gateway", errand.act.value, "uk", self.bank.clock.at, author="gateway")
            await carry(claimed, self.bank.market, self.bank.ports, report)

    async def mend(self) -> None:
        [each] = self.dice.sample(await self.bank.store.search_all(), 1)
        desk = ReconcileDesk({"uk": self.bank.market}, self.bank.ports, self.bank.store)
        await desk.mend(Mending("uk", each.client_id, "admin:alice", "label"))

    async def wait(self) -> None:
        self.bank.clock.at += self.dice.choice((0.1, 5.0, 60.0, 90_000.0))

    async def happen(self) -> None:
        """Some things at once, whatever comes of each."""
        steps = (self.post, self.post, self.put, self.put, self.end, self.operate, self.work, self.work, self.mend)
        self.bank.server.faults.extend(self.dice.choices(FAULTS, k=6))
        chosen = [self.dice.choice((*steps, self.wait))() for _ in range(self.dice.randrange(1, 6))]
        for outcome in await asyncio.gather(*chosen, return_exceptions=True):
            # Nobody to choose from is no failure of the gateway.
            assert outcome is None or isinstance(outcome, (GatewayError, IndexError, ValueError)), repr(outcome)
            if isinstance(outcome, ValueError):
                assert "sample" in str(outcome).lower(), repr(outcome)

    async def come_to_rest(self) -> None:
        """The server is well again, and the outbox has all the time that it needs."""
        self.bank.server.faults.clear()
        for _ in range(2000):
            opened = await self.bank.store.errands.opened()
            # Where a token was lost for good, only the operator and the TPP can mend what differs.
            if not [each for each in opened if self.bank.server.finds_clients or not each.yields]:
                return
            self.bank.clock.at = max(self.bank.clock.at, opened[0].due_at, opened[0].claimed_until) + 0.001
            with suppress(GatewayError, IndexError):
                await self.work()
        raise AssertionError("it comes to no end")

    async def agree(self) -> None:
        clients = await self.bank.store.search_all()
        kept = {c.client_id for c in clients if c.status in (ClientStatus.ACTIVE, ClientStatus.SUSPENDED)}
        there = self.bank.server.clients
        assert {c.status for c in clients} <= {ClientStatus.ACTIVE, ClientStatus.SUSPENDED, ClientStatus.DELETED}
        if not self.bank.server.finds_clients:
            # Answers are lost for good there, and tokens with them: that is in the audit trail.
            rows = [line.record.facts for line in await self.bank.store.audit_tail(10_000)]
            assert len(set(there) - kept) <= sum(int(facts.get("orphans_at_most", 0)) for facts in rows)
            assert kept <= set(there)
            return
        assert kept == set(there)
        for client_id in kept:
            client = await self.bank.present(client_id)
            assert client.upstream_ref() == there[client_id].ref
            assert there[client_id].metadata["contacts"] == client.metadata.members["contacts"]


async def told(seed: int, path: Path) -> None:
    own_ids = seed % 3 == 2
    server = FakeServer(takes_client_id=not own_ids, finds_clients=not own_ids, lists=seed % 2 == 0 and not own_ids)
    async with carrying_bank(path, server=server) as bank:
        from dcrgw.ports.registry import ClientQuery

        async def search_all() -> Any:
            return await bank.store.search(ClientQuery(limit=1000))

        bank.store.search_all = search_all
        story = Story(bank, random.Random(seed))
        for _ in range(25):
            await story.happen()
        await story.come_to_rest()
        await story.agree()


@pytest.mark.parametrize("seed", range(6))
async def test_in_the_end_registry_and_server_agree(seed: int, tmp_path: Path) -> None:
    await told(seed, tmp_path / "registry.sqlite")


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_in_the_end_registry_and_server_agree_whatever_happened() -> None:
    for seed in range(1000, 1400):
        with tempfile.TemporaryDirectory() as folder:
            try:
                await told(seed, Path(folder) / "registry.sqlite")
            except BaseException as error:
                error.add_note(f"seed {seed}")
                raise
