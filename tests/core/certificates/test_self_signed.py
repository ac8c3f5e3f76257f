"""A self-signed certificate may be lodged if it is a leaf for TLS clients, and then serves as the very bytes."""

from __future__ import annotations

from typing import Any

import pytest

from dcrgw.core.certificates.leaf import LeafPolicy
from dcrgw.core.certificates.self_signed import fault, identify
from dcrgw.testkit.certificates import CertificateAuthority, self_signed

POLICY = LeafPolicy()


def test_leaf_may_be_lodged() -> None:
    assert fault(self_signed("tpp").der, POLICY) is None


@pytest.mark.parametrize(
    "how",
    [
        {"ca": True},
        {"key_usage": ("digital_signature", "key_cert_sign")},
        {"eku": ("serverAuth",)},
        {"eku": ()},
        {"key_type": "rsa1024"},
    ],
)
def test_what_is_more_or_less_than_a_clients_leaf_may_not(how: dict[str, Any]) -> None:
    assert fault(self_signed("tpp", **how).der, POLICY)


def test_certificate_of_an_authority_may_not() -> None:
    authority = CertificateAuthority.create("Root")
    assert fault(authority.issue(software_id="sw", org_id="org", key_type="p256").der, POLICY)
    assert fault(authority.certificate_pem, POLICY)
    # The name of its own issuer, and another key's signature.
    pretended = CertificateAuthority(self_signed("tpp").certificate, authority.key)
    assert fault(pretended.issue(subject=pretended.certificate.subject, eku=("clientAuth",)).der, POLICY)


def test_lodged_certificate_is_known_while_it_is_valid(at: float) -> None:
    own, other = self_signed("tpp", not_before=at, not_after=at + 60), self_signed("tpp")
    lodged = frozenset({own.der})
    judged = identify((own.der, other.der), lodged, at, POLICY)
    assert judged.value is not None
    assert judged.value.common_name == "tpp"
    for when, check in ((at - 1, "tls.leaf.dates"), (at + 61, "tls.leaf.dates")):
        assert [each.check.id for each in identify((own.der,), lodged, when, POLICY).failures] == [check]
    for chain in ((), (other.der,), (other.der, own.der)):
        refused = identify(chain, lodged, at, POLICY)
        assert [each.check.id for each in refused.failures] == ["tls.self_signed.lodged"]
