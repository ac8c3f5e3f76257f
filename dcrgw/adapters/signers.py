"""Implementations of `dcrgw.ports.signer.Signer`: one key of the operator's, or those in the registry's database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite

from dcrgw.adapters.hsm import HsmEcKey, HsmRsaKey
from dcrgw.adapters.keystores import PrivateKey
from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.signing_keys import SELECT, SigningKeys, stored
from dcrgw.adapters.sqlite import connections
from dcrgw.core.jose import signing
from dcrgw.core.jose.publishing import public_jwk
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.ports.clock import Clock

_CURRENT = "SELECT kid, alg, sealed FROM signing_keys WHERE state = 'current'"


class KeystoreSigner:
    """Signs with the one key of the operator's keystore. To rotate, the operator changes the keystore."""

    def __init__(self, key: PrivateKey, alg: str) -> None:
        self._key, self._alg = key, alg
        self._jwk = public_jwk(key.public_key(), alg)

    async def published(self) -> tuple[Mapping[str, str], ...]:
        """The one public key."""
        return (self._jwk,)

    async def alg(self) -> str:
        """The one algorithm."""
        return self._alg

    async def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """The compact JWS of some claims."""
        if isinstance(self._key, HsmRsaKey | HsmEcKey):
            # It may be across a network, and its calls block.
            return await asyncio.to_thread(self._sign, claims, typ)
        return self._sign(claims, typ)

    def _sign(self, claims: Mapping[str, Any], typ: str) -> str:
        return signing.sign(claims, key=self._key, alg=self._alg, kid=self._jwk["kid"], typ=typ)


class StoredSigner:
    """Signs with the current key of the database, read anew each time: a rotation is seen at once."""

    def __init__(self, keys: SigningKeys, reader: aiosqlite.Connection, clock: Clock) -> None:
        self._keys, self._reader, self._clock = keys, reader, clock
        self._opened: tuple[str, PrivateKey] | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, sealer: Sealer, clock: Clock, alg: str) -> AsyncIterator[StoredSigner]:
        """The signer on a database that is migrated already; makes the first keys where there are none."""
        keys = SigningKeys(path, sealer)
        await asyncio.to_thread(keys.ensure, alg, clock.now())
        async with connections.connect(path) as reader:
            await reader.execute("PRAGMA query_only = ON")
            yield cls(keys, reader, clock)

    async def published(self) -> tuple[Mapping[str, str], ...]:
        """The public keys: current, next, and those just retired."""
        now = self._clock.now()
        found = [stored(row) for row in await self._read(SELECT)]
        return tuple(key.jwk for key in found if key.is_published(now))

    async def alg(self) -> str:
        """The algorithm of the current key."""
        return str((await self._current())[1])

    async def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """The compact JWS of some claims, by the current key."""
        kid, alg, sealed = await self._current()
        if self._opened is None or self._opened[0] != kid:
            self._opened = kid, self._keys.private_key(kid, sealed)
        return signing.sign(claims, key=self._opened[1], alg=alg, kid=kid, typ=typ)

    async def _current(self) -> tuple[str, str, str]:
        rows = await self._read(_CURRENT)
        if not rows:
            raise Misconfigured("there is no current signing key: restart the gateway")
        kid, alg, sealed = rows[0]
        return kid, alg, sealed

    async def _read(self, sql: str) -> list[Any]:
        try:
            return [tuple(row) for row in await self._reader.execute_fetchall(sql)]
        except (sqlite3.Error, ValueError) as error:  # ValueError: aiosqlite's word for a closed connection
            raise Unavailable("signing keys", f"{type(error).__name__}: {error}") from error
