"""The rules for a TPP's own certificate: each refuses what it must, and all faults come at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.certificates import leaf, reading
from dcrgw.core.certificates.identity import ClientIdentity, identify
from dcrgw.core.certificates.leaf import LeafPolicy
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.checks import Judgement
from dcrgw.errors import ErrorCode
from dcrgw.testkit.certificates import CertificateAuthority, Issued, new_key, resigned
from dcrgw.testkit.der import INTEGER, SEQUENCE, content, elements, oid, tlv

Issue = Callable[..., Issued]
Judge = Callable[..., Judgement[ClientIdentity]]


def failed(judgement: Judgement[ClientIdentity]) -> list[str]:
    return [finding.check.id for finding in judgement.failures]


def test_right_certificate_passes_every_leaf_rule(issue: Issue, judge: Judge) -> None:
    found = {finding.check.id: finding.verdict for finding in judge(issue()).findings}
    assert {rule.id for rule in leaf.RULES} | {"tls.leaf.readable", "tls.leaf.dates"} <= set(found)
    assert set(found.values()) == {"passed"}


def test_refusals_are_of_the_client_and_401(issue: Issue, judge: Judge) -> None:
    (failure,) = judge(issue(eku=())).failures
    assert (failure.check.code, failure.check.status) == (ErrorCode.INVALID_CLIENT, 401)


@pytest.mark.parametrize(("offset", "is_valid"), [(-1, False), (-0.5, False), (0, True), (1, True)])
def test_first_second_is_inside(issue: Issue, judge: Judge, at: float, offset: float, is_valid: bool) -> None:
    issued = issue(not_before=at - 1800)
    assert failed(judge(issued, at=at - 1800 + offset)) == ([] if is_valid else ["tls.leaf.dates"])


@pytest.mark.parametrize(("offset", "is_valid"), [(-1, True), (0, True), (0.9, True), (1, False), (5, False)])
def test_last_second_is_inside_to_its_end(issue: Issue, judge: Judge, at: float, offset: float, is_valid: bool) -> None:
    issued = issue(not_after=at + 60)
    assert failed(judge(issued, at=at + 60 + offset)) == ([] if is_valid else ["tls.leaf.dates"])


def test_dates_are_judged_again_at_every_request(issue: Issue, judge: Judge, at: float) -> None:
    issued = issue(not_after=at + 60)
    assert [failed(judge(issued, at=moment)) for moment in (at, at + 120, at)] == [[], ["tls.leaf.dates"], []]


@pytest.mark.parametrize("eku", [(), ("serverAuth",), ("any",), ("serverAuth", "codeSigning")])
def test_purpose_must_be_said(issue: Issue, judge: Judge, eku: tuple[str, ...]) -> None:
    assert failed(judge(issue(eku=eku))) == ["tls.leaf.purpose"]


def test_any_purpose_is_enough_where_the_market_says_so(issue: Issue, judge: Judge) -> None:
    assert failed(judge(issue(eku=("any",)), policy=LeafPolicy(any_purpose_is_enough=True))) == []


def test_ca_certificate_is_no_leaf(issue: Issue, judge: Judge) -> None:
    assert "tls.leaf.not_authority" in failed(judge(issue(ca=True)))
    assert "tls.leaf.not_authority" in failed(judge(issue(key_usage=("digital_signature", "key_cert_sign"))))


def test_key_usage_without_signatures_is_refused(issue: Issue, judge: Judge) -> None:
    assert failed(judge(issue(key_usage=("key_encipherment",)))) == ["tls.leaf.key_usage"]


def test_absent_key_usage_is_the_market_s_choice(issue: Issue, judge: Judge) -> None:
    issued = issue(key_usage=())
    assert failed(judge(issued)) == []
    assert failed(judge(issued, policy=LeafPolicy(key_usage_required=True))) == ["tls.leaf.key_usage"]


@pytest.mark.parametrize("key_type", ["rsa1024", "p192"])
def test_weak_key_is_refused(issue: Issue, judge: Judge, key_type: str) -> None:
    assert failed(judge(issue(key=new_key(key_type)))) == ["tls.leaf.key"]


@pytest.mark.parametrize("key_type", ["rsa2048", "p384", "p521"])
def test_strong_key_is_taken(issue: Issue, judge: Judge, key_type: str) -> None:
    assert failed(judge(issue(key=new_key(key_type)))) == []


def test_dsa_key_is_refused(issue: Issue, issuing: CertificateAuthority, judge: Judge) -> None:
    public = dsa.generate_private_key(2048).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert failed(judge(resigned(issue(), issuing, public_key=der))) == ["tls.leaf.key"]


def test_curve_that_is_written_out_is_refused(issue: Issue, issuing: CertificateAuthority, judge: Judge) -> None:
    assert "tls.leaf.key" in failed(judge(resigned(issue(), issuing, public_key=explicit_p256())))


def explicit_p256() -> bytes:
    """A P-256 key whose curve is written out in full, so that a liar could choose the generator (CVE-2020-0601)."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    _, bits = elements(content(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)))
    prime = 2**256 - 2**224 + 2**192 + 2**96 - 1
    b = "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"
    generator = (
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    )
    order = "00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
    field = tlv(SEQUENCE, oid("1.2.840.10045.1.1"), tlv(INTEGER, b"\0" + prime.to_bytes(32, "big")))
    curve = tlv(SEQUENCE, tlv(4, (prime - 3).to_bytes(32, "big")), tlv(4, bytes.fromhex(b)))
    parameters = tlv(
        SEQUENCE,
        tlv(INTEGER, b"\1"),
        field,
        curve,
        tlv(4, bytes.fromhex(generator)),
        tlv(INTEGER, bytes.fromhex(order)),
        tlv(INTEGER, b"\1"),
    )
    return tlv(SEQUENCE, tlv(SEQUENCE, oid("1.2.840.10045.2.1"), parameters), bits)


