"""Our own signature keys, kept sealed in the registry's database, and how one takes the place of another.

A key is `next` (published, does not sign yet), `current` (signs) or `retired` (still published for a while, its
private part gone). Every call opens the database for itself, so that an operator may rotate while the gateway
runs: the next reader sees it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from dcrgw.adapters.keystores import PrivateKey
from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.sqlite import connections
from dcrgw.core.jose.publishing import public_jwk
from dcrgw.errors import Misconfigured

RSA_BITS = 2048
BUSY_TIMEOUT_S = 5.0


class KeyState(StrEnum):
    """A signature key's life, in this order."""

    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key as everybody may know it. Times are epoch seconds; `published_until` is of retired keys."""

    kid: str
    alg: str
    state: KeyState
    since: float
    published_until: float | None
    jwk: Mapping[str, str]

    def is_published(self, at: float) -> bool:
        """Whether others are still to verify with it."""
        return self.published_until is None or at < self.published_until


class UnknownKey(Misconfigured):
    """There is no key of this kid."""


def generate(alg: str) -> PrivateKey:
    """A new key for PS256 or ES256."""
    if alg == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65_537, RSA_BITS)


class SigningKeys:
    """The keys in one database. Synchronous and slow (it makes keys): use a thread where a loop is running."""

    def __init__(self, path: Path, sealer: Sealer) -> None:
        self._path, self._sealer = path, sealer

    def all(self) -> tuple[StoredKey, ...]:
        """Every key: current, next, then the retired ones, newest first."""
        with self._transaction() as db:
            return tuple(map(stored, db.execute(SELECT)))

    def ensure(self, alg: str, at: float) -> None:
        """Make a current and a next key where there is none. Two gateways that start at once make one pair."""
        present = {key.state for key in self.all()}
        made = {state: generate(alg) for state in (KeyState.CURRENT, KeyState.NEXT) if state not in present}
        with self._transaction() as db:
            for state, key in made.items():
                if not db.execute("SELECT 1 FROM signing_keys WHERE state = ?", (state,)).fetchone():
                    self._insert(db, key, alg, state, at)

    def rotate(self, alg: str, at: float, published_s: float) -> None:
        """The next key becomes the current one; that one is published for `published_s` more; a next one is made."""
        fresh = generate(alg)
        with self._transaction() as db:
            self._advance(db, fresh, alg, at, at + published_s)

    def retire(self, kid: str, alg: str, at: float) -> None:
        """Publish a key no longer, now: for one that may be in wrong hands. Another takes its place.

        Raises: UnknownKey.
        """
        fresh = generate(alg)
        with self._transaction() as db:
            row = db.execute("SELECT state FROM signing_keys WHERE kid = ?", (kid,)).fetchone()
            if row is None:
                raise UnknownKey(f"there is no signing key {kid}")
            if row[0] == KeyState.CURRENT:
                self._advance(db, fresh, alg, at, at)
                return
            db.execute(_RETIRE + " WHERE kid = ?", (at, at, kid))
            if row[0] == KeyState.NEXT:
                self._insert(db, fresh, alg, KeyState.NEXT, at)

    def purge(self, at: float) -> int:
        """Forget the keys that are no longer published; how many were forgotten."""
        with self._transaction() as db:
            return db.execute("DELETE FROM signing_keys WHERE published_until <= ?", (at,)).rowcount

    def private_key(self, kid: str, sealed: str) -> PrivateKey:
        """The private part of a key. Raises: Misconfigured when it does not open."""
        key = load_pem_private_key(self._sealer.open(sealed, _context(kid)).encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        return key

    def _advance(self, db: sqlite3.Connection, fresh: PrivateKey, alg: str, at: float, published_until: float) -> None:
        db.execute(_RETIRE + " WHERE state = 'current'", (at, published_until))
        db.execute("UPDATE signing_keys SET state = 'current', since = ? WHERE state = 'next'", (at,))
        self._insert(db, fresh, alg, KeyState.NEXT, at)

    def _insert(self, db: sqlite3.Connection, key: PrivateKey, alg: str, state: KeyState, at: float) -> None:
        jwk = public_jwk(key.public_key(), alg)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        sealed = self._sealer.seal(pem, _context(jwk["kid"]))
        db.execute(_INSERT, (jwk["kid"], alg, state, at, json.dumps(jwk), sealed))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection within one transaction, committed at the end. Raises: Unavailable, Misconfigured."""
        try:
            with closing(connections.writing_connection(self._path, BUSY_TIMEOUT_S, False)) as db:
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                except BaseException:
                    db.execute("ROLLBACK")
                    raise
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise connections.fault(self._path, error) from error


SELECT = """
SELECT kid, alg, state, since, published_until, jwk FROM signing_keys
ORDER BY CASE state WHEN 'current' THEN 0 WHEN 'next' THEN 1 ELSE 2 END, since DESC
"""
_RETIRE = "UPDATE signing_keys SET state = 'retired', sealed = NULL, since = ?, published_until = ?"
_INSERT = "INSERT INTO signing_keys (kid, alg, state, since, jwk, sealed) VALUES (?, ?, ?, ?, ?, ?)"


def stored(row: tuple[str, str, str, float, float | None, str]) -> StoredKey:
    """The key of a row of SELECT."""
    kid, alg, state, since, published_until, jwk = row
    return StoredKey(kid, alg, KeyState(state), since, published_until, json.loads(jwk))


def _context(kid: str) -> str:
    """What a sealed key is bound to."""
    return f"signing_key:{kid}"
