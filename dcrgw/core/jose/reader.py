"""Reads a compact JWS strictly, from bytes to `Unverified`. Nothing is proven here."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from dcrgw.core import strict_json
from dcrgw.core.jose import base64url
from dcrgw.core.jose.algorithms import ALGORITHMS
from dcrgw.core.jose.reasons import JoseReason, JoseRefused
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.values import lean

MAX_KID_LENGTH = 256

#: Header members that would let a token choose its own key or change what is signed.
FORBIDDEN_MEMBERS = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"})


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """Which tokens are read. `types` are lower-case `typ` values taken beside an absent one.

    `max_header_bytes` counts the header as sent, in base64url.
    """

    algorithms: frozenset[str]
    types: frozenset[str] = frozenset({"jwt"})
    max_token_bytes: int = 65_536
    max_header_bytes: int = 4_096
    kid_required: bool = True


@dataclass(frozen=True, slots=True)
class JosePolicy(ReadPolicy):
    """Which tokens one layer of a market takes and proves by a published key.

    Raises: ValueError when it names no algorithm, or one that the door does not know.
    """

    def __post_init__(self) -> None:
        if not self.algorithms or not self.algorithms <= ALGORITHMS.keys():
            raise ValueError(f"algorithms must be some of {', '.join(ALGORITHMS)}")


@lean
@dataclass(frozen=True, slots=True)
class JoseHeader:
    """The header members that the door uses. `kid` is empty where it is absent and the policy lets it be."""

    alg: str
    kid: str
    typ: str | None


@lean
@dataclass(frozen=True, slots=True)
class Unverified:
    """A well-formed token that nobody vouches for yet. `text` is the token as presented, byte for byte."""

    text: str = field(repr=False)
    header: JoseHeader
    signing_input: bytes = field(repr=False)
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    #: What `unverified_claims` read, so that a token whose issuer must be known first is not parsed twice.
    _claims: list[dict[str, JsonValue]] = field(default_factory=list, init=False, repr=False, compare=False)


def read(token: bytes | str, policy: ReadPolicy) -> Unverified:
    """The parts of a compact JWS that keeps to the policy; its payload may be any bytes.

    Raises: JoseRefused. Spec: RFC 7515 §5.2, RFC 8725 §3.1 and §3.11.
    """
    raw = _octets(token, policy.max_token_bytes)
    first, second = _dots(raw)
    if first > policy.max_header_bytes:
        raise JoseRefused(JoseReason.SIZE, f"the header is longer than {policy.max_header_bytes} bytes")
    header = _known_header(raw[:first], policy) if first <= _SHORT_HEADER else _header_of(raw[:first], policy)
    payload = _decode(raw[first + 1 : second], "payload")
    signature = _decode(raw[second + 1 :], "signature")
    text = token if isinstance(token, str) else raw.decode("ascii")
    return Unverified(text, header, raw[:second], payload, signature)


def claims(payload: bytes) -> dict[str, JsonValue]:
    """The claims of a payload, which must be one strict JSON object. Raises: JoseRefused."""
    try:
        return strict_json.loads_object(payload)
    except strict_json.JsonRefused as error:
        raise JoseRefused(JoseReason.PAYLOAD_JSON, f"the payload {error}") from None


def unverified_claims(token: Unverified) -> dict[str, JsonValue]:
    """What a token claims before anybody proved it: to find its issuer and its keys, never to decide.

    Raises: JoseRefused.
    """
    if not token._claims:
        token._claims.append(claims(token.payload))
    return token._claims[0]


def _octets(token: bytes | str, limit: int) -> bytes:
    if len(token) > limit:
        raise JoseRefused(JoseReason.SIZE, f"the token is longer than {limit} bytes")
    if isinstance(token, bytes):
        return token
    try:
        return token.encode("ascii")
    except UnicodeEncodeError:
        raise JoseRefused(JoseReason.BASE64URL, "the token holds a character outside ASCII") from None


def _dots(raw: bytes) -> tuple[int, int]:
    """Where the two dots are. Counted before anything is decoded: an encrypted token has four."""
    first = raw.find(b".")
    second = raw.find(b".", first + 1)
    if first < 0 or second < 0:
        raise JoseRefused(JoseReason.PARTS, "the token is not three parts with a dot between each two")
    if raw.find(b".", second + 1) >= 0:
        if raw.count(b".") == 4:
            raise JoseRefused(JoseReason.PARTS, "the token has five parts: it is encrypted, not signed")
        raise JoseRefused(JoseReason.PARTS, "the token has more than three parts")
    return first, second


def _decode(part: bytes, name: str) -> bytes:
    try:
        return base64url.decode(part)
    except base64url.NotCanonical as error:
        raise JoseRefused(JoseReason.BASE64URL, f"the {name} is not base64url: {error}") from None


def _header_of(part: bytes, policy: ReadPolicy) -> JoseHeader:
    return _header(_decode(part, "header"), policy)


#: A directory signs all its statements under one header; what it was read as costs a tenth of a token to find again.
_known_header = lru_cache(maxsize=1024)(_header_of)
#: Longer ones are not kept, so that strangers fill no memory with them.
_SHORT_HEADER = 256


def _header(octets: bytes, policy: ReadPolicy) -> JoseHeader:
    try:
        members = strict_json.loads_object(octets)
    except strict_json.JsonRefused as error:
        raise JoseRefused(JoseReason.HEADER_JSON, f"the header {error}") from None
    if not FORBIDDEN_MEMBERS.isdisjoint(members):
        named = min(FORBIDDEN_MEMBERS.intersection(members))
        raise JoseRefused(JoseReason.HEADER_MEMBER, f"the header member {named} is not taken")
    if "cty" in members and _media_type(members["cty"]) in (None, "jwt"):
        # RFC 7519 §5.2: the payload would be a JWT again.
        raise JoseRefused(JoseReason.HEADER_MEMBER, "the header member cty says a nested JWT, which is not taken")
    return JoseHeader(_algorithm(members, policy), _kid(members, policy), _type(members, policy))


def _algorithm(members: dict[str, JsonValue], policy: ReadPolicy) -> str:
    alg = members.get("alg")
    if isinstance(alg, str) and alg in policy.algorithms:
        return alg
    raise JoseRefused(JoseReason.ALGORITHM, f"the header's alg is not one of {', '.join(sorted(policy.algorithms))}")


def _kid(members: dict[str, JsonValue], policy: ReadPolicy) -> str:
    if "kid" not in members and not policy.kid_required:
        return ""
    kid = members.get("kid")
    # Opaque: it is looked up in a mapping and nowhere else, so its characters do not matter.
    if isinstance(kid, str) and 0 < len(kid) <= MAX_KID_LENGTH:
        return kid
    raise JoseRefused(JoseReason.KID, f"the header's kid is not a string of 1 to {MAX_KID_LENGTH} characters")


def _type(members: dict[str, JsonValue], policy: ReadPolicy) -> str | None:
    if "typ" not in members:
        return None
    typ = members["typ"]
    if isinstance(typ, str) and _media_type(typ) in policy.types:
        return typ
    raise JoseRefused(
        JoseReason.TYPE, f"the header's typ is neither absent nor one of {', '.join(sorted(policy.types))}"
    )


def _media_type(value: JsonValue) -> str | None:
    """A `typ` or `cty` for comparison: RFC 7515 §4.1.9 lets `application/` be left out; media types ignore case."""
    if not isinstance(value, str) or not value.isascii():
        return None
    return value.lower().removeprefix("application/")
