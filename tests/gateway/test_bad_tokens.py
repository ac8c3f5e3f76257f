"""Tokens that are wrong as tokens: the same list for the request, the statement, and the statement in plain JSON."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from town import UK, Town
from wrongs import ISS, META, Wrong, encoded, is_refused

from dcrgw.core.jose import base64url
from dcrgw.core.jose.algorithms import fitting
from dcrgw.testkit.keys import SigningKey

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUEST, STATEMENT, GENERIC = "request", "statement", "generic"
EVERYWHERE = (REQUEST, STATEMENT, GENERIC)


@dataclass(frozen=True)
class BadToken:
    """One way to make a token wrong. `reason` is the last part of the check's id.

    `header` replaces members, None leaves one out; `raw_header` (of the kid) and `payload` (of the claims' JSON) are
    bytes signed as they are; `recut` changes the finished text; `forge` makes the whole token from key and payload.
    """

    line: int
    sends: str
    reason: str
    header: Mapping[str, Any] = field(default_factory=dict)
    raw_header: Callable[[str], bytes] | None = None
    payload: Callable[[bytes], bytes] | None = None
    recut: Callable[[str], str] = lambda text: text
    forge: Callable[[SigningKey, bytes], str] | None = None
    key: str = "current"
    layers: tuple[str, ...] = EVERYWHERE
    #: The key set that may be asked once more for an unknown kid.
    asks: bool = False

    def __str__(self) -> str:
        return f"{self.line} {self.sends}"

    def as_wrong(self, layer: str) -> Wrong:
        """What must come back when this is the token of `layer`."""
        market = "generic" if layer == GENERIC else UK
        if layer == REQUEST:
            status = 413 if self.reason == "size" else 400
            asks = frozenset({"software-jwks"} if self.asks else ())
            return Wrong(self.line, self.sends, META, (f"request.jws.{self.reason}",), status=status, asks=asks)
        asks = frozenset({"jwks"} if self.asks else ())
        return Wrong(self.line, self.sends, ISS, (f"statement.jws.{self.reason}",), market=market, asks=asks)


def _header(text: str) -> Callable[[str], bytes]:
    """A header as written, with the kid where it says KID."""
    return lambda kid: text.replace("KID", kid).encode("utf-8", "surrogatepass")


def _claims(more: str) -> Callable[[bytes], bytes]:
    """The claims with more text before the closing brace."""
    return lambda payload: payload[:-1] + b"," + more.encode("utf-8", "surrogatepass") + b"}"


def _part(index: int, change: Callable[[str], str]) -> Callable[[str], str]:
    """A change to one of the three parts."""

    def recut(text: str) -> str:
        parts = text.split(".")
        parts[index] = change(parts[index])
        return ".".join(parts)

    return recut


def _signature(change: Callable[[bytes], bytes]) -> Callable[[str], str]:
    return _part(2, lambda part: base64url.encode(change(base64url.decode(part.encode()))))


def _stray_bits(part: str) -> str:
    """The same octets with unused bits set: another spelling of the last character."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + alphabet[alphabet.index(part[-1]) | 1]


def _padded(part: str) -> str:
    return part + "="


def _hmac(secret: Callable[[SigningKey], bytes]) -> Callable[[SigningKey, bytes], str]:
    """HS256 with something public as its secret."""

    def forge(key: SigningKey, payload: bytes) -> str:
        head = json.dumps({"alg": "HS256", "kid": key.kid}).encode()
        signing_input = f"{base64url.encode(head)}.{base64url.encode(payload)}"
        mac = hmac.new(secret(key), signing_input.encode(), hashlib.sha256).digest()
        return f"{signing_input}.{base64url.encode(mac)}"

    return forge


def _public(encoding: serialization.Encoding) -> Callable[[SigningKey], bytes]:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return lambda key: key.private_key.public_key().public_bytes(encoding, form)


def _own_key_inside(key: SigningKey, payload: bytes) -> str:
    stranger = SigningKey.generate(key.kid)
    return stranger.sign_raw({"alg": "PS256", "kid": key.kid, "jwk": stranger.public_jwk()}, payload)


def _trusted_key_inside(key: SigningKey, payload: bytes) -> str:
    return key.sign_raw({"alg": "PS256", "kid": key.kid, "jwk": key.public_jwk()}, payload)


def _salted(length: int) -> Callable[[SigningKey, bytes], str]:
    """PS256 with a salt of another length than the hash's."""

    def forge(key: SigningKey, payload: bytes) -> str:
        head = json.dumps({"alg": "PS256", "kid": key.kid}).encode()
        signing_input = f"{base64url.encode(head)}.{base64url.encode(payload)}"
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=length)
        return f"{signing_input}.{base64url.encode(key.private_key.sign(signing_input.encode(), pss, hashes.SHA256()))}"

    return forge


