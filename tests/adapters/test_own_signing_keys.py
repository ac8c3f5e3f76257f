"""Our signature keys in a registry's database: made once, rotated, retired, forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec

from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.signers import KeystoreSigner, StoredSigner
from dcrgw.adapters.signing_keys import KeyState, SigningKeys, UnknownKey, generate
from dcrgw.adapters.sqlite.registry import SqliteRegistry
from dcrgw.core.jose import reader, verification
from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.publishing import public_jwk
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.testkit.keys import jwks

SEALER = Sealer([bytes(range(32))])
ES256 = reader.JosePolicy(frozenset({"ES256", "PS256"}))


class Clock:
    at = 1_800_000_000.0

    def now(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def path(tmp_path: Path, clock: Clock) -> AsyncIterator[Path]:
    """A migrated database."""
    file = tmp_path / "registry.sqlite"
    async with SqliteRegistry.open(file, sealer=SEALER, clock=clock):
        yield file


@pytest.fixture
def keys(path: Path, clock: Clock) -> SigningKeys:
    made = SigningKeys(path, SEALER)
    made.ensure("ES256", clock.at)
    return made


def states(keys: SigningKeys) -> list[KeyState]:
    return [key.state for key in keys.all()]


def kids(keys: SigningKeys) -> list[str]:
    return [key.kid for key in keys.all()]


def test_first_start_makes_a_current_and_a_next_key(keys: SigningKeys) -> None:
    assert states(keys) == [KeyState.CURRENT, KeyState.NEXT]
    assert len(set(kids(keys))) == 2


def test_later_starts_make_none(keys: SigningKeys, clock: Clock) -> None:
    before = keys.all()
    keys.ensure("PS256", clock.at + 1)
    assert keys.all() == before


def test_gateways_that_start_at_once_make_one_pair(path: Path, clock: Clock) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: SigningKeys(path, SEALER).ensure("ES256", clock.at), range(4)))
    assert states(SigningKeys(path, SEALER)) == [KeyState.CURRENT, KeyState.NEXT]


def test_rotation_promotes_the_published_next_key(keys: SigningKeys, clock: Clock) -> None:
    first, second = kids(keys)
    keys.rotate("PS256", clock.at + 1, 100)
    current, following, retired = keys.all()
    assert (current.kid, retired.kid) == (second, first)
    assert (following.alg, following.since) == ("PS256", clock.at + 1)
    assert retired.published_until == clock.at + 101
    assert retired.is_published(clock.at + 100)
    assert not retired.is_published(clock.at + 101)


def test_retired_key_has_no_private_part(keys: SigningKeys, path: Path, clock: Clock) -> None:
    keys.rotate("ES256", clock.at, 100)
    with closing(sqlite3.connect(path)) as db:
        kept = dict(db.execute("SELECT state, sealed FROM signing_keys").fetchall())
    assert kept["retired"] is None
    assert kept["current"].startswith("v1.")
    assert b"PRIVATE" not in path.read_bytes()


@pytest.mark.parametrize("which", [0, 1])
def test_retiring_a_key_in_use_puts_another_in_its_place(keys: SigningKeys, clock: Clock, which: int) -> None:
    before = kids(keys)
    keys.retire(before[which], "ES256", clock.at + 1)
    found = {key.kid: key for key in keys.all()}
    assert states(keys) == [KeyState.CURRENT, KeyState.NEXT, KeyState.RETIRED]
    assert not found[before[which]].is_published(clock.at + 1)
    assert kids(keys)[0] == before[1 - which]


def test_retiring_an_unknown_key_changes_nothing(keys: SigningKeys, clock: Clock) -> None:
    before = keys.all()
    with pytest.raises(UnknownKey):
        keys.retire("unknown", "ES256", clock.at)
    assert keys.all() == before


def test_purge_forgets_only_what_is_not_published(keys: SigningKeys, clock: Clock) -> None:
    keys.rotate("ES256", clock.at, 100)
    keys.rotate("ES256", clock.at, 200)
    assert keys.purge(clock.at + 99) == 0
    assert keys.purge(clock.at + 100) == 1
    assert states(keys) == [KeyState.CURRENT, KeyState.NEXT, KeyState.RETIRED]


def test_database_that_no_gateway_has_opened_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    with pytest.raises(Misconfigured):
        SigningKeys(empty, SEALER).all()


async def test_signer_publishes_by_state_and_time(path: Path, clock: Clock) -> None:
    async with StoredSigner.open(path, sealer=SEALER, clock=clock, alg="ES256") as signer:
        first, second = [jwk["kid"] for jwk in await signer.published()]
        SigningKeys(path, SEALER).rotate("ES256", clock.at, 100)
        assert [jwk["kid"] for jwk in await signer.published()][::2] == [second, first]
        clock.at += 100
        assert first not in [jwk["kid"] for jwk in await signer.published()]


async def test_signature_is_by_the_current_key(path: Path, clock: Clock) -> None:
    async with StoredSigner.open(path, sealer=SEALER, clock=clock, alg="ES256") as signer:
        for _ in range(2):
            published = await signer.published()
            token = reader.read(await signer.sign({"iss": "us"}, "JWT"), ES256)
            assert token.header.kid == published[0]["kid"]
            assert verification.verify(token, key_set(jwks(*published)), ES256).kid == token.header.kid
            SigningKeys(path, SEALER).rotate("PS256", clock.at, 100)


async def test_key_sealed_by_another_key_does_not_open(keys: SigningKeys, path: Path, clock: Clock) -> None:
    async with StoredSigner.open(path, sealer=Sealer([bytes(range(1, 33))]), clock=clock, alg="ES256") as signer:
        with pytest.raises(Misconfigured):
            await signer.sign({}, "JWT")


async def test_closed_signer_is_unavailable(path: Path, clock: Clock) -> None:
    async with AsyncExitStack() as stack:
        signer = await stack.enter_async_context(StoredSigner.open(path, sealer=SEALER, clock=clock, alg="ES256"))
    with pytest.raises(Unavailable):
        await signer.published()


async def test_keystore_signer_signs_with_the_operators_key() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    signer = KeystoreSigner(key, "ES256")
    assert await signer.published() == (public_jwk(key.public_key(), "ES256"),)
    token = reader.read(await signer.sign({"iss": "us"}, "JWT"), ES256)
    assert verification.verify(token, key_set(jwks(*await signer.published())), ES256)


def test_made_keys_are_of_their_algorithm() -> None:
    for alg in ("PS256", "ES256"):
        assert public_jwk(generate(alg).public_key(), alg)["alg"] == alg
