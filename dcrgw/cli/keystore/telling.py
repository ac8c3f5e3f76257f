"""A certificate and a key, as a person reads them. Nothing of a private key is ever shown but its kind."""

from __future__ import annotations

import base64
import hashlib
import math
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from dcrgw.core.certificates import qcstatements
from dcrgw.core.certificates.kinds import EXTENDED_USES

_NAMES = {each: name for name, each in EXTENDED_USES.items()}


def told_certificate(certificate: x509.Certificate, at: float) -> dict[str, Any]:
    """What matters of a certificate at `at`, by name."""
    der = certificate.public_bytes(Encoding.DER)
    digest = hashlib.sha256(der).digest()
    until = certificate.not_valid_after_utc
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial_number": f"{certificate.serial_number:x}",
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": until.isoformat(),
        "days_left": math.floor((until.timestamp() - at) / 86_400),
        "key": told_key(_public_key(certificate)),
        "purposes": _purposes(certificate),
        "sha256": digest.hex(),
        "x5t#S256": base64.urlsafe_b64encode(digest).decode().rstrip("="),
    }


def told_key(key: object) -> str:
    """A key's kind and size."""
    if isinstance(key, RSAPublicKey | RSAPrivateKey):
        return f"RSA {key.key_size}"
    if isinstance(key, EllipticCurvePublicKey | EllipticCurvePrivateKey):
        return f"EC {key.curve.name}"
    return "of a kind that is not used here" if key is not None else "unreadable"


def _public_key(certificate: x509.Certificate) -> object | None:
    try:
        return certificate.public_key()
    except ValueError:
        return None


def _purposes(certificate: x509.Certificate) -> list[str]:
    found: list[str] = []
    try:
        for extension in certificate.extensions:
            value = extension.value
            if isinstance(value, x509.BasicConstraints) and value.ca:
                found.append("CA")
            elif isinstance(value, x509.ExtendedKeyUsage):
                found += [_NAMES.get(use, use.dotted_string) for use in value]
            elif extension.oid.dotted_string == qcstatements.EXTENSION:
                statements = qcstatements.read(value.public_bytes())
                found += [f"Qc{kind}" for kind in sorted(statements.types)] + list(statements.psd2_roles)
    except ValueError:
        found.append("unreadable extensions")
    return found
