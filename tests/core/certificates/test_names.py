"""Every spelling of one name is one name; everything else is another, or refused."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.certificates.names import (
    Dn,
    DnRefused,
    fold,
    of_certificate,
    of_subject,
    parse,
    same,
    subset,
    text,
)

PLAIN = "CN=sw-1,OU=org-1,O=OpenBanking,C=GB"
OBWAC = "CN=0015800000TPPAAAA1,organizationIdentifier=PSDGB-FCA-900001,O=Example\\, Ltd,C=GB"


@pytest.mark.parametrize(
    "spelling",
    [
        "CN=sw-1, OU=org-1, O=OpenBanking, C=GB",
        "cn=sw-1,ou=org-1,o=OpenBanking,c=GB",
        " Cn = sw-1 ; oU = org-1 ; O = OpenBanking ; C = GB ",
        'CN="sw-1",OU="org-1" , O="OpenBanking",C="GB"',
        "CN=SW-1,OU=ORG-1,O=OPENBANKING,C=gb",
        "CN=sw-1,OU=org-1,O=\\4f\\70enBanking,C=GB",
        "CN=sw-1,OU=org-1,O=  OpenBanking  ,C=GB",
        "2.5.4.3=sw-1,2.5.4.11=org-1,2.5.4.10=OpenBanking,2.5.4.6=GB",
        "OID.2.5.4.3=sw-1,oid.2.5.4.11=org-1,O=OpenBanking,C=GB",
        "CN=#0c0473772d31,OU=#13056F72672D31,O=OpenBanking,C=#13024742",
        "commonName=sw-1,organizationalUnitName=org-1,organizationName=OpenBanking,countryName=GB",
        "CN=\uff53\uff57-1,OU=org-1,O=OpenBanking,C=GB",
    ],
)
def test_every_spelling_is_the_same_name(spelling: str) -> None:
    assert same(parse(spelling), parse(PLAIN))


@pytest.mark.parametrize(
    "spelling",
    [
        "2.5.4.97=PSDGB-FCA-900001",
        "OID.2.5.4.97=PSDGB-FCA-900001",
        "oid.2.5.4.97=PSDGB-FCA-900001",
        "ORGANIZATIONIDENTIFIER=psdgb-fca-900001",
        "2.5.4.97=#0c1050534447422d4643412d393030303031",
        "2.5.4.97=#0C1050534447422D4643412D393030303031",
        "2.5.4.97=#131050534447422d4643412d393030303031",
        "2.5.4.97=#131050534447422D4643412D393030303031",
    ],
)
def test_organisation_identifier_has_many_spellings(spelling: str) -> None:
    assert same(parse(OBWAC.replace("organizationIdentifier=PSDGB-FCA-900001", spelling)), parse(OBWAC))


@pytest.mark.parametrize(
    "organisation",
    ['"Example, Ltd"', "Example\\2c Ltd", "Example\\2C\\20Ltd", "Example\\,   Ltd", "#0C0C4578616d706c652C204c7464"],
)
def test_escaped_comma_has_many_spellings(organisation: str) -> None:
    assert same(parse(OBWAC.replace("Example\\, Ltd", organisation)), parse(OBWAC))


def test_brazilian_name_of_the_first_generation_equals_that_of_the_third() -> None:
    words = "UID=sw,CN=a.example,serialNumber=43142666000197,businessCategory=Private Organization,jurisdictionC=BR"
    octets = (
        "UID=sw,CN=a.example,2.5.4.5=#130e3433313432363636303030313937,"
        "2.5.4.15=#0c1450726976617465204f7267616e697a6174696f6e,1.3.6.1.4.1.311.60.2.1.3=#13024252"
    )
    assert same(parse(words), parse(octets))


def test_multi_valued_rdn_has_no_order() -> None:
    assert same(parse("OU=org-1+CN=sw-1,C=GB"), parse("CN=sw-1 + OU=org-1,C=GB"))


@pytest.mark.parametrize(
    "other",
    [
        "C=GB,O=OpenBanking,OU=org-1,CN=sw-1",  # openssl's and Go's order
        "CN=sw-1,O=OpenBanking,OU=org-1,C=GB",
        "CN=sw-1+OU=org-1,O=OpenBanking,C=GB",
        "CN=sw-1,OU=org-1,O=OpenBanking",
        "CN=sw-1,OU=org-1,O=OpenBanking,C=GB,C=GB",
        "CN=sw-2,OU=org-1,O=OpenBanking,C=GB",
        "CN=sw- 1,OU=org-1,O=OpenBanking,C=GB",
        "UID=sw-1,OU=org-1,O=OpenBanking,C=GB",
        "CN=s\u0461-1,OU=org-1,O=OpenBanking,C=GB",
    ],
)
def test_another_name_is_another_name(other: str) -> None:
    assert not same(parse(other), parse(PLAIN))


@pytest.mark.parametrize(
    "text_",
    [
        "",
        " ",
        ",",
        "CN",
        "CN=",
        "=x",
        "CN=a,",
        "CN=a,,O=b",
        "CN=a+",
        "/C=GB/CN=a",
        "CN=a/CN=b\nO=c",
        "FOO=a",
        "1=a",
        "3.1=a",
        "2.05.4.3=a",
        "OID.CN=a",
        'CN="a',
        'CN="a"b',
        'CN=a"b',
        "CN=a\\",
        "CN=a\\q",
        "CN=\\ff",
        "CN=\\c3",
        "CN=#",
        "CN=#0",
        "CN=#0c",
        "CN=#0c05abcd",
        "CN=#0c0161 61",
        "CN=#0c01ff",
        "CN=#0c016100",
        "CN=#14016f",
        "CN=#1e020061",
        "CN=#0401 61",
        "CN=#020101",
        "CN=#0c810161",
        "CN=#0c800161",
        "CN=\ud800",
        "CN=a\x00b",
        "CN=a\\00b",
        "CN=a\\0Ab",
        "CN=a\u202eb",
        "CN=a\u200bb",
        "CN=" + "a" * 5000,
    ],
)
def test_what_is_no_name_is_refused(text_: str) -> None:
    with pytest.raises(DnRefused):
        parse(text_)


def test_refusal_echoes_nothing() -> None:
    with pytest.raises(DnRefused) as refused:
        parse("CN=x,<script>=1")
    assert "script" not in str(refused.value)


def test_subset_may_leave_attributes_out_but_keeps_their_order() -> None:
    certificate = parse(OBWAC)
    assert subset(parse("CN=0015800000TPPAAAA1,C=GB"), certificate)
    assert subset(certificate, certificate)
    assert not subset(parse("C=GB,CN=0015800000TPPAAAA1"), certificate)
    assert not subset(parse("O=Example\\, Ltd,C=GB"), certificate), "without a common name anyone would match"
    assert not subset(parse("CN=0015800000TPPAAAA1,OU=more,C=GB"), certificate)
    assert not subset(parse("CN=0015800000TPPAAAA1,C=GB,C=GB"), certificate)


def test_subset_takes_part_of_a_multi_valued_rdn() -> None:
    assert subset(parse("CN=a,C=GB"), parse("CN=a+UID=1,C=GB"))
    assert not subset(parse("CN=a+UID=1,C=GB"), parse("CN=a,C=GB"))


def test_certificate_strings_compare_by_what_they_say_not_by_their_type() -> None:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "GB"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "OpenBanking"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "org-1"),
            x509.NameAttribute(NameOID.COMMON_NAME, "sw-1"),
        ]
    )
    assert same(of_certificate(name), parse(PLAIN))


def test_folding_ignores_case_width_and_blanks_only() -> None:
    assert fold("  Stra\u00dfe \u3000 X ") == fold("STRASSE x")
    assert fold("a b") != fold("ab")


TYPES = st.sampled_from(
    [NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATION_IDENTIFIER, NameOID.USER_ID]
)
VALUES = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=20).filter(str.strip)
RDNS = st.dictionaries(TYPES, VALUES, min_size=1, max_size=2).map(
    lambda pairs: x509.RelativeDistinguishedName([x509.NameAttribute(*pair) for pair in pairs.items()])
)
NAMES = st.lists(RDNS, min_size=1, max_size=4).map(x509.Name)


@settings(max_examples=150)
@given(NAMES)
def test_text_of_a_certificate_s_name_means_that_name(name: x509.Name) -> None:
    assert same(parse(name.rfc4514_string()), of_certificate(name))


@settings(max_examples=150)
@given(NAMES)
def test_our_own_text_means_the_same_name(name: x509.Name) -> None:
    subject = tuple(tuple((a.oid.dotted_string, str(a.value)) for a in rdn) for rdn in name.rdns)
    assert same(parse(text(subject)), of_subject(subject))


@settings(max_examples=300)
@given(st.text(max_size=60) | st.text('CNOUcn=,+;\\"#0123456789abcdef. ', max_size=60))
def test_any_text_is_a_name_or_refused(anything: str) -> None:
    try:
        found = parse(anything)
    except DnRefused:
        return
    assert isinstance(found, Dn)
    assert found.rdns
