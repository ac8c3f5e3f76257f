"""Self-signed certificates: leaves that the operator lodged, each its own anchor and nobody else's.

Nobody vouches for what stands in them, so they name nobody: they only let in a client whose own key set holds the
very certificate (RFC 8705 §2.2), and they are never an identity for a registration.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature

from dcrgw.core.certificates import leaf, reading
from dcrgw.core.certificates.holder import ANY_KIND
from dcrgw.core.certificates.identity import ClientIdentity, identify_leaf
from dcrgw.core.certificates.leaf import LeafPolicy, LeafUnderPolicy
from dcrgw.core.checks import Findings, Judgement, gate
from dcrgw.errors import ErrorCode

LODGED = gate(
    "tls.self_signed.lodged",
    "On the listener of self-signed certificates, the certificate is one that the bank lodged for this market.",
    spec="RFC 8705 §2.2, §7.1",
    code=ErrorCode.INVALID_CLIENT,
    status=401,
)


def fault(der: bytes, policy: LeafPolicy) -> str | None:
    """Why a certificate cannot be lodged, in an operator's words; its dates are judged at each request."""
    try:
        certificate, read = reading.load(der), reading.read(der)
    except reading.CertificateRefused as refused:
        return f"cannot be read: {refused}"
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature):
        return "is not signed by itself"
    found = Findings()
    found.run(leaf.RULES, LeafUnderPolicy(read, policy))
    return "; ".join(finding.description for finding in found.failures) or None


def identify(
    chain: Sequence[bytes], lodged: frozenset[bytes], at: float, policy: LeafPolicy
) -> Judgement[ClientIdentity]:
    """Who shows one of the `lodged` certificates (DER) at `at`; of the `chain` nothing but the leaf counts."""
    found = Findings()
    is_lodged = bool(chain) and chain[0] in lodged
    if not found.settle(LODGED, None if is_lodged else "the client certificate is none of those lodged here"):
        return found.judgement()
    judged = identify_leaf(chain[:1], at, ANY_KIND, policy)
    found.take(judged.findings)
    return found.judgement(judged.value)
