"""Keys that are published and must not be believed: of the software and of the directory, by the same list."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from town import UK, Town
from wrongs import ISS, META, Wrong, is_refused

from dcrgw.core.jose import base64url
from dcrgw.sandbox.world import Keys
from dcrgw.testkit.keys import SigningKey, jwks

pytestmark = pytest.mark.asyncio(loop_scope="module")

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
REQUEST, STATEMENT = "request", "statement"

EC = SigningKey.generate("ec", "ES256")
RSA = SigningKey.generate("rsa")
P384 = SigningKey.generate("p384", "ES384")
SHORT = SigningKey.generate("short", bits=1024)
SMALL_EXPONENT = SigningKey("exponent", "PS256", rsa.generate_private_key(3, 2048))


def edit(text: str) -> str:
    """A cool-down longer than the tests."""
    return text.replace("cooldown_s = 1 ", "cooldown_s = 600 ")


def _number(value: int) -> str:
    return base64url.encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _close_primes() -> int:
    a = 3 << 1022
    return next(n for b in range(1, 5_000, 2) if (n := (a - b) * (a + b)) % 2 and _has_no_small_factor(n))


def _roca() -> int:
    base = prod((11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157))
    start = pow(65_537, 5, base) + base * ((1 << 2_047) // base + 1)
    return next(n for n in range(start, start + base * 5_000, base) if _has_no_small_factor(n))


def _has_no_small_factor(number: int) -> bool:
    return all(number % prime for prime in range(2, 1_000) if all(prime % d for d in range(2, int(prime**0.5) + 1)))


@dataclass(frozen=True)
class BadKey:
    """One published key and why a token that names it is refused. `jwk` is what its owner publishes under `kid`."""

    line: int
    publishes: str
    kid: str
    jwk: Callable[[], list[dict[str, Any]]]
    reason: str = "key_unusable"
    signer: SigningKey = RSA
    header: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.line} {self.publishes}"


def _rsa(kid: str, **changes: Any) -> Callable[[], list[dict[str, Any]]]:
    return lambda: [RSA.public_jwk(kid=kid, **changes)]


def _ec(kid: str, **changes: Any) -> Callable[[], list[dict[str, Any]]]:
    return lambda: [EC.public_jwk(kid=kid, **changes)]


BAD_KEYS = (
    BadKey(7, "`use` enc", "use", _rsa("use", use="enc")),
    BadKey(8, "`key_ops` without verify", "ops", _rsa("ops", key_ops=["sign"])),
    BadKey(
        9,
        "a P-384 key, named by an ES256 header",
        "p384",
        lambda: [P384.public_jwk(alg=None)],
        "key_algorithm",
        P384,
        {"alg": "ES256"},
    ),
    BadKey(9, "`alg` ES521, which does not exist", "es521", _ec("es521", alg="ES521"), signer=EC),
    BadKey(9, "`alg` ES224, which does not exist", "es224", _ec("es224", alg="ES224"), signer=EC),
    BadKey(6, "`alg` PS512 on the key, PS256 in the header", "ps512", _rsa("ps512", alg="PS512"), "key_algorithm"),
    BadKey(
        10,
        "two keys of one `kid`",
        "twice",
        lambda: [
            RSA.public_jwk(kid="twice"),
            SHORT.public_jwk(kid="twice", n=_number((1 << 2_047) + 9)),
            SMALL_EXPONENT.public_jwk(kid="twice", e="AQAB"),
        ],
    ),
    BadKey(
        11,
        "a symmetric key beside the others",
        "oct",
        lambda: [{"kty": "oct", "kid": "oct", "alg": "PS256", "k": "c2VjcmV0"}],
    ),
    BadKey(40, "an RSA key of 1024 bits", "short", lambda: [SHORT.public_jwk()], signer=SHORT),
    BadKey(40, "an RSA key with exponent 3", "exponent", lambda: [SMALL_EXPONENT.public_jwk()], signer=SMALL_EXPONENT),
    BadKey(40, "an RSA key with exponent 1", "one", _rsa("one", e="AQ")),
    BadKey(40, "an even RSA modulus", "even", _rsa("even", n=_number((1 << 2_047) + 2))),
    BadKey(
        40,
        "an RSA modulus of close primes",
        "fermat",
        lambda: [RSA.public_jwk(kid="fermat", n=_number(_close_primes()))],
    ),
    BadKey(
        40, "an RSA modulus of the ROCA generator", "roca", lambda: [RSA.public_jwk(kid="roca", n=_number(_roca()))]
    ),
    BadKey(
        40, "a point that is not on the curve", "curve", _ec("curve", y=base64url.encode(bytes(31) + b"\1")), signer=EC
    ),
    BadKey(40, "the private part too", "private", _rsa("private", d="AQAB")),
    BadKey(40, "a `kty` that is not known", "kty", _rsa("kty", kty="XYZ")),
    BadKey(40, "an `x5c` that is no certificate", "x5c", _rsa("x5c", x5c=["AAAA"])),
)


@dataclass(frozen=True, slots=True)
class Announced(Keys):
    """A directory's keys, published with more beside them."""

    document: bytes = b""

    @property
    def published(self) -> bytes:
        """The key set document."""
        return self.document


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def published(town: Town) -> AsyncIterator[Town]:
    """Directory and software publish every bad key beside their own; the gateway has read it all."""
    world, software = town.session.parties.world, town.index()["software_id"]
    more: list[Any] = [EC, *(jwk for bad in BAD_KEYS for jwk in bad.jwk())]
    own = world.keys
    world.keys = Announced(own.current, own.kept, own.retired, jwks(own.current, *more))
    await town.manage("PUT", f"/software/{software}/jwks", document=json.loads(jwks(town.key(), *more)))
    await town.start()
    assert (await town.post(await town.body())).status == 201
    yield town
    world.keys = own
    await town.manage("PUT", f"/software/{software}/jwks", document=None)


