"""One run of the sandbox: the folder, the parties, the directory's listeners; all gone at the end."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import web

from dcrgw.sandbox import materials, parties, upstream
from dcrgw.sandbox.directory import SCIM_COLLECTION, TOKEN, Directory
from dcrgw.sandbox.files import Folder
from dcrgw.sandbox.gateway_config import MARKETS, Abroad, Endpoints
from dcrgw.sandbox.management import Management, Office, Reports
from dcrgw.sandbox.parties import Parties
from dcrgw.sandbox.revocations import Revocations
from dcrgw.sandbox.schemes import UK
from dcrgw.sandbox.serving import LOOPBACK, free_ports, listen, server_tls
from dcrgw.sandbox.token import TokenService
from dcrgw.sandbox.traffic import Traffic
from dcrgw.sandbox.upstream import Program, Upstream


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports; 0 takes a free one. `directory` serves key sets, `bank` token URL and SCIM,
    `revocations` what the authorities took back, `upstream` is the authorization server behind the gateway."""

    mtls: int = 0
    public: int = 0
    health: int = 0
    directory: int = 0
    bank: int = 0
    management: int = 0
    revocations: int = 0
    upstream: int = 0


@dataclass(slots=True)
class Session:
    """A running sandbox, whose gateway is still to be started from `config`."""

    folder: Folder
    parties: Parties
    endpoints: Endpoints
    traffic: Traffic
    #: The directory's token URL: a bank lodges new keys and certificates there.
    tokens: TokenService
    #: sandbox.json once it is published, empty before.
    index: dict[str, Any]
    #: The authorization server behind the markets, still to be started; None where the gateway serves alone.
    upstream: Upstream | None = None

    @property
    def config(self) -> Path:
        """The gateway's configuration file."""
        return self.folder.path / materials.CONFIG

    def publish(self) -> None:
        """Write sandbox.json: everything serves now."""
        self.index = materials.write_index(self.folder, self.parties, self.endpoints)


@asynccontextmanager
async def session(path: Path, ports: Ports, reports: Reports, behind: Program | None = None) -> AsyncIterator[Session]:
    """A sandbox in a folder, with an authorization server behind its markets where one is given.

    Raises: OSError when a port is taken or the folder cannot be written.
    """
    folder = Folder(path)
    # What a killed run left behind must not be taken for this one's.
    folder.remove(*materials.NAMES)
    # The certificates name where their revocation is published, so that place comes first.
    free = free_ports(2)
    ports = replace(ports, revocations=ports.revocations or free[0])
    everybody = await asyncio.to_thread(parties.assemble, f"http://{LOOPBACK}:{ports.revocations}")
    async with AsyncExitStack() as stack:
        stack.callback(folder.remove, *materials.NAMES)
        materials.write_servers(folder, everybody)
        traffic = Traffic()
        tokens = TokenService("", {everybody.bank.software.software_id: everybody.bank.client})
        endpoints = await _serve(stack, folder, everybody, traffic, tokens, ports, reports)
        server = None
        if behind is not None:
            server = Upstream(behind, folder, ports.upstream or free[1])
            endpoints = replace(endpoints, upstream=server.port)
            upstream.write(folder, everybody, endpoints, MARKETS, server.port)
        materials.write_parties(folder, everybody, endpoints)
        parties.revoke(everybody.world, everybody.revoked)
        for world in (everybody.world, *(each.world for each in everybody.abroad)):
            world.remember()
        yield Session(folder, everybody, endpoints, traffic, tokens, {}, server)


async def _serve(
    stack: AsyncExitStack,
    folder: Folder,
    everybody: Parties,
    traffic: Traffic,
    tokens: TokenService,
    ports: Ports,
    reports: Reports,
) -> Endpoints:
    """Open the listeners of the directories and their authorities; the stack closes them."""
    world = everybody.world
    directory = Directory(world, traffic, tokens)
    certificate, key = folder.path / "directory/server.pem", folder.path / "directory/server.key"

    async def serve(app: web.Application, port: int, tls: ssl.SSLContext | None) -> int:
        listener = await listen(app, port, tls)
        stack.push_async_callback(listener.stop)
        return listener.port

    mutual = server_tls(certificate, key, client_ca=everybody.authorities.pem)
    keystore = f"https://localhost:{await serve(directory.public_app(), ports.directory, server_tls(certificate, key))}"
    api = f"https://localhost:{await serve(directory.bank_app(), ports.bank, mutual)}"
    tokens.url = api + TOKEN
    revocations = Revocations(traffic, everybody.authorities)
    default = everybody.default.software.software_id
    offices = {UK.name: Office(UK, world, traffic, everybody.authorities, revocations, keystore, default)}
    published = revocations.app()
    for each in everybody.abroad:
        # A listener of its own: as everywhere, one directory's host is none of another's.
        arrivals = Traffic()
        app = Directory(each.world, arrivals, TokenService("", {}), each.scheme).public_app()
        place = f"https://localhost:{await serve(app, 0, server_tls(certificate, key))}"
        taken_back = Revocations(arrivals, each.authorities)
        published.add_subapp(f"/{each.name}", taken_back.app())
        default = each.tpp.software.software_id
        offices[each.name] = Office(each.scheme, each.world, arrivals, each.authorities, taken_back, place, default)
    await serve(published, ports.revocations, None)
    markets = {market.name: (offices[market.scheme.name], market.naming) for market in MARKETS}
    management_port = await serve(Management(markets, tokens, reports).app(), ports.management, None)
    free = free_ports(3)
    return Endpoints(
        mtls=ports.mtls or free[0],
        public=ports.public or free[1],
        health=ports.health or free[2],
        keystore=keystore,
        jwks=keystore + UK.keys_path,
        token=api + TOKEN,
        scim=api + SCIM_COLLECTION,
        management=f"http://{LOOPBACK}:{management_port}",
        revocations=everybody.authorities.revocations,
        abroad={
            each.name: Abroad(each.scheme, offices[each.name].keystore, each.authorities.revocations)
            for each in everybody.abroad
        },
    )
