"""One way to make a token wrong for each reason of the JOSE door."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from registration_pipeline import FOREIGN_KEY, Signer

from dcrgw.core.jose.reasons import JoseReason
from dcrgw.testkit.keys import SigningKey, jwks


def _payload(claims: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(claims)).encode()


def with_header(**members: Any) -> Signer:
    return lambda key, claims: key.sign(claims, header=members)


def _raw_header(text: bytes) -> Signer:
    return lambda key, claims: key.sign_raw(text, _payload(claims))


def _raw_payload(text: bytes) -> Signer:
    return lambda key, _claims: key.sign_raw({"typ": "JWT", "alg": key.alg, "kid": key.kid}, text)


def _cut_signature(key: SigningKey, claims: Mapping[str, Any]) -> str:
    return key.sign(claims)[:-2]  # 63 of 64 bytes


def _by_another(key: SigningKey, claims: Mapping[str, Any]) -> str:
    return FOREIGN_KEY.sign(claims, header={"kid": key.kid})


SIGNERS: dict[JoseReason, Signer] = {
    JoseReason.SIZE: with_header(pad="x" * 5_000),
    JoseReason.PARTS: lambda key, claims: key.sign(claims) + ".e30",
    JoseReason.BASE64URL: lambda key, claims: key.sign(claims) + "=",
    JoseReason.HEADER_JSON: _raw_header(b'{"alg":"ES256","alg":"ES256","kid":"dir-1"}'),
    JoseReason.HEADER_MEMBER: with_header(jku="https://attacker.example/jwks"),
    JoseReason.ALGORITHM: with_header(alg="none"),
    JoseReason.TYPE: with_header(typ="dpop+jwt"),
    JoseReason.KID: with_header(kid=None),
    JoseReason.KEY_UNKNOWN: with_header(kid="' OR 1=1--"),
    JoseReason.KEY_ALGORITHM: with_header(alg="PS256"),
    JoseReason.SIGNATURE_FORM: _cut_signature,
    JoseReason.SIGNATURE: _by_another,
    JoseReason.PAYLOAD_JSON: _raw_payload(b'{"iss":"a","iss":"b"}'),
}


def unusable_keys(key: SigningKey) -> bytes:
    """A key set that publishes the key for encryption only."""
    return jwks(key.public_jwk(use="enc"))
