"""HMAC tokens, apart from the door of published keys: proven by a secret that one client and we share.

No function here takes a public key and none of `verification` takes a secret, so that no token can choose
between the two (RFC 8725 §2.1, §3.1).
"""

from __future__ import annotations

import hashlib
import hmac

from dcrgw.core.jose.reader import Unverified
from dcrgw.core.jose.reasons import JoseReason, JoseRefused

#: RFC 7518 §3.2 wants a key as long as the hash: of a client_secret's 36 characters only SHA-256 makes do.
ALGORITHM = "HS256"
MIN_SECRET_BYTES = 32


def signature(signing_input: bytes, secret: str) -> bytes:
    """The octets by which a secret signs."""
    return hmac.new(secret.encode(), signing_input, hashlib.sha256).digest()


def verify(token: Unverified, secret: str) -> None:
    """Proves a token by a shared secret, whose octets are its UTF-8 text (OpenID Connect Core 1.0 §10.1).

    Raises: JoseRefused.
    """
    if token.header.alg != ALGORITHM:
        raise JoseRefused(JoseReason.ALGORITHM, f"the header's alg is not {ALGORITHM}")
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise JoseRefused(JoseReason.KEY_UNUSABLE, f"the secret is shorter than {MIN_SECRET_BYTES} bytes")
    if not hmac.compare_digest(signature(token.signing_input, secret), token.signature):
        raise JoseRefused(JoseReason.SIGNATURE, "the signature is not this secret's over this token")
