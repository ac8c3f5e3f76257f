"""Kept forms of what has no plain shape: key sets, and a market with its trust anchors."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import MISSING, Field, dataclass, field, fields, make_dataclass, replace
from typing import Any, get_type_hints

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.x509 import Certificate

from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.certificates.reading import CertificateRefused, load
from dcrgw.core.jose.keys import KeySet, RefusedKey, VerificationKey
from dcrgw.core.market import Market
from dcrgw.ports.upstream import Asked, Told


def text_of(value: Any) -> str:
    """JSON in one canonical text: members sorted, no blanks, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class KeptKey:
    """A vetted key; `public_key` is its SubjectPublicKeyInfo, DER."""

    kid: str
    public_key: bytes
    algorithms: tuple[str, ...]
    thumbprint: str


@dataclass(frozen=True, slots=True)
class KeptKeySet:
    """A key set. Keys that share a kid stand one after the other."""

    keys: tuple[KeptKey, ...]
    refused: tuple[RefusedKey, ...] = ()
    source: str = ""
    #: Of keys that were taken back; sorted.
    prints: tuple[str, ...] = ()
    certificates: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptAnchors:
    """A market's trust; certificates are DER."""

    roots: tuple[bytes, ...]
    intermediates: tuple[bytes, ...] = ()
    qualified_roots: tuple[bytes, ...] = ()


_FORMS: dict[Any, Any] = {KeySet: KeptKeySet, TrustAnchors: KeptAnchors}


def _with_forms(kind: type) -> Any:
    """A dataclass like `kind`, with the same fields and defaults, whose field types are the kept forms."""
    hints = get_type_hints(kind)
    members = [(each.name, _FORMS.get(hints[each.name], hints[each.name]), _default(each)) for each in fields(kind)]
    return make_dataclass(f"Kept{kind.__name__}", members, frozen=True, slots=True)


def _default(member: Field[Any]) -> Any:
    if member.default_factory is not MISSING:
        return field(default_factory=member.default_factory)
    return field(default=member.default) if member.default is not MISSING else field()


#: A market as it decides: profile, directories, trust and all. It grows with `Market` by itself.
KeptMarket = _FORMS[Market] = _with_forms(Market)


@dataclass(frozen=True, slots=True)
class KeptAsked:
    """What went on to an authorization server. `body` is text: what is secret in it can be found, and taken out."""

    endpoint: str
    method: str
    headers: tuple[tuple[str, str], ...]
    query: str
    body: str
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class KeptTold:
    """What it answered, likewise."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


_FORMS |= {Asked: KeptAsked, Told: KeptTold}


def form_of(kind: Any) -> Any:
    """The type that stands for `kind` in a bundle: `kind` itself in most cases."""
    return _FORMS.get(kind, kind)


def keep(value: Any) -> Any:
    """A value in the form that has a plain shape."""
    form = _KEEP.get(type(value))
    return form(value) if form else value


def restore(value: Any) -> Any:
    """What `keep` kept. Raises: ValueError where a key or a certificate cannot be read."""
    form = _RESTORE.get(type(value))
    return form(value) if form else value


def _kept_keys(keys: KeySet) -> KeptKeySet:
    each = [key for first in keys.keys.values() for key in _chain(first)]
    return KeptKeySet(
        tuple(_kept_key(key) for key in each),
        keys.refused,
        keys.source,
        tuple(sorted(keys.prints)),
        tuple(sorted(keys.certificates)),
    )


def _chain(key: VerificationKey | None) -> list[VerificationKey]:
    return [] if key is None else [replace(key, alternative=None), *_chain(key.alternative)]


def _kept_key(key: VerificationKey) -> KeptKey:
    der = key.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return KeptKey(key.kid, der, tuple(sorted(key.algorithms)), key.thumbprint)


def _key_set(kept: KeptKeySet) -> KeySet:
    keys: dict[str, VerificationKey] = {}
    for each in reversed(kept.keys):
        try:
            public: Any = load_der_public_key(each.public_key)
        except (ValueError, UnsupportedAlgorithm):
            raise ValueError("a public key cannot be read") from None
        key = VerificationKey(each.kid, public, frozenset(each.algorithms), each.thumbprint)
        keys[each.kid] = replace(key, alternative=keys.get(each.kid))
    return KeySet(
        dict(reversed(keys.items())), kept.refused, kept.source, frozenset(kept.prints), frozenset(kept.certificates)
    )


def _kept_anchors(anchors: TrustAnchors) -> KeptAnchors:
    return KeptAnchors(**{each.name: _der(getattr(anchors, each.name)) for each in fields(KeptAnchors)})


def _der(certificates: Iterable[Certificate]) -> tuple[bytes, ...]:
    return tuple(each.public_bytes(Encoding.DER) for each in certificates)


def _anchors(kept: KeptAnchors) -> TrustAnchors:
    try:
        return TrustAnchors(**{each.name: tuple(map(load, getattr(kept, each.name))) for each in fields(kept)})
    except CertificateRefused as error:
        raise ValueError(f"a trust anchor cannot be read: {error}") from None


def _kept_market(market: Market) -> Any:
    return KeptMarket(**{each.name: keep(getattr(market, each.name)) for each in fields(market)})


def _market(kept: Any) -> Market:
    return Market(**{each.name: restore(getattr(kept, each.name)) for each in fields(Market)})


def _kept_asked(asked: Asked) -> KeptAsked:
    body = asked.body.decode("latin-1")
    return KeptAsked(asked.endpoint, asked.method, asked.headers, asked.query, body, asked.chain)


def _asked(kept: KeptAsked) -> Asked:
    # Raises: ValueError for characters that no octet is.
    return Asked(kept.endpoint, kept.method, kept.headers, kept.query, kept.body.encode("latin-1"), kept.chain)


def _kept_told(told: Told) -> KeptTold:
    return KeptTold(told.status, told.headers, told.body.decode("latin-1"))


def _told(kept: KeptTold) -> Told:
    return Told(kept.status, kept.headers, kept.body.encode("latin-1"))


_KEEP: dict[Any, Any] = {
    KeySet: _kept_keys,
    TrustAnchors: _kept_anchors,
    Market: _kept_market,
    Asked: _kept_asked,
    Told: _kept_told,
}
_RESTORE: dict[Any, Any] = {
    KeptKeySet: _key_set,
    KeptAnchors: _anchors,
    KeptMarket: _market,
    KeptAsked: _asked,
    KeptTold: _told,
}