def _json_serialised(key: SigningKey, payload: bytes) -> str:
    protected, middle, signature = key.sign_raw({"alg": "PS256", "kid": key.kid}, payload).split(".")
    return json.dumps({"protected": protected, "payload": middle, "signature": signature, "header": {"a": "."}})


def _utf8(middle: bytes) -> Callable[[bytes], bytes]:
    return lambda payload: payload[:-1] + b',"x":"' + middle + b'"}'


_JWE_HEADER = base64url.encode(b'{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF"}')
_PBES2_HEADER = base64url.encode(b'{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483648,"p2s":"AAAAAAAAAAA"}')

FORBIDDEN = {
    16: {"jku": "https://attacker.example/keys", "x5u": "https://attacker.example/chain"},
    18: {"x5c": ["MIIB"]},
    19: {"crit": ["exp"]},
    20: {"b64": False},
    21: {"zip": "DEF"},
}

BAD_TOKENS = (
    BadToken(1, "`alg` none with an empty signature", "algorithm", {"alg": "none"}),
    *(BadToken(2, f"`alg` {alg}", "algorithm", {"alg": alg}) for alg in ("None", "NONE", "nOnE")),
    BadToken(3, "no `alg`", "algorithm", {"alg": None}),
    BadToken(3, "`alg` null", "algorithm", raw_header=_header('{"alg":null,"kid":"KID"}')),
    BadToken(3, "`alg` as a number", "algorithm", {"alg": 256}),
    BadToken(3, "`alg` as a list", "algorithm", {"alg": ["PS256"]}),
    BadToken(3, "`alg` as an object", "algorithm", {"alg": {}}),
    BadToken(
        4, "`alg` HS256, keyed with the public key's PEM", "algorithm", forge=_hmac(_public(serialization.Encoding.PEM))
    ),
    BadToken(
        4, "`alg` HS256, keyed with the public key's DER", "algorithm", forge=_hmac(_public(serialization.Encoding.DER))
    ),
    BadToken(
        4,
        "`alg` HS256, keyed with the JWK's JSON",
        "algorithm",
        forge=_hmac(lambda key: json.dumps(key.public_jwk()).encode()),
    ),
    BadToken(
        4, "`alg` HS256, keyed with the JWK's n", "algorithm", forge=_hmac(lambda key: key.public_jwk()["n"].encode())
    ),
    BadToken(
        5, "`alg` RS256, which the market does not take", "algorithm", {"alg": "RS256"}, layers=(REQUEST, STATEMENT)
    ),
    BadToken(5, "`alg` PS512, which the market does not take", "algorithm", {"alg": "PS512"}),
    BadToken(
        6, "`alg` RS256 with a key that is published for PS256", "key_algorithm", {"alg": "RS256"}, layers=(GENERIC,)
    ),
    BadToken(6, "`alg` ES256 with an RSA key", "key_algorithm", {"alg": "ES256"}),
    BadToken(12, "no `kid`", "kid", {"kid": None}),
    BadToken(15, "`kid` empty", "kid", {"kid": ""}),
    BadToken(15, "`kid` as an object", "kid", {"kid": {}}),
    BadToken(15, "`kid` null", "kid", raw_header=_header('{"alg":"PS256","kid":null}')),
    BadToken(15, "`kid` of 257 characters", "kid", {"kid": "k" * 257}),
    BadToken(15, "`kid` of 100 kB", "size", {"kid": "k" * 30_000}),
    BadToken(13, "`kid` that nobody publishes", "key_unknown", {"kid": "nobody"}, asks=True),
    *(
        BadToken(15, f"`kid` {name}", "key_unknown", {"kid": kid}, asks=True)
        for name, kid in {
            "with a path": "../../dev/null",
            "with SQL": "' OR 1=1--",
            "with an encoded NUL": "%00",
            "with a command": "|cmd",
            "in another script": "ключ",
            "with a line feed": "sig-1\nsig-1",
        }.items()
    ),
    *(
        BadToken(line, f"header member `{name}`", "header_member", {name: value})
        for line, members in FORBIDDEN.items()
        for name, value in members.items()
    ),
    BadToken(17, "`jwk` with a stranger's key, signed by it", "header_member", forge=_own_key_inside),
    BadToken(17, "`jwk` with the very key that is published", "header_member", forge=_trusted_key_inside),
    BadToken(19, "`crit` empty", "header_member", {"crit": []}),
    BadToken(19, "`crit` of something unknown", "header_member", {"crit": ["unknown"], "unknown": 1}),
    BadToken(19, "`crit` as a string", "header_member", {"crit": "exp"}),
    BadToken(20, "`b64` false with `crit`", "header_member", {"b64": False, "crit": ["b64"]}),
    BadToken(
        22, "a header member twice", "header_json", raw_header=_header('{"alg":"none","alg":"PS256","kid":"KID"}')
    ),
    BadToken(
        24,
        "a header member twice, once escaped",
        "header_json",
        raw_header=_header('{"\\u0061lg":"none","alg":"PS256","kid":"KID"}'),
    ),
    BadToken(23, "a claim twice", "payload_json", payload=_claims('"iss":"another"')),
    BadToken(23, "`exp` twice", "payload_json", payload=_claims('"exp":1,"exp":9999999999')),
    BadToken(24, "a claim twice, once escaped", "payload_json", payload=_claims('"\\u0069ss":"another"')),
    *(
        BadToken(25, f"the number {name}", "payload_json", payload=_claims(f'"x":{literal}'))
        for name, literal in {
            "NaN": "NaN",
            "Infinity": "Infinity",
            "-Infinity": "-Infinity",
            "1e400": "1e400",
            "-0": "-0",
            "of 5 000 digits": "9" * 5_000,
        }.items()
    ),
    BadToken(
        26,
        "a header 17 deep",
        "header_json",
        raw_header=_header('{"alg":"PS256","kid":"KID","x":' + "[" * 17 + "]" * 17 + "}"),
    ),
    BadToken(
        26, "a header 50 000 deep", "size", raw_header=lambda kid: b'{"x":' + b"[" * 15_000 + b"]" * 15_000 + b"}"
    ),
    BadToken(26, "claims 17 deep", "payload_json", payload=_claims('"x":' + "[" * 17 + "]" * 17)),
    BadToken(26, "claims 10 000 deep", "payload_json", payload=lambda payload: b"[" * 10_000 + b"]" * 10_000),
    BadToken(27, "an array for claims", "payload_json", payload=lambda payload: b"[1,2]"),
    BadToken(27, "a string for claims", "payload_json", payload=lambda payload: b'"iss"'),
    BadToken(27, "a number for claims", "payload_json", payload=lambda payload: b"1"),
    BadToken(27, "null for claims", "payload_json", payload=lambda payload: b"null"),
    BadToken(27, "nothing for claims", "payload_json", payload=lambda payload: b""),
    BadToken(28, "claims with a byte order mark", "payload_json", payload=lambda payload: b"\xef\xbb\xbf" + payload),
    BadToken(28, "claims in UTF-16", "payload_json", payload=lambda payload: payload.decode().encode("utf-16")),
    BadToken(28, "claims in Latin-1", "payload_json", payload=_utf8(b"\xe9")),
    BadToken(28, "claims with overlong UTF-8", "payload_json", payload=_utf8(b"\xc0\xaf")),
    BadToken(28, "claims with half of a surrogate pair", "payload_json", payload=_utf8(b"\\ud800")),
    BadToken(28, "claims with an encoded surrogate", "payload_json", payload=_utf8(b"\xed\xa0\x80")),
    BadToken(28, "a header that is not UTF-8", "header_json", raw_header=lambda kid: b'{"alg":"PS256","kid":"\xff"}'),
    BadToken(28, "a header that is no object", "header_json", raw_header=lambda kid: b'["PS256"]'),
    *(
        BadToken(29, f"{name} in the {part}", "base64url", recut=_part(index, change))
        for index, part in enumerate(("header", "payload", "signature"))
        for name, change in {
            "padding": _padded,
            "the alphabet of plain base64": lambda part: "+/" + part[2:],
            "white space": lambda part: part[:2] + " " + part[2:],
            "a line feed": lambda part: part[:2] + "\n" + part[2:],
        }.items()
    ),
    BadToken(29, "stray bits at the end of the signature", "base64url", recut=_part(2, _stray_bits)),
    BadToken(30, "a line feed after the token", "base64url", recut=lambda text: text + "\n"),
    BadToken(30, "a blank before the token", "base64url", recut=lambda text: " " + text),
    BadToken(31, "no signature", "signature_form", recut=_part(2, lambda part: "")),
    BadToken(31, "a signature of one byte", "signature_form", recut=_part(2, lambda part: "AA")),
    BadToken(31, "a signature one byte short", "signature_form", recut=_signature(lambda octets: octets[:-1])),
    BadToken(31, "a signature one byte long", "signature_form", recut=_signature(lambda octets: octets + b"\0")),
    BadToken(
        31,
        "a signature with one bit changed",
        "signature",
        recut=_signature(lambda octets: bytes((octets[0] ^ 1,)) + octets[1:]),
    ),
    BadToken(
        31,
        "claims that were changed after signing",
        "signature",
        recut=_part(1, lambda part: base64url.encode(base64url.decode(part.encode()).replace(b'"jti"', b'"jTi"'))),
    ),
    BadToken(33, "PS256 without salt", "signature", forge=_salted(0)),
    BadToken(33, "PS256 with the longest salt", "signature", forge=_salted(222)),
    BadToken(
        34,
        "an encrypted token (JWE, five parts)",
        "parts",
        forge=lambda key, payload: f"{_JWE_HEADER}.AAAA.AAAA.AAAA.AAAA",
    ),
    BadToken(
        34,
        "an encrypted token with a costly password",
        "parts",
        forge=lambda key, payload: f"{_PBES2_HEADER}.AAAA.AAAA.AAAA.AAAA",
    ),
    BadToken(35, "`cty` JWT", "header_member", {"cty": "JWT"}),
    BadToken(36, "a JWS in JSON serialisation", "parts", forge=_json_serialised),
    BadToken(37, "two parts", "parts", recut=lambda text: text.rpartition(".")[0]),
    BadToken(37, "four parts", "parts", recut=lambda text: text + ".AAAA"),
    BadToken(37, "one part", "parts", recut=lambda text: text.replace(".", "")),
    BadToken(38, "`typ` at+jwt", "type", {"typ": "at+jwt"}),
    BadToken(38, "`typ` dpop+jwt", "type", {"typ": "dpop+jwt"}),
    BadToken(38, "`typ` as a number", "type", {"typ": 1}),
    BadToken(39, "a header of 8 KiB", "size", {"pad": "x" * 8_192}),
    BadToken(
        39, "a statement of 70 kB", "size", payload=_claims('"x":"' + "y" * 50_000 + '"'), layers=(STATEMENT, GENERIC)
    ),
    BadToken(43, "a signature by a stranger under the right kid", "signature", key="foreign"),
)


