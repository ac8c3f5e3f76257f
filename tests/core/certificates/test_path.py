"""A chain holds only where it leads to this market's anchors, within every constraint, at this second."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.certificates.identity import identify
from dcrgw.core.certificates.path import MAX_CHAIN_LENGTH, Path, PathRefused, TrustAnchors, build
from dcrgw.testkit.certificates import CertificateAuthority, Issued, PrivateKey, resigned
from dcrgw.testkit.der import INTEGER, tlv

Issue = Callable[..., Issued]
DAY = 86_400


def refused(chain: Sequence[bytes], anchors: TrustAnchors, at: float) -> list[str]:
    """The check ids that refuse; fails where the path is found."""
    with pytest.raises(PathRefused) as refusal:
        build(chain, anchors, at)
    return [finding.check.id for finding in refusal.value.findings]


def leaf_of(authority: CertificateAuthority, key: PrivateKey, **changes: Any) -> Issued:
    return authority.issue(**({"software_id": "sw-1", "org_id": "org-1", "key": key} | changes))


def resigned_authority(
    authority: CertificateAuthority, root: CertificateAuthority, at: float, **changes: Any
) -> CertificateAuthority:
    certificate = resigned(Issued(authority.certificate, authority.key), root, **changes).certificate
    return CertificateAuthority(certificate, authority.key, (certificate,), at)


def test_path_goes_from_leaf_to_anchor(
    issue: Issue, anchors: TrustAnchors, root: CertificateAuthority, at: float
) -> None:
    issued = issue()
    path = build(issued.chain_der, anchors, at)
    assert path.certificates == (issued.certificate, *issued.chain, root.certificate)
    assert path.not_after == issued.certificate.not_valid_after_utc.timestamp()


def test_helpers_may_come_in_any_order_and_with_the_root(
    root: CertificateAuthority, key: PrivateKey, anchors: TrustAnchors, at: float
) -> None:
    issued = leaf_of(root.intermediate("Upper").intermediate("Lower"), key)
    leaf, *helpers = issued.chain_der
    sent = [leaf, root.certificate.public_bytes(Encoding.DER), *reversed(helpers)]
    assert len(build(sent, anchors, at).certificates) == 4


def test_the_operator_s_intermediates_fill_a_gap(
    issue: Issue, root: CertificateAuthority, issuing: CertificateAuthority, at: float
) -> None:
    anchors = TrustAnchors((root.certificate,), (issuing.certificate,))
    assert len(build([issue().der], anchors, at).certificates) == 3


def test_intermediates_do_not_anchor(issue: Issue, issuing: CertificateAuthority, at: float) -> None:
    stranger = CertificateAuthority.create("Stranger", at=at)
    anchors = TrustAnchors((stranger.certificate,), (issuing.certificate,))
    assert refused(issue().chain_der, anchors, at) == ["tls.path.anchored"]


def test_a_sub_ca_may_be_an_anchor(issue: Issue, issuing: CertificateAuthority, at: float) -> None:
    assert len(build(issue().chain_der, TrustAnchors((issuing.certificate,)), at).certificates) == 2


def test_missing_intermediate_is_refused(issue: Issue, anchors: TrustAnchors, at: float) -> None:
    assert refused([issue().der], anchors, at) == ["tls.path.anchored"]


def test_unknown_authority_is_refused(anchors: TrustAnchors, key: PrivateKey, at: float) -> None:
    issued = leaf_of(CertificateAuthority.create("Stranger", at=at).intermediate("Issuing"), key)
    assert refused(issued.chain_der, anchors, at) == ["tls.path.anchored"]


def test_right_name_with_another_key_is_refused(
    issue: Issue, anchors: TrustAnchors, key: PrivateKey, at: float
) -> None:
    impostor = CertificateAuthority.create("Test Root", at=at).intermediate("Test Issuing CA")
    assert refused(leaf_of(impostor, key).chain_der, anchors, at) == ["tls.path.anchored"]
    assert refused([leaf_of(impostor, key).der, *issue().chain_der[1:]], anchors, at) == ["tls.path.anchored"]


def test_another_market_s_anchor_does_not_count(issue: Issue, anchors: TrustAnchors, at: float) -> None:
    chain = issue().chain_der
    build(chain, anchors, at)
    other = TrustAnchors((CertificateAuthority.create("Other Market", at=at).certificate,))
    assert refused(chain, other, at) == ["tls.path.anchored"]


def test_new_trust_generation_forgets_paths_of_the_old(issue: Issue, root: CertificateAuthority, at: float) -> None:
    chain = issue().chain_der
    build(chain, TrustAnchors((root.certificate,)), at)
    assert refused(chain, TrustAnchors(()), at) == ["tls.path.anchored"]


def test_self_signed_certificate_is_refused_even_among_the_anchors(anchors: TrustAnchors, at: float) -> None:
    alone = CertificateAuthority.create("sw-1", at=at)
    chain = [alone.certificate.public_bytes(Encoding.DER)]
    assert refused(chain, anchors, at) == ["tls.path.anchored"]
    assert refused(chain, TrustAnchors((alone.certificate,)), at) == ["tls.path.anchored"]


def test_expired_intermediate_is_refused(
    root: CertificateAuthority, key: PrivateKey, anchors: TrustAnchors, at: float
) -> None:
    issued = leaf_of(root.intermediate("Short", not_after=at + DAY), key)
    assert isinstance(build(issued.chain_der, anchors, at + DAY + 0.5), Path)
    assert refused(issued.chain_der, anchors, at + DAY + 1) == ["tls.path.dates"]
    assert isinstance(build(issued.chain_der, anchors, at), Path)


def test_intermediate_that_is_not_valid_yet_is_refused(
    root: CertificateAuthority, key: PrivateKey, anchors: TrustAnchors, at: float
) -> None:
    issued = leaf_of(root.intermediate("Early", not_before=at + 1), key)
    assert refused(issued.chain_der, anchors, at) == ["tls.path.dates"]


def test_path_of_a_renewed_intermediate_takes_over(root: CertificateAuthority, key: PrivateKey, at: float) -> None:
    old = root.intermediate("Renewed", not_after=at + DAY)
    issued = leaf_of(old, key)
    renewed = (
        x509.CertificateBuilder()
        .subject_name(old.certificate.subject)
        .issuer_name(root.certificate.subject)
        .public_key(old.key.public_key())
        .serial_number(7)
        .not_valid_before(old.certificate.not_valid_before_utc)
        .not_valid_after(root.certificate.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(root.key, old.certificate.signature_hash_algorithm)
    )
    chain = [*issued.chain_der, renewed.public_bytes(Encoding.DER)]
    anchors = TrustAnchors((root.certificate,))
    build(chain, anchors, at)
    assert renewed in build(chain, anchors, at + 2 * DAY).certificates


@pytest.mark.parametrize(
    ("forbidden", "subject", "san"),
    [
        (x509.DNSName("evil.example"), None, ["tpp.evil.example"]),
        (
            x509.DirectoryName(x509.Name.from_rfc4514_string("O=Evil,C=GB")),
            "CN=sw-1,OU=org-1,O=Evil,C=GB",
            [],
        ),
        (x509.RFC822Name("evil.example"), "1.2.840.113549.1.9.1=a@evil.example,CN=sw-1,OU=org-1,C=GB", []),
    ],
)
def test_name_constraints_bind(
    root: CertificateAuthority,
    key: PrivateKey,
    anchors: TrustAnchors,
    at: float,
    forbidden: x509.GeneralName,
    subject: str | None,
    san: list[str],
) -> None:
    constraints = x509.NameConstraints(permitted_subtrees=None, excluded_subtrees=[forbidden])
    authority = root.intermediate("Constrained", extensions=((constraints, True),))
    good = leaf_of(authority, key, san_dns=["tpp.example"])
    assert isinstance(build(good.chain_der, anchors, at), Path)
    bad = leaf_of(authority, key, subject=subject, san_dns=san)
    assert refused(bad.chain_der, anchors, at) == ["tls.path.constraints"]


def test_permitted_directory_names_bind(
    root: CertificateAuthority, key: PrivateKey, anchors: TrustAnchors, at: float
) -> None:
    permitted = x509.DirectoryName(x509.Name.from_rfc4514_string("O=OpenBanking,C=GB"))
    constraints = x509.NameConstraints(permitted_subtrees=[permitted], excluded_subtrees=None)
    authority = root.intermediate("Permitted", extensions=((constraints, True),))
    assert isinstance(build(leaf_of(authority, key).chain_der, anchors, at), Path)
    other = leaf_of(authority, key, subject="CN=sw-1,OU=org-1,O=Elsewhere,C=GB")
    assert refused(other.chain_der, anchors, at) == ["tls.path.constraints"]


def test_path_length_binds(root: CertificateAuthority, key: PrivateKey, anchors: TrustAnchors, at: float) -> None:
    authority = root.intermediate("Last", path_length=0)
    assert isinstance(build(leaf_of(authority, key).chain_der, anchors, at), Path)
    below = leaf_of(authority.intermediate("Too far"), key)
    assert refused(below.chain_der, anchors, at) == ["tls.path.constraints"]


def test_a_leaf_may_not_issue(
    issue: Issue, issuing: CertificateAuthority, key: PrivateKey, anchors: TrustAnchors, at: float
) -> None:
    honest = issue()
    forger = CertificateAuthority(honest.certificate, honest.key, (honest.certificate, issuing.certificate), at)
    assert refused(leaf_of(forger, key).chain_der, anchors, at) == ["tls.path.constraints"]


def test_issuer_without_the_signing_bit_is_refused(
    root: CertificateAuthority, key: PrivateKey, anchors: TrustAnchors, at: float
) -> None:
    authority = root.intermediate("No keyCertSign", key_usage=("crl_sign",))
    assert refused(leaf_of(authority, key).chain_der, anchors, at) != []


def test_version_1_issuer_is_refused(
    root: CertificateAuthority, key: PrivateKey, anchors: TrustAnchors, at: float
) -> None:
    authority = resigned_authority(root.intermediate("Old"), root, at, version_1=True)
    assert refused(leaf_of(authority, key).chain_der, anchors, at) == ["tls.path.constraints"]


def test_version_1_anchor_is_refused(key: PrivateKey, at: float) -> None:
    root = CertificateAuthority.create("Old Root", at=at)
    old = resigned_authority(root, root, at, version_1=True)
    issued = leaf_of(old, key)
    assert refused([issued.der], TrustAnchors((old.certificate,)), at) == ["tls.path.authorities"]


def test_anchor_with_an_odd_serial_number_is_still_an_anchor(key: PrivateKey, at: float) -> None:
    root = CertificateAuthority.create("Zero Root", at=at)
    with pytest.warns(CryptographyDeprecationWarning):
        zero = resigned_authority(root, root, at, serial_number=tlv(INTEGER, b"\0"))
    issued = leaf_of(zero, key)
    assert isinstance(build([issued.der], TrustAnchors((zero.certificate,)), at), Path)


@pytest.mark.parametrize("key_type", ["rsa1024", "p192"])
def test_weak_issuer_key_is_refused(
    root: CertificateAuthority, key: PrivateKey, anchors: TrustAnchors, at: float, key_type: str
) -> None:
    issued = leaf_of(root.intermediate("Weak", key_type=key_type), key)
    assert refused(issued.chain_der, anchors, at) == ["tls.path.strength"]


def test_sha1_below_the_anchor_is_refused(
    root: CertificateAuthority, key: PrivateKey, anchors: TrustAnchors, at: float
) -> None:
    authority = resigned_authority(root.intermediate("SHA-1"), root, at, digest="sha1")
    assert refused(leaf_of(authority, key).chain_der, anchors, at) == ["tls.path.strength"]


def test_the_anchor_s_own_signature_does_not_count(key: PrivateKey, at: float) -> None:
    root = CertificateAuthority.create("SHA-1 Root", at=at)
    old = resigned_authority(root, root, at, digest="sha1")
    issued = leaf_of(old, key)
    assert isinstance(build([issued.der], TrustAnchors((old.certificate,)), at), Path)


def test_issuer_for_servers_only_is_refused(
    root: CertificateAuthority, key: PrivateKey, anchors: TrustAnchors, at: float
) -> None:
    servers = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH])
    authority = root.intermediate("Servers", extensions=((servers, False),))
    assert refused(leaf_of(authority, key).chain_der, anchors, at) == ["tls.path.purpose"]


def test_unknown_critical_extension_is_refused(issue: Issue, anchors: TrustAnchors, at: float) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    assert isinstance(build(issue(extensions=((unknown, False),)).chain_der, anchors, at), Path)
    assert refused(issue(extensions=((unknown, True),)).chain_der, anchors, at) == ["tls.path.constraints"]


def test_chain_that_is_too_long_is_refused_unread(issue: Issue, anchors: TrustAnchors, at: float) -> None:
    chain = [*issue().chain_der, *[b"garbage"] * MAX_CHAIN_LENGTH]
    assert refused(chain, anchors, at) == ["tls.path.readable"]
    assert refused([], anchors, at) == ["tls.path.readable"]


def test_no_path_is_looked_for_while_the_leaf_is_outside_its_dates(
    issue: Issue, anchors: TrustAnchors, at: float
) -> None:
    judgement = identify(issue(not_after=at - 60).chain_der, anchors, at, {})
    skipped = [finding.check.id for finding in judgement.findings if finding.verdict == "skipped"]
    assert skipped == ["tls.path.anchored"]
    assert [finding.check.id for finding in judgement.failures] == ["tls.leaf.dates"]


@settings(max_examples=150)
@given(position=st.integers(0, 2000), octet=st.integers(0, 255), target=st.integers(0, 1))
def test_mutated_chain_is_a_path_or_refused(
    issue: Issue, anchors: TrustAnchors, at: float, position: int, octet: int, target: int
) -> None:
    chain = [bytearray(der) for der in issue().chain_der]
    chain[target][position % len(chain[target])] = octet
    with contextlib.suppress(PathRefused):
        assert isinstance(build([bytes(der) for der in chain], anchors, at), Path)
