"""From the peer's chain to one of a market's anchors: our own decision, beside the handshake's.

A listener takes the union of its markets' anchors, and a resumed session shows no verified chain, so each
request asks again whether this chain ends in *this* market's anchors. OpenSSL's store builds the path: of the
verifiers at hand it alone judges all of RFC 5280 §6 (name constraints of every form, also on directory names,
path lengths with self-issued certificates, critical extensions) and needs neither subjectAltName nor
authorityKeyIdentifier, which directories leave out. What its defaults forgive is judged afterwards, on the
path that it found: version 1 issuers, missing basicConstraints, weak keys and digests, purposes of issuers.
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from cachetools import LRUCache
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import crypto

from dcrgw.core.certificates.reading import CertificateRefused, load
from dcrgw.core.certificates.strength import key_weakness, signature_weakness
from dcrgw.core.checks import Finding, Gate, gate
from dcrgw.errors import ErrorCode

#: More certificates than any honest peer sends.
MAX_CHAIN_LENGTH = 10


@dataclass(frozen=True, slots=True, eq=False)
class TrustAnchors:
    """Who may vouch for a TPP's certificate. A new value is a new trust generation.

    Only roots anchor a path (a sub CA may stand among them); `intermediates` help to build it, as if the peer
    had sent them. `qualified_roots` vouch for QWACs alone: a trust service provider writes common names as its
    customers wish, so what it issues must never pass for a directory's certificate.
    """

    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...] = ()
    qualified_roots: tuple[x509.Certificate, ...] = ()

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        """All of them, for whoever only has to find a path."""
        return (*self.roots, *self.qualified_roots, *self.intermediates)


@dataclass(frozen=True, slots=True)
class Path:
    """Leaf first, anchor last, and the span (epoch seconds, inclusive) in which all of them are valid."""

    certificates: tuple[x509.Certificate, ...]
    not_before: float
    not_after: float
    #: The certificates as bytes, in their order.
    der: tuple[bytes, ...] = field(repr=False)


class PathRefused(ValueError):
    """No path that holds. `findings` are the failed checks, at least one."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings
        super().__init__(", ".join(finding.check.id for finding in findings))


def _gate(name: str, sentence: str, spec: str) -> Gate:
    return gate(f"tls.path.{name}", sentence, spec=spec, code=ErrorCode.INVALID_CLIENT, status=401)


READABLE = _gate("readable", "Every certificate that the peer sent is well-formed, and they are few.", "RFC 5280 §4.1")
ANCHORED = _gate("anchored", "The certificates lead to one of this market's trust anchors.", "RFC 5280 §6.1")
DATES = _gate("dates", "Every certificate of the path is valid now.", "RFC 5280 §6.1.3 (a)(2)")
CONSTRAINTS = _gate("constraints", "The path keeps every constraint that its issuers set.", "RFC 5280 §6.1.3-6.1.4")
AUTHORITIES = _gate(
    "authorities", "Every issuer of the path is a version 3 CA that may sign.", "RFC 5280 §6.1.4 (k)-(n)"
)
STRENGTH = _gate("strength", "No key and no signature of the path is a weak one.", "RFC 9325 §4.5, RFC 9155")
PURPOSE = _gate("purpose", "Every issuer that names purposes may vouch for TLS clients.", "RFC 5280 §4.2.1.12")
GATES = (READABLE, ANCHORED, DATES, CONSTRAINTS, AUTHORITIES, STRENGTH, PURPOSE)

#: Everything about a path but its dates is a function of the chain and the anchors; a kept-alive connection asks
#: at every request. Only successes are kept: a refusal costs the refused connection, and fills nothing. The chain
#: counts by its digest: what a peer sends beside its path would else be kept too, a hundred kilobytes a time.
_KNOWN: LRUCache[tuple[bytes, TrustAnchors], Path] = LRUCache(2048)
_LOCK = threading.Lock()


def build(chain: Sequence[bytes], anchors: TrustAnchors, at: float) -> Path:
    """The path from the peer's leaf to one of the anchors, as it holds at `at` (epoch seconds).

    `chain` is DER, leaf first; all beside the leaf are unproven helpers in any order.
    Raises: PathRefused.
    """
    key = (_digest(chain), anchors)
    with _LOCK:
        known = _KNOWN.get(key)
    # Outside its dates another path may hold, through a renewed intermediate.
    if known is not None and known.not_before <= at < known.not_after + 1:
        return known
    path = _judged(_found(_read(chain), anchors, at))
    with _LOCK:
        _KNOWN[key] = path
    return path


def _digest(chain: Sequence[bytes]) -> bytes:
    whole = hashlib.sha256()
    for der in chain:
        whole.update(len(der).to_bytes(8, "big"))
        whole.update(der)
    return whole.digest()


