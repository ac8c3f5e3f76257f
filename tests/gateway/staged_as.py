"""An authorization server that stops where a test wants it to, and the configuration of a gateway in front of it."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from aiohttp import web

sys.path.append(str(Path(__file__).parents[1] / "upstreams"))

from fake_as import Came, FakeAs, oauth_error


class Stop(Enum):
    """Where it stops."""

    #: It has read what it is to do.
    BEFORE = "before"
    #: It has done it, and its answer is not on its way yet.
    AFTER = "after"
    #: It has done it, and all who are there at once are answered together: see `open`.
    TOGETHER = "together"
    #: It has done nothing, and says no together with the others.
    NO = "no"


@dataclass
class StagedAs(FakeAs):
    """`stops` says where to stop for (method, the client's contact), once each; who came so far stands in `reached`."""

    stops: dict[tuple[str, str], Stop] = field(default_factory=dict)
    reached: set[tuple[str, str]] = field(default_factory=set)
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    #: Awaited before any of those who wait together is answered.
    opening: asyncio.Event = field(default_factory=asyncio.Event)

    async def all_reached(self, *wanted: tuple[str, str]) -> None:
        """Wait until all of them came so far."""
        async with asyncio.timeout(60), self.moved:
            await self.moved.wait_for(lambda: set(wanted) <= self.reached)

    def named(self) -> dict[str, str]:
        """client_id -> contact of all that it has."""
        return {client_id: members["contacts"][0] for client_id, members in self.clients.items()}

    def _answer(self, came: Came) -> web.StreamResponse | Awaitable[web.StreamResponse]:
        stop = self.stops.pop((came.method, self._name(came)), None)
        return super()._answer(came) if stop is None else self._stopped(stop, came, self._name(came))

    def _name(self, came: Came) -> str:
        if came.method in ("POST", "PUT") and came.path.startswith("/reg"):
            return str(came.json["contacts"][0])
        return str(self.clients.get(came.path.removeprefix("/reg/"), {}).get("contacts", [None])[0])

    async def _stopped(self, stop: Stop, came: Came, name: str) -> web.StreamResponse:
        done: Any = None
        if stop in (Stop.AFTER, Stop.TOGETHER):
            done = super()._answer(came)
        async with self.moved:
            self.reached.add((came.method, name))
            self.moved.notify_all()
        if stop in (Stop.TOGETHER, Stop.NO):
            await self.opening.wait()
            return oauth_error(400, "invalid_client_metadata", "not here") if stop is Stop.NO else done
        await asyncio.Event().wait()  # until the connection is cut
        raise AssertionError


def behind(market: str, server: FakeAs, folder: Path, *, kind: str = "oidc-provider", more: str = "") -> Any:
    """An edit of a sandbox's configuration: this server stands behind the market. It must listen already."""
    ca, token = folder / f"ca-of-{market}.pem", folder / f"token-of-{market}"

    def edit(text: str) -> str:
        blocks = text.split("[[market]]")
        [at] = [i for i, block in enumerate(blocks) if block.startswith(f'\nname = "{market}"')]
        found = re.search(r'^issuer = "(.+)"$', blocks[at], re.MULTILINE)
        assert found
        server.issuer = found[1]
        server.trust.ca.cert_pem.write_to_path(ca)
        token.write_text(server.initial_access_token)
        token.chmod(0o600)
        blocks[at] = blocks[at].rstrip("\n") + (
            f'\n\n[market.upstream]\nkind = "{kind}"\nurl = "{server.url}"\ntrust_keystore = "{ca}"\n'
            f'registration_token = "file:{token}"\ncertificate_form = "none"\n{more}\n'
        )
        return "[[market]]".join(blocks)

    return edit


def twin(market: str, name: str) -> Callable[[str], str]:
    """An edit of a sandbox's configuration: another market that is like this one."""

    def edit(text: str) -> str:
        blocks = text.split("[[market]]")
        [block] = [block for block in blocks if block.startswith(f'\nname = "{market}"')]
        return "[[market]]".join([*blocks[:-1], block.rstrip("\n").replace(market, name) + "\n\n", blocks[-1]])

    return edit