async def body_of(town: Town, bad: BadToken, layer: str) -> bytes:
    """A registration that is right but for the token of one layer."""
    if layer == REQUEST:
        return _made(town.key(), _json(town.claims(await town.statement())), bad, SigningKey.generate).encode(
            "utf-8", "surrogatepass"
        )
    market = "generic" if layer == GENERIC else UK
    return encoded(town, town.claims(await _statement(town, bad, market), market), market)


async def _statement(town: Town, bad: BadToken, market: str) -> str:
    """By the management API, unless the whole token is forged."""
    if bad.forge is not None:
        minted = await town.manage("POST", "/statements", market=market)
        return bad.forge(_directory_key(town), _json(minted["claims"]))
    order: dict[str, Any] = {"header": dict(bad.header), "key": bad.key}
    if bad.raw_header is not None:
        order["raw_header"] = bad.raw_header(_directory_key(town).kid)
    if bad.payload is not None:
        minted = await town.manage("POST", "/statements", market=market)
        order["raw"] = bad.payload(_json(minted["claims"]))
    return bad.recut(await town.mint(market, **order))


def _made(key: SigningKey, payload: bytes, bad: BadToken, stranger: Callable[[str], SigningKey]) -> str:
    """The same for a request, which the TPP signs."""
    if bad.forge is not None:
        return bad.forge(key, payload)
    signing = stranger(key.kid) if bad.key == "foreign" else key
    header = {"typ": "JWT", "alg": key.alg, "kid": key.kid, **bad.header}
    head = bad.raw_header(key.kid) if bad.raw_header else {n: v for n, v in header.items() if v is not None}
    if isinstance(header["alg"], str) and header["alg"] in fitting(key.private_key.public_key()):
        signing = replace(signing, alg=header["alg"])
    text = signing.sign_raw(head, bad.payload(payload) if bad.payload else payload)
    return bad.recut(text.rpartition(".")[0] + "." if header["alg"] == "none" else text)


def _directory_key(town: Town) -> SigningKey:
    return town.session.parties.world.keys.current


def _json(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("layer", "bad"),
    [(layer, bad) for layer in EVERYWHERE for bad in BAD_TOKENS if layer in bad.layers],
    ids=lambda each: str(each),
)
async def test_a_wrong_token_is_refused(warm_town: Town, layer: str, bad: BadToken) -> None:
    await is_refused(warm_town, bad.as_wrong(layer), await body_of(warm_town, bad, layer))
