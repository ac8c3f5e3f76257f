"""Key sets: published documents turned into keys that may verify, each vetted once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from dcrgw.core import strict_json
from dcrgw.core.jose import vetting
from dcrgw.core.strict_json import JsonValue

MAX_DOCUMENT_BYTES = 262_144
MAX_KEYS = 100


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One vetted public key, parsed once. `algorithms` are those it may verify (its own `alg`, else by its type).

    `alternative` is another key of the same kid for other algorithms, which RFC 7517 §4.5 permits.
    """

    kid: str
    key: RSAPublicKey | EllipticCurvePublicKey
    algorithms: frozenset[str]
    #: RFC 7638 SHA-256 thumbprint, base64url.
    thumbprint: str
    alternative: VerificationKey | None = None

    def serving(self, alg: str) -> VerificationKey | None:
        """The key of this kid that is one for `alg`."""
        if alg in self.algorithms:
            return self
        return self.alternative.serving(alg) if self.alternative else None


@dataclass(frozen=True, slots=True)
class RefusedKey:
    """A published key that verifies nothing here, and why (an operator's word, no key material)."""

    kid: str
    reason: str


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable keys of one document by kid; a kid that two usable keys share is in `refused` instead."""

    keys: Mapping[str, VerificationKey]
    refused: tuple[RefusedKey, ...] = ()
    source: str = ""
    #: Of a set of revoked keys: RFC 7638 thumbprints, and x5t#S256 where a key came with a certificate.
    prints: frozenset[str] = frozenset()
    #: SHA-256 of the certificates (DER) that its keys come with (x5c), of keys that verify nothing too.
    certificates: frozenset[bytes] = frozenset()

    def signer(self, kid: str, alg: str) -> str | None:
        """The thumbprint of the key that a token of this kid and algorithm was proven by."""
        key = self.keys[kid].serving(alg) if kid in self.keys else None
        return key.thumbprint if key is not None else None


class KeySetUnusable(ValueError):
    """The document as a whole is no key set. The message never echoes it."""


def key_set(document: bytes, *, source: str = "") -> KeySet:
    """The keys of a JWK Set as published. Raises: KeySetUnusable, as `read` besides."""
    return read(members_of(document), source=source)


def members_of(document: bytes) -> JsonValue:
    """A JWK Set as JSON, nothing judged. Raises: KeySetUnusable."""
    if len(document) > MAX_DOCUMENT_BYTES:
        raise KeySetUnusable(f"the key set is longer than {MAX_DOCUMENT_BYTES} bytes")
    try:
        return strict_json.loads_object(document)
    except strict_json.JsonRefused as error:
        raise KeySetUnusable(f"the key set {error}") from None


def read(members: JsonValue, *, source: str = "") -> KeySet:
    """The keys of a JWK Set, vetted one by one: a bad key costs only itself. An empty set is a value too.

    Raises: KeySetUnusable. Spec: RFC 7517 §5, RFC 8725 §3.5.
    """
    usable: dict[str, list[VerificationKey]] = {}
    refused: list[RefusedKey] = []
    for entry in entries(members):
        try:
            vetted = vetting.vet(entry)
        except vetting.KeyRefused as error:
            refused.append(RefusedKey(error.kid, error.reason))
            continue
        key = VerificationKey(vetted.kid, vetted.key, vetted.algorithms, vetted.thumbprint)
        usable.setdefault(key.kid, []).append(key)
    keys: dict[str, VerificationKey] = {}
    for kid, sharing in usable.items():
        if _ambiguous(sharing):
            refused.append(RefusedKey(kid, "more than one key has this kid"))
        else:
            keys[kid] = _chained(sharing)
    return KeySet(MappingProxyType(keys), tuple(refused), source, certificates=_certificates(members))


def _certificates(members: JsonValue) -> frozenset[bytes]:
    found = (vetting.certificate(entry) for entry in entries(members))
    return frozenset(hashlib.sha256(der).digest() for der in found if der is not None)


def entries(members: JsonValue) -> list[JsonValue]:
    """The keys of a JWK Set as they stand. Raises: KeySetUnusable."""
    entries = members.get("keys") if isinstance(members, dict) else None
    if not isinstance(entries, list):
        raise KeySetUnusable("the key set has no list of keys")
    if len(entries) > MAX_KEYS:
        raise KeySetUnusable(f"the key set holds more than {MAX_KEYS} keys")
    return entries


def _ambiguous(sharing: list[VerificationKey]) -> bool:
    """Whether some algorithm would fit two of the keys that share a kid."""
    return sum(len(key.algorithms) for key in sharing) != len(frozenset().union(*(key.algorithms for key in sharing)))


def _chained(sharing: list[VerificationKey]) -> VerificationKey:
    first, *others = sharing
    return replace(first, alternative=_chained(others)) if others else first
