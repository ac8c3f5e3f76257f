"""A certificate in a header is read in the one form that its proxy writes, and in no other."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.certificates.forwarded import Form, ForwardedRefused, read
from dcrgw.testkit.certificates import CertificateAuthority

ISSUED = (
    CertificateAuthority.create("Root").intermediate("Issuing").issue(software_id="sw", org_id="org", key_type="p256")
)
LEAF, *CHAIN = ISSUED.chain_der


def pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()


def b64(der: bytes) -> str:
    return b64encode(der).decode()


def bare(der: bytes) -> str:
    return "".join(pem(der).splitlines()[1:-1])


def xfcc(**pairs: str) -> str:
    return ";".join(f"{name}={value}" for name, value in pairs.items())


PEM = quote(pem(LEAF), safe="")
CERT = f'"{quote(pem(LEAF))}"'
DIGEST = hashlib.sha256(LEAF).hexdigest()
#: Form -> what its proxy writes for the leaf, and for the chain.
RIGHT: dict[str, tuple[Form, str, str | None]] = {
    "rfc9440": (Form.RFC9440, f":{b64(LEAF)}:", ", ".join(f":{b64(each)}:" for each in CHAIN)),
    "nginx": (Form.NGINX, PEM, None),
    "apache": (Form.APACHE, quote(pem(LEAF), safe="+/="), None),
    "haproxy": (Form.HAPROXY, b64(LEAF), b64(b"".join(CHAIN))),
    "traefik": (Form.TRAEFIK, ",".join(quote_plus(bare(each)) for each in ISSUED.chain_der), None),
    "traefik 3": (Form.TRAEFIK, ",".join(bare(each) for each in ISSUED.chain_der), None),
    "envoy": (
        Form.ENVOY,
        xfcc(By="spiffe://x", Hash=DIGEST, Cert=CERT, Chain=f'"{quote("".join(map(pem, ISSUED.chain_der)))}"'),
        None,
    ),
    "aws": (Form.AWS, quote("".join(map(pem, ISSUED.chain_der)), safe="+/="), None),
    "azure": (Form.AZURE, b64(LEAF), None),
    "janssen": (Form.JANSSEN, pem(LEAF).replace("\n", " "), None),
}
OWN = xfcc(Hash=DIGEST, Cert=CERT)
LEAF_ALONE = {"nginx", "apache", "azure", "janssen"}


@pytest.mark.parametrize("name", RIGHT)
def test_what_the_proxy_writes_is_read(name: str) -> None:
    form, leaf, chain = RIGHT[name]
    expected = (LEAF,) if name in LEAF_ALONE else ISSUED.chain_der
    assert read(form, [leaf], [chain] if chain else []) == tuple(expected)


@pytest.mark.parametrize("form", Form)
def test_absent_and_empty_headers_bring_nobody(form: Form) -> None:
    assert read(form, []) == read(form, [""]) == ()


def test_apache_s_word_for_nothing_brings_nobody() -> None:
    assert read(Form.JANSSEN, ["(null)"]) == ()
    for form in set(Form) - {Form.JANSSEN}:
        with pytest.raises(ForwardedRefused):
            read(form, ["(null)"])


@pytest.mark.parametrize("name", RIGHT)
def test_header_that_comes_twice_is_refused(name: str) -> None:
    form, leaf, chain = RIGHT[name]
    with pytest.raises(ForwardedRefused):
        read(form, [leaf, leaf])
    with pytest.raises(ForwardedRefused):
        read(form, [leaf], [chain or "", chain or ""])
    if form not in (Form.TRAEFIK, Form.RFC9440):
        with pytest.raises(ForwardedRefused):
            read(form, [f"{leaf}, {leaf}"])


OTHER_FORMS = {
    (one, other)
    for one in RIGHT
    for other in RIGHT
    if RIGHT[one][0] is not RIGHT[other][0]
    and RIGHT[one][1] != RIGHT[other][1]
    and {one, other} != {"nginx", "apache"}
    and not (one.startswith("traefik") and other in ("haproxy", "azure"))
}


@pytest.mark.parametrize(("one", "other"), sorted(OTHER_FORMS))
def test_another_proxy_s_form_is_refused(one: str, other: str) -> None:
    form, (_, written, _) = RIGHT[one][0], RIGHT[other]
    if form is Form.AWS and other in ("nginx", "apache"):
        assert read(form, [written]) == (LEAF,)  # one certificate is a chain too
        return
    with pytest.raises(ForwardedRefused):
        read(form, [written])


def escaped(change: Callable[[str], str]) -> str:
    return quote(change(pem(LEAF)), safe="")


BAD: dict[str, tuple[Form, str]] = {
    "two blocks": (Form.NGINX, escaped(lambda text: text * 2)),
    "leading text": (Form.NGINX, escaped(lambda text: "Bag Attributes\n" + text)),
    "trailing text": (Form.NGINX, escaped(lambda text: text + "x")),
    "half escaped": (Form.NGINX, PEM.replace("%0A", "\n", 1)),
    "not escaped": (Form.NGINX, pem(LEAF)),
    "escaped twice": (Form.NGINX, quote(PEM, safe="")),
    "a broken escape": (Form.NGINX, PEM[:-2]),
    "plus for blank": (Form.NGINX, PEM.replace("%20", "+")),
    "tabs": (Form.NGINX, escaped(lambda text: text.replace("\n", "\t"))),
    "carriage returns": (Form.NGINX, escaped(lambda text: text.replace("\n", "\r\n"))),
    "a private key": (Form.NGINX, quote(ISSUED.key_pem.decode(), safe="")),
    "a key beside it": (Form.NGINX, escaped(lambda text: text + ISSUED.key_pem.decode())),
    "bytes behind the certificate": (Form.HAPROXY, b64(LEAF + b"\0\0")),
    "two certificates": (Form.HAPROXY, b64(LEAF + CHAIN[0])),
    "cut off": (Form.HAPROXY, b64(LEAF[:-1])),
    "base64url": (Form.AZURE, b64(b"\x30\x03\x04\x01\xff" * 40).replace("/", "_")),
    "blanks in base64": (Form.AZURE, b64(LEAF)[:20] + " " + b64(LEAF)[20:]),
    "no sequence": (Form.AZURE, b64(b"\x04\x01a")),
    "nul": (Form.NGINX, PEM + "%00"),
    "not ascii": (Form.NGINX, PEM + "é"),
    "parameters": (Form.RFC9440, f":{b64(LEAF)}:;a=1"),
    "a list": (Form.RFC9440, f":{b64(LEAF)}:, :{b64(LEAF)}:"),
    "no colons": (Form.RFC9440, b64(LEAF)),
    "tabs for blanks": (Form.JANSSEN, pem(LEAF).replace("\n", "\t")),
    "line ends": (Form.JANSSEN, pem(LEAF)),
    "an element more": (Form.ENVOY, f"{OWN},{OWN}"),
    "no Hash": (Form.ENVOY, xfcc(Cert=CERT)),
    "a Cert out of a name": (Form.ENVOY, xfcc(Hash="0" * 64, URI=f"spiffe://x;Cert={CERT}")),
    "a second Cert out of a name": (Form.ENVOY, f"{OWN};URI=spiffe://x;Cert={CERT}"),
    "a Hash out of a name": (Form.ENVOY, xfcc(Hash="0" * 64, URI=f"spiffe://x;Hash={DIGEST};Cert={CERT}")),
    "an element out of a name": (Form.ENVOY, f"{OWN};URI=spiffe://x,{OWN}"),
    "no Cert": (Form.ENVOY, xfcc(Hash=DIGEST, Subject='"CN=x"')),
    "another Hash": (Form.ENVOY, xfcc(Hash="0" * 64, Cert=CERT)),
    "Cert twice": (Form.ENVOY, f"{OWN};{xfcc(Cert=CERT)}"),
    "an open quote": (Form.ENVOY, xfcc(Hash=DIGEST, Cert=CERT[:-1])),
    "a trailing semicolon": (Form.ENVOY, OWN + ";"),
    "a trailing comma": (Form.ENVOY, OWN + ","),
}


@pytest.mark.parametrize("wrong", BAD)
def test_what_no_proxy_writes_is_refused(wrong: str) -> None:
    form, value = BAD[wrong]
    with pytest.raises(ForwardedRefused) as refused:
        read(form, [value])
    assert b64(LEAF)[:12] not in str(refused.value)


def test_chain_without_its_certificate_is_refused() -> None:
    with pytest.raises(ForwardedRefused):
        read(Form.RFC9440, [], [f":{b64(LEAF)}:"])


def test_chain_that_is_too_long_is_refused() -> None:
    with pytest.raises(ForwardedRefused):
        read(Form.HAPROXY, [b64(LEAF)], [b64(LEAF * 10)])


def test_of_several_proxies_the_nearest_one_s_element_counts() -> None:
    victim = CertificateAuthority.create("Victim").certificate.public_bytes(Encoding.DER)
    forged = xfcc(Cert=f'"{quote(pem(victim))}"')
    value = f'{forged},{OWN};Subject="CN=a,b;c"'
    assert read(Form.ENVOY, [value], hops=2) == (LEAF,)
    for hops in (1, 3):
        with pytest.raises(ForwardedRefused):
            read(Form.ENVOY, [value], hops=hops)


@settings(max_examples=150)
@given(form=st.sampled_from(Form), value=st.text(max_size=60) | st.binary(max_size=60).map(b64))
def test_any_text_is_read_or_refused(form: Form, value: str) -> None:
    try:
        found = read(form, [value], [value])
    except ForwardedRefused:
        return
    assert found == () or all(each[0] == 0x30 for each in found)


@settings(max_examples=60)
@given(name=st.sampled_from(sorted(RIGHT)), place=st.integers(0, 4000), put=st.characters(max_codepoint=255))
def test_one_character_changed_never_brings_two_readings(name: str, place: int, put: str) -> None:
    form, leaf, _ = RIGHT[name]
    place %= len(leaf)
    changed = leaf[:place] + put + leaf[place + 1 :]
    try:
        found = read(form, [changed])
    except ForwardedRefused:
        return
    assert all(isinstance(each, bytes) for each in found)
