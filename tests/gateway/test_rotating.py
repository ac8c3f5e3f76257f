"""Every key, store and root is rotated while TPPs register: no acknowledged registration is lost, nobody is refused."""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
import pytest
from admin_clients import aside, ask
from cryptography.hazmat.primitives.serialization import Encoding
from town import UK, Town, running
from wire import own

from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.signing_keys import SigningKeys
from dcrgw.core.jose.keys import key_set
from dcrgw.sandbox.token import Caller
from dcrgw.testkit.certificates import CertificateAuthority, new_key
from dcrgw.testkit.keys import SigningKey, jwks

pytestmark = pytest.mark.asyncio(loop_scope="function")

#: Registrations between one rotation and the next, so that each happens amid others.
BETWEEN = 6


def own_roots(folder: Path, text: str) -> str:
    """Roots of their own for the market, and for the directory's servers, so that each can be rotated."""
    for name in ("tpps.pem", "servers.pem"):
        (folder / name).write_bytes((folder / "ca.pem").read_bytes())
    text = text.replace('trust = ["ca.pem"]', 'trust = ["tpps.pem"]')
    text = text.replace('trust_keystore = "ca.pem"', 'trust_keystore = "servers.pem"')
    # The new roots publish no lists: silence is borne with for a while.
    text = text.replace('mode = "hard"', 'mode = "soft"')
    return text + "\n[reload]\ninterval_s = 0.1\n"


