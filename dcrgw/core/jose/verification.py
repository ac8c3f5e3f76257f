"""Proves a token: which of the published keys signed these bytes."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from dcrgw.core.jose.algorithms import ALGORITHMS, EcAlgorithm, RsaAlgorithm
from dcrgw.core.jose.keys import KeySet, VerificationKey
from dcrgw.core.jose.reader import JosePolicy, Unverified
from dcrgw.core.jose.reasons import JoseReason, JoseRefused


def verify(token: Unverified, keys: KeySet, policy: JosePolicy) -> VerificationKey:
    """The key that signed the token; its payload is proven from here on.

    Raises: JoseRefused. Spec: RFC 7515 §5.2, RFC 7518 §3, RFC 8725 §3.1 (one algorithm for one key).
    """
    alg = token.header.alg
    if alg not in policy.algorithms:
        raise JoseRefused(JoseReason.ALGORITHM, "the header's alg is not one that is taken")
    named = _named(token.header.kid, alg, keys)
    key = named.serving(alg)
    if key is None:
        raise JoseRefused(JoseReason.KEY_ALGORITHM, "the key of the header's kid is not one for the header's alg")
    if not _signed(token, key.key, ALGORITHMS[alg]):
        raise JoseRefused(
            JoseReason.SIGNATURE, "the signature was not made over this token by the key of the header's kid"
        )
    return key


def _named(kid: str, alg: str, keys: KeySet) -> VerificationKey:
    key = keys.keys.get(kid)
    if key is not None:
        return key
    if not kid:
        # The policy allows tokens without a kid; then only a set with one key for this algorithm is unambiguous.
        fitting = [each for each in keys.keys.values() if each.serving(alg) is not None]
        if len(fitting) == 1:
            return fitting[0]
        raise JoseRefused(JoseReason.KID, "the header names no kid and not exactly one published key fits its alg")
    refused = next((entry for entry in keys.refused if entry.kid == kid), None)
    if refused is not None:
        raise JoseRefused(
            JoseReason.KEY_UNUSABLE, f"the key of the header's kid is published but not usable: {refused.reason}"
        )
    raise JoseRefused(JoseReason.KEY_UNKNOWN, "no key of the header's kid is published")


def _signed(
    token: Unverified, key: RSAPublicKey | EllipticCurvePublicKey, algorithm: RsaAlgorithm | EcAlgorithm
) -> bool:
    try:
        if isinstance(key, RSAPublicKey) and isinstance(algorithm, RsaAlgorithm):
            _rsa_form(token.signature, key)
            key.verify(token.signature, token.signing_input, algorithm.padding, algorithm.hash)
            return True
        if isinstance(key, EllipticCurvePublicKey) and isinstance(algorithm, EcAlgorithm):
            der = _ecdsa_der(token.signature, algorithm)
            key.verify(der, token.signing_input, ECDSA(algorithm.hash))
            return True
    except (InvalidSignature, ValueError):
        # ValueError: OpenSSL would not even try. Neither is a proof.
        return False
    raise AssertionError("a vetted key lists only algorithms of its own type")


def _rsa_form(signature: bytes, key: RSAPublicKey) -> None:
    # RFC 8017 §8.1.2 step 1: exactly as long as the modulus.
    if len(signature) != (key.key_size + 7) // 8:
        raise JoseRefused(JoseReason.SIGNATURE_FORM, "the signature is not as long as the key's modulus")


def _ecdsa_der(signature: bytes, algorithm: EcAlgorithm) -> bytes:
    # RFC 7518 §3.4: r and s side by side, each of the curve's length; DER is another format.
    octets = algorithm.octets
    if len(signature) != 2 * octets:
        raise JoseRefused(JoseReason.SIGNATURE_FORM, f"the signature is not r and s of {octets} bytes each")
    r, s = int.from_bytes(signature[:octets], "big"), int.from_bytes(signature[octets:], "big")
    if not (0 < r < algorithm.order and 0 < s < algorithm.order):
        raise JoseRefused(JoseReason.SIGNATURE_FORM, "the signature's r or s is outside the curve's order")
    return encode_dss_signature(r, s)