def test_sha1_and_md5_signatures_are_refused(issue: Issue, at: float) -> None:
    authority = CertificateAuthority.create("RSA Root", key_type="rsa2048", at=at)
    issued = authority.issue(software_id="sw-1", org_id="org", key=issue().key)
    for digest in ("sha1", "md5"):
        weak = reading.read(resigned(issued, authority, digest=digest).der)
        assert weak.weak_signature
    assert reading.read(resigned(issued, authority).der).weak_signature is None


def test_sha1_leaf_is_refused_by_its_own_check(issue: Issue, issuing: CertificateAuthority, judge: Judge) -> None:
    assert failed(judge(resigned(issue(), issuing, digest="sha1"))) == ["tls.leaf.signature"]


@pytest.mark.parametrize("number", [b"\x01" * 21, b"\0\xff" + b"\1" * 19])
def test_serial_number_of_21_octets_is_refused(
    issue: Issue, issuing: CertificateAuthority, judge: Judge, number: bytes
) -> None:
    issued = resigned(issue(), issuing, serial_number=tlv(INTEGER, number))
    assert failed(judge(issued)) == ["tls.leaf.serial_number"]


@pytest.mark.parametrize("number", [b"\xff", b"\0"])
def test_serial_number_that_the_library_will_not_read_one_day_is_refused_today(
    issue: Issue, issuing: CertificateAuthority, judge: Judge, number: bytes
) -> None:
    with pytest.warns(CryptographyDeprecationWarning):
        issued = resigned(issue(), issuing, serial_number=tlv(INTEGER, number))
    assert failed(judge(issued)) == ["tls.leaf.readable"]


def test_serial_number_rule_itself_refuses_zero_and_less(issue: Issue) -> None:
    certificate = reading.read(issue().der)
    for number in (0, -1):
        judged = leaf.LeafUnderPolicy(replace(certificate, serial_number=number), LeafPolicy())
        assert leaf.serial_number(judged).verdict == "failed"


def test_twenty_octets_of_serial_number_are_taken(issue: Issue, judge: Judge) -> None:
    assert failed(judge(issue(serial_number=2**159 - 1))) == []


@pytest.mark.parametrize("kind", ["obseal", "qseal"])
def test_seal_certificate_is_not_for_tls(issue: Issue, judge: Judge, kind: str) -> None:
    assert failed(judge(issue(kind, eku=("clientAuth",)))) == ["tls.leaf.qualified_use"]


def test_all_failing_leaf_rules_are_answered_together(issue: Issue, judge: Judge, at: float) -> None:
    issued = issue("qseal", key=new_key("rsa1024"), key_usage=("key_encipherment",), not_after=at - 60)
    assert failed(judge(issued)) == [
        "tls.leaf.dates",
        "tls.leaf.purpose",
        "tls.leaf.key_usage",
        "tls.leaf.key",
        "tls.leaf.qualified_use",
    ]


@pytest.mark.parametrize("der", [b"", b"\x30", b"garbage", b"-----BEGIN CERTIFICATE-----"])
def test_what_is_no_certificate_is_unreadable(judge: Judge, issue: Issue, anchors: TrustAnchors, der: bytes) -> None:
    judgement = identify([der], anchors, 0.0, {})
    assert failed(judgement) == ["tls.leaf.readable"]


def test_broken_extension_is_unreadable(issue: Issue, judge: Judge) -> None:
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x03\x82\x01")
    assert failed(judge(issue(extensions=((broken, False),)))) == ["tls.leaf.readable"]


def test_broken_qualified_statements_are_unreadable(issue: Issue, judge: Judge) -> None:
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3"), b"\x04\x00")
    assert failed(judge(issue(extensions=((broken, False),)))) == ["tls.leaf.readable"]


@pytest.fixture(scope="session")
def qwac(issue: Issue) -> bytes:
    return issue("qwac", san_dns=["a.example"]).der


@settings(max_examples=200)
@given(data=st.data())
def test_mutated_certificate_is_judged_never_raised(
    qwac: bytes, anchors: TrustAnchors, at: float, data: st.DataObject
) -> None:
    der = bytearray(qwac)
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 3))
    judgement = identify([bytes(der[: len(der) - cut])], anchors, at, {"qwac": "none"})
    assert judgement.value is None, "without its intermediate no path is found"


@pytest.mark.parametrize("kind", ["qseal", "obseal"])
def test_seal_is_taken_where_the_market_says_so(issue: Issue, judge: Judge, kind: str) -> None:
    taken = judge(issue(kind, eku=("clientAuth",)), policy=LeafPolicy(seals_are_taken=True))
    assert "tls.leaf.qualified_use" not in failed(taken)


def test_market_may_ask_for_longer_rsa_keys(issue: Issue, judge: Judge) -> None:
    issued = issue(key=new_key("rsa2048"))
    assert failed(judge(issued, policy=LeafPolicy(minimum_rsa_bits=3072))) == ["tls.leaf.key"]
    assert failed(judge(issued)) == []
    assert failed(judge(issue(), policy=LeafPolicy(minimum_rsa_bits=3072))) == []


@pytest.mark.parametrize(
    ("identifier", "refused"),
    [("PSDGB-FCA-1", False), ("PSDIE-CBI-1", True), ("PSDGB-PRA-1", True), ("VATIE-1", False), ("anything", False)],
)
def test_qwac_names_one_authority(issue: Issue, judge: Judge, identifier: str, refused: bool) -> None:
    issued = issue("qwac", subject=f"CN=tpp.example,2.5.4.97={identifier},O=Example,C=GB")
    assert failed(judge(issued)) == (["identity.psd2.authority"] if refused else [])
