"""What a caller sent is told in words, whatever it is."""

from __future__ import annotations

from dcrgw.compliance import decoding
from dcrgw.core.evidence import Arrival
from dcrgw.testkit.certificates import CertificateAuthority

#: rsaEncryption (RFC 8017 appendix C), and what nobody knows.
_RSA, _UNKNOWN = bytes.fromhex("06092a864886f70d010101"), bytes.fromhex("06092a864886f70d010163")


def test_certificate_with_a_key_of_an_unknown_kind_is_told_as_unreadable() -> None:
    issued = CertificateAuthority.create("Root").issue(software_id="a", org_id="b")
    strange = issued.der.replace(_RSA, _UNKNOWN)
    assert strange != issued.der
    leaf, beside = decoding.certificates(Arrival("uk", (issued.der, strange), None, b""))
    assert leaf.rows[0][0] == "subject"
    assert [label for label, _ in beside.rows] == ["unreadable"]