def _read(chain: Sequence[bytes]) -> list[x509.Certificate]:
    if not 0 < len(chain) <= MAX_CHAIN_LENGTH:
        raise PathRefused(READABLE.failed(f"the peer sent no certificate, or more than {MAX_CHAIN_LENGTH}"))
    try:
        return [load(der) for der in chain]
    except CertificateRefused as error:
        raise PathRefused(READABLE.failed("a certificate of the chain cannot be read", str(error))) from error


def _found(chain: list[x509.Certificate], anchors: TrustAnchors, at: float) -> tuple[x509.Certificate, ...]:
    roots, intermediates = _for_openssl(anchors)
    try:
        leaf, *helpers = [crypto.X509.from_cryptography(certificate) for certificate in chain]
        store = crypto.X509Store()
        for root in roots:
            store.add_cert(root)
        # An operator may trust a sub CA itself, or a root that another root has signed across.
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        store.set_time(datetime.fromtimestamp(at, UTC))
        verified = crypto.X509StoreContext(store, leaf, [*helpers, *intermediates]).get_verified_chain()
        # The peer's certificates were read without a warning; an anchor is as the operator chose it.
        with warnings.catch_warnings(action="ignore"):
            return tuple(certificate.to_cryptography() for certificate in verified)
    except crypto.X509StoreContextError as error:
        raise PathRefused(_no_path(error)) from error
    except crypto.Error as error:
        raise PathRefused(READABLE.failed("a certificate of the chain cannot be read", repr(error))) from error


@lru_cache(maxsize=64)
def _for_openssl(anchors: TrustAnchors) -> tuple[tuple[crypto.X509, ...], tuple[crypto.X509, ...]]:
    both = ((*anchors.roots, *anchors.qualified_roots), anchors.intermediates)
    roots, intermediates = (tuple(crypto.X509.from_cryptography(c) for c in certificates) for certificates in both)
    return roots, intermediates


#: X509_V_ERR_* of <openssl/x509_vfy.h>.
_NOT_ANCHORED = frozenset({2, 7, 18, 19, 20, 21})
_OUTSIDE_DATES = {9: "is not valid yet", 10: "has expired"}


def _no_path(error: crypto.X509StoreContextError) -> Finding:
    code, depth = error.errors[0], error.errors[1]
    detail = f"X509_V_ERR {code} at depth {depth}: {error}"
    if code in _NOT_ANCHORED:
        return ANCHORED.failed("the client certificate does not lead to a trust anchor of this market", detail)
    if code in _OUTSIDE_DATES:
        return DATES.failed(f"certificate {depth} of the path {_OUTSIDE_DATES[code]}", detail)
    return CONSTRAINTS.failed(f"certificate {depth} of the path breaks a constraint", detail)


def _judged(certificates: tuple[x509.Certificate, ...]) -> Path:
    if len(certificates) < 2:
        # With PARTIAL_CHAIN a leaf that stands among the anchors would vouch for itself.
        raise PathRefused(ANCHORED.failed("the client certificate is itself a trust anchor"))
    try:
        faults = tuple(_faults(certificates))
    except Exception as error:  # extensions are read here for the first time
        detail = f"{type(error).__name__}: {error}"
        raise PathRefused(READABLE.failed("a certificate of the path cannot be read", detail)) from error
    if faults:
        raise PathRefused(*faults)
    return Path(
        certificates,
        max(c.not_valid_before_utc.timestamp() for c in certificates),
        min(c.not_valid_after_utc.timestamp() for c in certificates),
        tuple(c.public_bytes(Encoding.DER) for c in certificates),
    )


def _faults(certificates: tuple[x509.Certificate, ...]) -> Iterator[Finding]:
    """What OpenSSL forgives; the leaf's own faults are the leaf rules' to state."""
    for position, issuer in enumerate(certificates[1:], start=1):
        is_anchor = issuer is certificates[-1]
        for entry, fault in (
            (AUTHORITIES, _not_authority(issuer)),
            (PURPOSE, _other_purpose(issuer)),
            # Nothing rests on an anchor's signature: it is trusted by being there (RFC 5280 §6.1).
            (STRENGTH, key_weakness(issuer) or (None if is_anchor else signature_weakness(issuer))),
        ):
            if fault is not None:
                yield entry.failed(f"certificate {position} of the path {fault}")


def _not_authority(issuer: x509.Certificate) -> str | None:
    if issuer.version is not x509.Version.v3:
        return "is not of version 3"
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return "has no basicConstraints"
    if not constraints.ca:
        return "is not a CA"
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return None if usage.key_cert_sign else "may not sign certificates (keyUsage)"


_MAY_VOUCH = frozenset({"1.3.6.1.5.5.7.3.2", "2.5.29.37.0"})


def _other_purpose(issuer: x509.Certificate) -> str | None:
    try:
        purposes = issuer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None
    if any(purpose.dotted_string in _MAY_VOUCH for purpose in purposes):
        return None
    return "is for other purposes than TLS clients (extendedKeyUsage)"