@dataclass
class Bank:
    """The bank's side: rotates one thing after the other, as operators should."""

    town: Town
    roots: dict[str, bytes] = field(default_factory=dict)
    sealing: list[str] = field(default_factory=lambda: ["sealing.key"])
    #: The certificate and key that TPPs of the extra root show.
    pair: tuple[Path, Path] | None = None
    #: How many registrations were made on connections of their own.
    arrivals: int = 0

    def put(self, name: str, content: bytes) -> None:
        path = self.town.folder / name
        fresh = path.with_name(path.name + ".new")
        fresh.write_bytes(content)
        fresh.chmod(0o600)
        fresh.rename(path)

    def config(self, before: str, after: str) -> None:
        text = self.town.session.config.read_text()
        assert before in text
        self.put(self.town.session.config.name, text.replace(before, after).encode())

    async def server(self) -> None:
        """Our own certificate: two files, one after the other."""
        issued = self.town.session.parties.authorities.server()
        self.put("bank/server.pem", issued.chain_pem)
        # For a moment they do not belong together: that is refused, and the old pair serves.
        await asyncio.sleep(0.05)
        self.put("bank/server.key", issued.key_pem)
        await self.until(lambda m: m.mtls.certificate == issued.certificate)

    async def transport(self) -> None:
        """The transport store with its password, after the directory knows the new certificate."""
        bank = self.town.session.parties.bank
        issued = self.town.session.parties.authorities.issuing.issue(
            "obtransport",
            software_id=bank.software.software_id,
            org_id=bank.organisation.org_id,
            key=new_key("rsa2048"),
        )
        known = self.known
        lodged = replace(known, certificates=known.certificates | {Caller(issued.der).digest})
        self.town.session.tokens.lodge(lodged)
        password = secrets.token_hex(8).encode()
        self.put("bank/transport.p12", issued.pkcs12(password))
        self.put("bank/transport.password", password)
        await self.until(lambda m: m.directories["primary"].transport.certificate == issued.certificate)

    async def signing(self) -> None:
        """The key of our assertions, under a new kid, after the directory knows it beside the old one."""
        key = SigningKey.generate(f"kid-{secrets.token_hex(4)}", "PS256")
        known = self.known
        self.town.session.tokens.lodge(
            replace(known, keys=replace(known.keys, keys={**known.keys.keys, **key_set(jwks(key)).keys}))
        )
        bank = self.town.session.parties.bank
        issued = self.town.session.parties.authorities.issuing.issue(
            "obsigning",
            software_id=bank.software.software_id,
            org_id=bank.organisation.org_id,
            key=key.private_key,
        )
        text = self.town.session.config.read_text()
        name = f"bank/{key.kid}"
        self.put(f"{name}.key", key.pem)
        self.put(f"{name}.pem", issued.chain_pem)
        lines = [
            {"key_id": f'key_id = "{key.kid}"', "signing_key": f'signing_key = "{name}.key"',
             "signing_cert": f'signing_cert = "{name}.pem"'}.get(line.partition(" =")[0], line)
            for line in text.splitlines()
        ]  # fmt: skip
        self.put(self.town.session.config.name, "\n".join(lines).encode() + b"\n")
        await self.until(lambda m: m.directories["primary"].settings.key_id == key.kid)

    async def sealing_key(self) -> None:
        """A new key that seals stored secrets, in front of the old ones."""
        name = f"sealing-{secrets.token_hex(4)}.key"
        self.put(f"bank/{name}", secrets.token_hex(32).encode())
        before = len(self.sealing)
        written = self._sealing_line()
        self.sealing.insert(0, name)
        self.config(written, self._sealing_line())
        await self.until(lambda m: len(m.sealing_keys) == before + 1)

    async def signature_key(self) -> None:
        """Our own signature keys in the registry, as `dcrgw keys rotate` does."""
        keys = [bytes.fromhex((self.town.folder / "bank" / name).read_text()) for name in self.sealing]
        stored = SigningKeys(self.town.folder / "bank/registry.sqlite", Sealer(keys))
        await aside(stored.rotate, "PS256", time.time(), 600.0)

    async def tpps_root(self) -> None:
        """A new root beside the others; TPPs move to it; the one before it is taken out."""
        root = CertificateAuthority.create(f"TPP root {secrets.token_hex(4)}")
        former = {name: pem for name, pem in self.roots.items() if name != "directory"}
        await self._trust({**self.roots, "extra": root.certificate_pem, "former": former.get("extra", b"")})
        parties = self.town.session.parties.default
        issued = root.issue("obtransport", software_id=parties.software.software_id, org_id=parties.organisation.org_id)
        name = secrets.token_hex(4)
        certificate, key = self.town.folder / f"{name}.pem", self.town.folder / f"{name}.key"
        certificate.write_bytes(issued.chain_pem)
        key.write_bytes(issued.key_pem)
        self.pair = certificate, key
        # Whoever came with the certificate of yesterday is through when two more have come.
        reached = self.arrivals + 2
        await until(lambda: self.arrivals >= reached)
        await self._trust({"directory": self.roots["directory"], "extra": root.certificate_pem})

    async def servers_root(self) -> None:
        """Another root beside the one that vouches for the directory's servers."""
        directory = self.town.session.parties.authorities.pem
        other = CertificateAuthority.create(f"Servers {secrets.token_hex(4)}").certificate_pem
        self.put("servers.pem", directory + other)
        await self.until(lambda m: len(m.directories["primary"].trust) == 2 and _pem_ends(m, other))

    async def a_slip(self) -> None:
        """A change that is wrong, and taken back."""
        text = self.town.session.config.read_text()
        before = self.town.gateway.materials.settings
        self.put(self.town.session.config.name, text.encode() + b"\n[oops\n")
        await until(lambda: bool(complaints(self.town)))
        assert self.town.gateway.materials.settings == before
        self.put(self.town.session.config.name, text.encode())
        await until(lambda: not complaints(self.town))

    @property
    def known(self):
        return self.town.session.tokens.clients[self.town.session.parties.bank.software.software_id]

    async def until(self, holds: Callable[..., bool]) -> None:
        """Wait until what serves was made of the new."""
        await until(lambda: holds(self.town.gateway.materials))

    async def _trust(self, roots: dict[str, bytes]) -> None:
        self.roots = {name: pem for name, pem in roots.items() if pem}
        self.put("tpps.pem", b"".join(self.roots.values()))
        wanted = set(self.roots.values())
        await self.until(lambda m: {each.public_bytes(Encoding.PEM) for each in m.markets[UK].anchors.roots} == wanted)

    def _sealing_line(self) -> str:
        return "sealing_keys = [" + ", ".join(f'"file:bank/{name}"' for name in self.sealing) + "]"


