"""Key sets: published documents turned into keys that may verify, each vetted once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One vetted public key, parsed once. `algorithms` are those it may verify (its own `alg`, else by its type)."""

    kid: str
    key: RSAPublicKey | EllipticCurvePublicKey
    algorithms: frozenset[str]
    #: RFC 7638 SHA-256 thumbprint, base64url.
    thumbprint: str


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
