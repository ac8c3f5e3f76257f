"""One gateway's way to a fake authorization server, with times that a test sets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from fake_as import FakeAs

from dcrgw.adapters.upstream.discovery import Discovery, Whereabouts
from dcrgw.adapters.upstream.registration import RegistrationDesk, RegistrationSettings
from dcrgw.adapters.upstream.way import Bounds, Way
from dcrgw.core.upstream.fields import Fields


@dataclass
class Bench:
    """The fake and everything that speaks with it. `told` is what was said to the health."""

    server: FakeAs
    seconds: float = 1000.0
    told: list[tuple[bool, str]] = field(default_factory=list)
    _opened: list[Any] = field(default_factory=list)

    def way(self, *, with_certificate: bool = False, ours: Fields = (), trust: Any = None, **bounds: Any) -> Way:
        context = (trust or self.server.trust).client(with_certificate=with_certificate)
        usual = {"total_s": 60.0, "idle_s": 60.0, **bounds}
        way = Way("upstream.retail", ssl_context=context, bounds=Bounds(**usual), clock=self.clock, ours=ours)
        self._opened.append(way)
        return way

    def discovery(self, way: Way | None = None, *, issuer: str | None = None, paths: Any = None) -> Discovery:
        found = Discovery(
            way or self.way(),
            Whereabouts(issuer or self.server.issuer, self.server.url, paths or {}),
            clock=self.clock,
            tell=lambda ok, reason: self.told.append((ok, reason)),
        )
        self._opened.insert(0, found)
        return found

    def desk(self, way: Way | None = None, **changes: Any) -> RegistrationDesk:
        way = way or self.way()
        settings = {
            "issuer": self.server.issuer,
            "url": self.server.url,
            "client_id_header": self.server.client_id_header or None,
            "token": self.server.initial_access_token,
            **changes,
        }
        return RegistrationDesk(way, self.discovery(way), RegistrationSettings(**settings))

    def clock(self) -> float:
        return self.seconds

    async def close(self) -> None:
        for each in self._opened:
            await each.close()


@pytest.fixture
async def bench() -> AsyncIterator[Callable[..., Any]]:
    """Start a fake with what speaks with it: `at = await bench(issuer=…)`."""
    started: list[Bench] = []

    async def start(**changes: Any) -> Bench:
        stands = Bench(await FakeAs(**changes).start())
        started.append(stands)
        return stands

    yield start
    for each in started:
        await each.close()
        await each.server.stop()
