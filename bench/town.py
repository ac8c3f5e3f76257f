"""The place of a run: the sandbox's directory and parties, the gateway's configuration, and the bodies to send."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from dcrgw.sandbox.gateway_config import SCRIPTS
from dcrgw.sandbox.session import Ports, Session, session
from dcrgw.sandbox.statements import Order, mint
from dcrgw.sandbox.upstream import Program
from dcrgw.testkit.keys import SigningKey
from dcrgw.testkit.statements import request_claims

UK, PLAIN = "uk-3.2", "generic"
#: A trivial script.
SCRIPT = Path(__file__).parent / "script.py"

_SCRIPT_SECTION = """
[[script]]
type = "client_registration"
name = "bench"
file = "{file}"
mode = "{mode}"
"""
#: The sandbox's own settings that a bank would not have: (as written, as configured for production).
_AS_IN_PRODUCTION = (
    ("[standing]\nlifetime_s = 0 ", "[standing]\nlifetime_s = 60 "),
    ("[keysets]\ncooldown_s = 1 ", "[keysets]\ncooldown_s = 60 "),
    ('format = "console"', 'format = "json"'),
    ("[recording]\nenabled = true ", "[recording]\nenabled = false "),
)
#: What real statements have and the sandbox's do not: together they bring the token to about 4.6 KB.
_BULK: dict[str, Any] = {
    "software_redirect_uris": [f"https://tpp.example/cb/{number}" for number in range(8)],
    "software_roles": ["AISP", "PISP"],
    "org_contacts": [
        {"name": kind, "email": f"{kind.lower()}@tpp.example", "phone": "+440000000000", "type": kind}
        for kind in ("Technical", "Business", "Security", "Incident")
    ],
    "obo_notes": "x" * 700,
}


@dataclass(frozen=True, slots=True)
class Town:
    """A running directory, and the files of a run in `folder`."""

    session: Session
    folder: Path

    @property
    def certificate(self) -> Path:
        """The TPP's certificate, its issuer's and its key in one PEM file."""
        return self.folder / "tpp.pem"

    @property
    def port(self) -> int:
        """The gateway's mutual-TLS port."""
        return self.session.endpoints.mtls

    def configuration(self, registry: Path, mode: str | None = "inline") -> Path:
        """A configuration of the gateway for one run, with a registry of its own. `mode` None: without a script."""
        # Without the sandbox's examples: what a script costs is measured by one that does nothing.
        text = self.session.config.read_text().removesuffix(SCRIPTS)
        changes = (*_AS_IN_PRODUCTION, ('path = "bank/registry.sqlite"', f'path = "{registry}"'))
        for before, after in changes:
            if text.count(before) != 1:
                raise AssertionError(f"the sandbox's configuration does not hold {before!r} once")
            text = text.replace(before, after)
        # In every market alike.
        text = text.replace("\nrenew_s = 0 ", "\nrenew_s = 3600 ")
        target = self.session.config.with_name("bench.toml")
        target.write_text(text + ("" if mode is None else _SCRIPT_SECTION.format(file=SCRIPT, mode=mode)))
        return target

    def plain_bodies(self, count: int) -> Path:
        """`count` plain RFC 7591 requests without a statement, each of its own name."""
        key = self.session.parties.default.software.keys.current
        claims = _plain_claims(key)
        texts = (json.dumps({**claims, "client_name": f"Benchmark client {number}"}) for number in range(count))
        return _written(self.folder / "plain.bin", (text.encode() for text in texts))

    def signed_bodies(self, count: int) -> Path:
        """`count` signed OB UK requests, each with its own jti, all with one statement; good for 50 minutes."""
        statement, key = self.statement(), self.session.parties.default.software.keys.current
        # Signing leaves the interpreter free.
        with ThreadPoolExecutor() as pool:
            tokens = pool.map(lambda _: key.sign(self.claims(statement)).encode(), range(count))
            return _written(self.folder / "signed.bin", tokens)

    def statement(self) -> str:
        """A fresh statement of the default TPP."""
        order = Order(self.session.parties.default.software.software_id, claims=_BULK)
        keystore = self.session.endpoints.keystore
        return mint(self.session.parties.world, order, keystore=keystore, at=time.time()).statement

    def claims(self, statement: str) -> dict[str, Any]:
        """The claims of one right request."""
        tpp, at = self.session.parties.default, int(time.time())
        return request_claims(
            statement,
            at=at,
            software_id=tpp.software.software_id,
            org_id=tpp.organisation.org_id,
            audience=self.session.parties.bank.organisation.org_id,
            exp=at + 3500,
            jti=str(uuid4()),
            redirect_uris=_BULK["software_redirect_uris"][:4],
            tls_client_auth_subject_dn=tpp.transport.subject_dn,
        )


@asynccontextmanager
async def opened(folder: Path, behind: Program | None = None) -> AsyncIterator[Town]:
    """The town, for as long as the block runs, with an authorization server for its markets where one is given."""
    async with session(folder / "town", Ports(), lambda _wanted: None, behind) as running:
        town = Town(running, folder)
        transport = running.parties.default.transport
        town.certificate.touch(mode=0o600)
        town.certificate.write_bytes(transport.chain_pem + transport.key_pem)
        yield town


def records(file: Path) -> Iterator[bytes]:
    """The records of a file: each stands after its length, 32 bits little endian."""
    content = memoryview(file.read_bytes())
    place = 0
    while place < len(content):
        (length,) = struct.unpack_from("<I", content, place)
        yield bytes(content[place + 4 : place + 4 + length])
        place += 4 + length


def _plain_claims(key: SigningKey) -> dict[str, Any]:
    return {
        "redirect_uris": ["https://tpp.example/cb", "https://tpp.example/cb2"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": "openid offline_access",
        "application_type": "web",
        "contacts": ["ops@tpp.example"],
        "client_uri": "https://tpp.example",
        "jwks": {"keys": [key.public_jwk()]},
    }


def _written(target: Path, bodies: Iterable[bytes]) -> Path:
    with target.open("wb") as file:
        for body in bodies:
            file.write(struct.pack("<I", len(body)) + body)
    return target