async def _statement(town: Town, key: SigningKey | None = None) -> str:
    """A statement; signed by a key of the test's where one is given."""
    minted = await town.manage("POST", "/statements", market=UK)
    return minted["statement"] if key is None else key.sign(minted["claims"])


async def _body(town: Town, layer: str, sign: Callable[[Any], str]) -> bytes:
    """A registration whose one layer is signed by `sign`."""
    if layer == REQUEST:
        return sign(town.claims(await _statement(town))).encode()
    minted = await town.manage("POST", "/statements", market=UK)
    return town.key().sign(town.claims(sign(minted["claims"]))).encode()


def _wrong(layer: str, line: int, sends: str, reason: str, asks: bool = False) -> Wrong:
    """What must come back; an unknown or unusable kid may have the key set asked for once more."""
    error, asked = (META, "software-jwks") if layer == REQUEST else (ISS, "jwks")
    return Wrong(line, sends, error, (f"{layer}.jws.{reason}",), asks=frozenset({asked} if asks else ()))


def wrong(layer: str, bad: BadKey) -> Wrong:
    """What must come back to a token that names this key."""
    return _wrong(layer, bad.line, bad.publishes, bad.reason, asks=True)


@pytest.mark.parametrize("bad", BAD_KEYS, ids=str)
@pytest.mark.parametrize("layer", [REQUEST, STATEMENT])
async def test_a_published_key_that_is_unfit_is_not_believed(published: Town, layer: str, bad: BadKey) -> None:
    header = {"alg": "PS256" if bad.signer.alg == "PS256" else "ES256", **bad.header}
    body = await _body(published, layer, lambda claims: replace(bad.signer, kid=bad.kid).sign(claims, header=header))
    await is_refused(published, wrong(layer, bad), body)


@pytest.mark.parametrize("layer", [REQUEST, STATEMENT])
async def test_a_key_beside_the_unfit_ones_is_believed(published: Town, layer: str) -> None:
    assert (await published.post(await _body(published, layer, EC.sign))).status == 201


def _resigned(change: Callable[[bytes], bytes]) -> Callable[[str], str]:
    def recut(token: str) -> str:
        head, _, signature = token.rpartition(".")
        return f"{head}.{base64url.encode(change(base64url.decode(signature.encode())))}"

    return recut


def _der(octets: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(octets[:32], "big"), int.from_bytes(octets[32:], "big"))


_ZERO, _ORDER = bytes(32), P256_ORDER.to_bytes(32, "big")

BAD_ECDSA: tuple[tuple[int, str, Callable[[bytes], bytes]], ...] = (
    (31, "an ES256 signature of 66 bytes with leading zeros", lambda s: b"\0" + s[:32] + b"\0" + s[32:]),
    (31, "an ES256 signature of 512 bytes", lambda s: s.rjust(512, b"\0")),
    (32, "an ES256 signature with r = 0", lambda s: _ZERO + s[32:]),
    (32, "an ES256 signature with s = 0", lambda s: s[:32] + _ZERO),
    (32, "an ES256 signature with r = n", lambda s: _ORDER + s[32:]),
    (32, "an ES256 signature in DER", _der),
)


