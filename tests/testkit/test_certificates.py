"""What the certificate maker makes: the kinds as their profiles have them, and what no CA should sign."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dcrgw.testkit.certificates import KINDS, CertificateAuthority, new_key, raw_subject, resigned
from dcrgw.testkit.der import INTEGER, T61, UTF8, tlv

AT = 1_795_000_000.0
KEY = new_key("p256")


@pytest.fixture(scope="module")
def issuing() -> CertificateAuthority:
    return CertificateAuthority.create("Root", at=AT).intermediate("Issuing")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_chains_to_its_root(issuing: CertificateAuthority, kind: str) -> None:
    issued = issuing.issue(kind, software_id="sw", org_id="org", key=KEY)
    issued.certificate.verify_directly_issued_by(issuing.certificate)
    assert issued.chain == (issuing.certificate,)
    assert issued.chain_pem.count(b"BEGIN CERTIFICATE") == 2


def test_transport_certificate_names_software_and_organisation(issuing: CertificateAuthority) -> None:
    issued = issuing.issue("obtransport", software_id="sw", org_id="org", key=KEY)
    assert issued.subject_dn == "CN=sw,OU=org,O=OpenBanking,C=GB"
    eku = issued.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(eku) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_obwac_is_qualified_for_the_web(issuing: CertificateAuthority) -> None:
    issued = issuing.issue("obwac", org_id="org", key=KEY)
    assert issued.subject_dn == "CN=org,organizationIdentifier=PSDGB-FCA-900001,O=Example TPP Ltd,C=GB"
    statements = issued.certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3"))
    assert isinstance(statements.value, x509.UnrecognizedExtension)
    assert b"PSP_AI" in statements.value.value


def test_default_life_surrounds_the_authority_s_instant(issuing: CertificateAuthority) -> None:
    certificate = issuing.issue(key=KEY, software_id="sw").certificate
    assert certificate.not_valid_before_utc.timestamp() == AT - 3600
    assert certificate.not_valid_after_utc.timestamp() == AT - 3600 + 30 * 86400


def test_empty_eku_leaves_the_extension_out(issuing: CertificateAuthority) -> None:
    extensions = issuing.issue(key=KEY, software_id="sw", eku=()).certificate.extensions
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_class(x509.ExtendedKeyUsage)


def test_subject_text_replaces_the_kind_s_own(issuing: CertificateAuthority) -> None:
    text = "CN=other,organizationIdentifier=PSDGB-FCA-1,C=GB"
    assert issuing.issue(key=KEY, subject=text).subject_dn == text


def test_raw_subject_is_signed_as_it_is(issuing: CertificateAuthority) -> None:
    hostile = raw_subject([("2.5.4.3", UTF8, b"one"), ("2.5.4.3", T61, b"tw\xe9")])
    issued = issuing.issue(key=KEY, subject=hostile)
    issued.certificate.verify_directly_issued_by(issuing.certificate)
    assert hostile in issued.der


def test_resigned_serial_number_is_signed_as_it_is(issuing: CertificateAuthority) -> None:
    issued = resigned(issuing.issue(key=KEY, software_id="sw"), issuing, serial_number=tlv(INTEGER, b"\x01" * 21))
    assert issued.certificate.serial_number.bit_length() > 160


def test_server_certificate_carries_names_and_addresses(issuing: CertificateAuthority) -> None:
    certificate = issuing.issue_server("localhost", "127.0.0.1", "::1").certificate
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_key_store_opens_with_its_password(issuing: CertificateAuthority) -> None:
    store = pkcs12.load_pkcs12(issuing.issue(key=KEY, software_id="sw").pkcs12(b"word"), b"word")
    assert store.cert is not None
    name = store.cert.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0]
    assert name.value == "sw"
    assert [c.certificate for c in store.additional_certs] == [issuing.certificate]
