"""A revoked key is known by its numbers or its certificate, however it is written and however weak it is."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from dcrgw.core.jose.keys import KeySetUnusable, key_set
from dcrgw.core.jose.revoked import certificate_prints, revoked_set
from dcrgw.testkit.certificates import CertificateAuthority
from dcrgw.testkit.keys import SigningKey, jwks, transport_jwk

KEYS = [SigningKey.generate("a"), SigningKey.generate("b", "ES256"), SigningKey.generate("c", "ES512")]
AUTHORITY = CertificateAuthority.create("Root")


def document(*jwks: Any) -> bytes:
    return json.dumps({"keys": list(jwks)}).encode()


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.alg)
def test_key_has_the_thumbprint_that_it_would_verify_by(key: SigningKey) -> None:
    (usable,) = key_set(jwks(key)).keys.values()
    assert revoked_set(jwks(key)).prints == {usable.thumbprint}


def test_leading_zeros_and_padding_hide_no_key() -> None:
    plain = KEYS[0].public_jwk()
    octets = base64.urlsafe_b64decode(plain["n"] + "==")
    padded = base64.urlsafe_b64encode(b"\0\0" + octets).decode()
    assert revoked_set(document(plain | {"n": padded})).prints == revoked_set(document(plain)).prints


@pytest.mark.parametrize("key_type", ["rsa2048", "rsa1024", "p256", "p384"])
def test_transport_key_is_known_by_certificate_and_by_key(key_type: str) -> None:
    issued = AUTHORITY.issue(software_id="sw", org_id="org", key_type=key_type)
    renewed = AUTHORITY.issue(software_id="sw", org_id="org", key=issued.key)
    revoked = revoked_set(document(transport_jwk(issued.certificate))).prints
    assert revoked == certificate_prints(issued.der)
    assert revoked & certificate_prints(renewed.der)
    by_x5c = {"kty": "RSA", "x5c": [base64.b64encode(issued.certificate.public_bytes(Encoding.DER)).decode()]}
    assert revoked_set(document(by_x5c)).prints == revoked


def test_unfit_key_counts_too() -> None:
    weak = KEYS[0].public_jwk() | {"e": "AQ", "use": "enc", "alg": "none"}
    weak.pop("kid")
    assert len(revoked_set(document(weak)).prints) == 1


def test_key_of_a_type_that_is_believed_nowhere_is_passed_over() -> None:
    assert revoked_set(document({"kty": "OKP", "crv": "Ed25519", "x": "AA"})).prints == frozenset()


def test_empty_set_revokes_nothing() -> None:
    assert revoked_set(document()).prints == frozenset()


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"kid": "a"},
        7,
        {"kty": "EC", "crv": "P-256", "x": "AA"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"x5c": ["AA=="]},
    ],
)
def test_key_that_cannot_be_told_makes_the_set_unusable(entry: Any) -> None:
    with pytest.raises(KeySetUnusable):
        revoked_set(document(KEYS[0].public_jwk(), entry))


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"<html>", b'{"keys": {}}'])
def test_document_that_is_no_key_set_is_unusable(text: bytes) -> None:
    with pytest.raises(KeySetUnusable):
        revoked_set(text)