@pytest.mark.parametrize(
    ("line", "sends", "change"), BAD_ECDSA, ids=[f"{line} {sends}" for line, sends, _ in BAD_ECDSA]
)
@pytest.mark.parametrize("layer", [REQUEST, STATEMENT])
async def test_an_ecdsa_signature_has_one_form_only(published: Town, layer: str, line: int, sends: str, change) -> None:
    body = await _body(published, layer, lambda claims: _resigned(change)(EC.sign(claims)))
    await is_refused(published, _wrong(layer, line, sends, "signature_form"), body)


async def test_a_flood_of_unknown_kids_asks_each_key_set_once_at_most(published: Town) -> None:
    before = await published.asked()
    bodies = [
        await _body(published, layer, lambda claims, n=n: replace(RSA, kid=f"random-{n}").sign(claims))
        for layer in (REQUEST, STATEMENT)
        for n in range(30)
    ]
    replies = await asyncio.gather(*(published.post(body) for body in bodies))
    assert {reply.status for reply in replies} == {400}
    assert {check for reply in replies for check in reply.checks} == {
        "request.jws.key_unknown",
        "statement.jws.key_unknown",
    }
    asked = (await published.asked())[len(before) :]
    assert asked.count("jwks") <= 1
    assert asked.count("software-jwks") <= 1


@pytest.mark.parametrize("kid", ["its own", "the other's"])
async def test_the_directorys_key_signs_no_request_and_the_softwares_no_statement(published: Town, kid: str) -> None:
    directory, software = published.session.parties.world.keys.current, published.key()
    reason = "key_unknown" if kid == "its own" else "signature"
    as_software = directory if kid == "its own" else replace(directory, kid=software.kid)
    await is_refused(
        published,
        _wrong(REQUEST, 43, "signed by the directory's key", reason, asks=True),
        await _body(published, REQUEST, as_software.sign),
    )
    as_directory = software if kid == "its own" else replace(software, kid=directory.kid)
    await is_refused(
        published,
        _wrong(STATEMENT, 43, "signed by the software's key", reason, asks=True),
        await _body(published, STATEMENT, as_directory.sign),
    )


async def test_another_softwares_key_does_not_sign_for_this_one(published: Town) -> None:
    other = replace(published.key("obwac"), kid=published.key().kid)
    await is_refused(
        published,
        _wrong(REQUEST, 42, "signed by another software's key", "signature"),
        await _body(published, REQUEST, other.sign),
    )


@pytest.mark.parametrize(
    ("sends", "document"),
    [
        ("10 000 keys", {"keys": [{"kty": "RSA"}] * 10_000}),
        ("more than 256 KiB", " " * 300_000),
        ("no JSON", "not a key set"),
        ("a list", []),
        ("keys that are no list", {"keys": {}}),
    ],
)
async def test_a_key_set_that_cannot_be_read_is_unknown_and_never_a_yes(town: Town, sends: str, document: Any) -> None:
    # Unknown is not the TPP's fault: what its directory publishes may be whole again in a minute.
    software, before = town.index()["software_id"], town.clients()
    await town.manage("PUT", f"/software/{software}/jwks", document=document)
    await town.start()
    reply = await town.post(await town.body())
    await town.manage("PUT", f"/software/{software}/jwks", document=None)
    assert (reply.status, reply.body["error"]) == (503, "temporarily_unavailable")
    assert int(reply.headers["Retry-After"]) >= 1
    assert town.clients() == before


@pytest.mark.parametrize("of", ["directory", "software"])
async def test_a_key_that_was_withdrawn_is_unknown(town: Town, of: str) -> None:
    old = town.session.parties.world.keys.current if of == "directory" else town.key()
    statement, software = await _statement(town), town.session.parties.default.software
    await town.manage("POST", "/keys/rotate", of=of, keep_old=False)
    await town.start()
    if of == "directory":
        statement = await town.mint(key="retired")
        refusal = _wrong(STATEMENT, 43, "signed by the retired key", "key_unknown", asks=True)
    else:
        refusal = _wrong(REQUEST, 43, "signed by the retired key", "key_unknown", asks=True)
    signer = old if of == "software" else software.keys.current
    reply = await is_refused(town, refusal, signer.sign(town.claims(statement)).encode())
    await town.manage("POST", "/reset")
    await town.start()
    assert reply.status == 400
