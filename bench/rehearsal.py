"""A registration in this very process: the real flow, rules, script host and recorder between stand-ins for the world.

No socket, TLS, database or cache is in it; what it costs is what judging costs.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from bench.town import SCRIPT, UK, Town
from dcrgw.adapters.clock import SystemClock
from dcrgw.adapters.randomness import SystemRandomness
from dcrgw.compliance.keeping import Closed, bundled
from dcrgw.config.loading import load
from dcrgw.core.certificates.revocation import RevocationPolicy
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.core.jose.keys import KeySet, key_set
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.standing import Standing
from dcrgw.flows.create import create
from dcrgw.materials import open_materials
from dcrgw.ports import Ports
from dcrgw.ports.directory import Directories
from dcrgw.ports.recording import recorded
from dcrgw.ports.registry import Change, Committed, CommitVerdict, Registry
from dcrgw.scripting.hiring import WorkerSettings
from dcrgw.scripting.host import ScriptHost
from dcrgw.scripting.runners import Runners
from dcrgw.scripting.testing import entry_of
from dcrgw.testkit.keys import jwks


@dataclass(frozen=True, slots=True)
class _KeySets:
    of_the_directory: KeySet
    of_the_software: KeySet

    async def of_directory(self, _directory: str, _kid: str) -> KeySet:
        return self.of_the_directory

    async def of_software(self, _directory: str, _url: str, _kid: str) -> KeySet:
        return self.of_the_software

    async def of_revoked(self, _directory: str, _url: str) -> KeySet:
        return KeySet({})


@dataclass(frozen=True, slots=True)
class _Directory:
    async def standing(self, _directory: str, software_id: str, org_id: str | None) -> Standing:
        return Standing(True, org_id, software_id, True, True, None, None, time.time(), "")


@dataclass(slots=True)
class _Registry:
    """Takes every change and keeps those that register somebody."""

    changes: list[Change] = field(default_factory=list)

    async def repeated(self, _market: str, _digest: str, _subject: str) -> RegisteredClient | None:
        return None

    async def commit(self, change: Change) -> Committed:
        if change.client is not None:
            self.changes.append(change)
        return Committed(CommitVerdict.STORED, change.client)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One TPP that registers again and again."""

    market: Market
    chain: tuple[bytes, ...]
    ports: Ports
    registry: _Registry
    runners: Runners

    async def register(self, body: bytes) -> bytes:
        """The answer to one signed request: what an endpoint does, without HTTP."""
        return (await self._decide(body))[0]

    async def bundle(self, body: bytes) -> bytes:
        """The same, as the document of its decision."""
        return bundled((await self._decide(body))[1])

    async def _decide(self, body: bytes) -> tuple[bytes, Closed]:
        arrival, journal = Arrival(self.market.name, self.chain, "application/jose", body), Journal()
        ports = recorded(self.ports, journal)
        report = Report(ports.randomness.report_id(), "", "create", self.market.name, ports.clock.now())
        answered = await create(arrival, self.market, ports, report)
        closed = Closed(report, Evidence(arrival, report.at, journal), self.market)
        return json.dumps(answered.body).encode(), closed


@asynccontextmanager
async def rehearsal(town: Town, folder: Path, mode: str | None = "inline") -> AsyncIterator[Rehearsal]:
    """A rehearsal with the town's materials, as the gateway itself opens them. `mode` None: without a script."""
    now = time.time()
    market = open_materials(load(town.configuration(folder / "unused.sqlite")), now).markets[UK]
    # Nobody is asked here, so nobody can tell whether a certificate was taken back.
    market = replace(market, revocation=RevocationPolicy())
    parties = town.session.parties
    keysets = _KeySets(key_set(parties.world.keys.published), key_set(jwks(parties.default.software.keys.current)))
    runners = Runners(WorkerSettings(), lambda *_args, **_fields: None)
    scripts = ScriptHost(on_event=lambda *_args, **_fields: None)
    if mode is not None:
        scripts.swap([await runners.load(replace(entry_of(SCRIPT), mode=mode), {})])
    registry = _Registry()
    ports = Ports(
        clock=SystemClock(),
        randomness=SystemRandomness(),
        keysets=keysets,
        directories=cast(Directories, _Directory()),
        scripts=scripts,
        registry=cast(Registry, registry),
    )
    try:
        yield Rehearsal(market, parties.default.transport.chain_der, ports, registry, runners)
    finally:
        await scripts.close()
        await runners.close()