def _pem_ends(materials, pem: bytes) -> bool:
    return materials.directories["primary"].trust[-1].public_bytes(Encoding.PEM) == pem


def complaints(town: Town) -> tuple[str, ...]:
    return next(each.details for each in town.gateway.health.conditions if each.component == "configuration")


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - the gateway is not to know that it is watched
            await asyncio.sleep(0.02)


@dataclass
class Load:
    """TPPs that register without a pause. Everything that they heard is kept."""

    bank: Bank
    acknowledged: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    over: bool = False

    async def kept(self) -> None:
        """One TPP on one connection that it keeps."""
        async with self._session(own(self.bank.town)) as session:
            while not self.over:
                await self._register(session)

    async def fresh(self) -> None:
        """One that connects anew each time, with the certificate of the day."""
        while not self.over:
            async with self._session(self.bank.pair or own(self.bank.town)) as session:
                await self._register(session)
            self.bank.arrivals += 1

    @asynccontextmanager
    async def _session(self, pair: tuple[Path, Path]) -> AsyncIterator[aiohttp.ClientSession]:
        tls = ssl.create_default_context(cafile=str(self.bank.town.folder / "ca.pem"))
        tls.load_cert_chain(*pair)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
            yield session

    async def _register(self, session: aiohttp.ClientSession) -> None:
        town = self.bank.town
        body = await town.body(token_endpoint_auth_method="client_secret_basic", tls_client_auth_subject_dn=None)
        url = town.index(UK)["registration_endpoint"]
        try:
            async with session.post(url, data=body, headers={"Content-Type": "application/jose"}) as answer:
                found = await answer.json()
                if answer.status == 201:
                    self.acknowledged.append(found["client_id"])
                else:
                    self.wrong.append(f"{answer.status} {found}")
        except (aiohttp.ClientError, OSError) as error:
            self.wrong.append(repr(error))


async def rotated(folder: Path, rounds: int) -> None:
    """Rotate everything so many times under load, and judge what the TPPs heard."""
    async with running(folder, lambda text: own_roots(folder, text)) as town:
        bank = Bank(town)
        bank.roots["directory"] = town.session.parties.authorities.pem
        rotations: list[Callable[[], Awaitable[None]]] = [
            bank.server, bank.transport, bank.signing, bank.a_slip, bank.sealing_key, bank.signature_key,
            bank.tpps_root, bank.servers_root,
        ]  # fmt: skip
        load = Load(bank)
        before = town.gateway.generation
        async with asyncio.TaskGroup() as group:
            for work in (load.kept, load.kept, load.fresh):
                group.create_task(work())
            try:
                for _ in range(rounds):
                    for rotate in rotations:
                        reached = len(load.acknowledged) + BETWEEN
                        await until(lambda reached=reached: len(load.acknowledged) >= reached or bool(load.wrong))
                        await rotate()
            finally:
                load.over = True
        assert load.wrong == []
        assert town.gateway.generation >= before + 7 * rounds
        assert len(set(load.acknowledged)) == len(load.acknowledged) > len(rotations) * rounds * BETWEEN
        # Each is stored, and its sealed secret opens with the keys of today: a client is read with its secrets.
        for client_id in load.acknowledged:
            assert (await ask(town.folder / "admin.sock", "GET", f"/clients/{UK}/{client_id}")).status == 200


async def test_every_rotation_under_load_loses_nothing_and_refuses_nobody(tmp_path: Path) -> None:
    await rotated(tmp_path / "sandbox", 1)


@pytest.mark.slow
async def test_rotations_again_and_again(tmp_path: Path) -> None:
    await rotated(tmp_path / "sandbox", 12)
