"""Client certificates of every kind, right and wrong, at the real listener: lines 84 to 103 of the threat list."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from town import UK, Town
from wire import client_tls, own, request, wire

from dcrgw.testkit.certificates import CertificateAuthority, Issued, raw_subject, resigned
from dcrgw.testkit.revocation import published

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR_S = 3600


def pair_of(town: Town, name: str, issued: Issued) -> tuple[Path, Path]:
    """A certificate as files."""
    certificate, key = town.folder / f"{name}.pem", town.folder / f"{name}.key"
    certificate.write_bytes(issued.chain_pem)
    key.write_bytes(issued.key_pem)
    return certificate, key


def issued(town: Town, **wish: Any) -> Issued:
    """A certificate of the default TPP, by the directory's own issuing authority."""
    parties = town.session.parties
    software, organisation = parties.default.software, parties.default.organisation
    right = {
        "software_id": software.software_id,
        "org_id": organisation.org_id,
        "extensions": published(f"{parties.authorities.revocations}/issuing.crl"),
    }
    return parties.authorities.issuing.issue("obtransport", **{**right, **wish})


async def outcome(town: Town, pair: tuple[Path, Path] | None, market: str = UK) -> tuple[Any, ...]:
    """What a right request gets with this certificate: ("refused",) in the handshake, or status, error and checks."""
    body, before = await town.body(market), town.clients()
    try:
        async with wire(town, pair=pair) as connection:
            answer = await connection.ask(request(town, body, path=f"/{market}/register"))
    except (OSError, EOFError):
        found: tuple[Any, ...] = ("refused",)
    else:
        found = (answer.status, answer.json.get("error"), *answer.checks)
    if found[0] != 201:
        assert town.clients() == before
    return found


REFUSED = {
    "expired": {"not_before": "2026-01-01T00:00:00Z", "not_after": "2026-01-02T00:00:00Z"},
    "not yet valid": {"not_before": "2099-01-01T00:00:00Z", "not_after": "2099-02-01T00:00:00Z"},
    "expired a moment ago": {"not_after": -2, "not_before": -HOUR_S},
    "server only": {"eku": ["serverAuth"]},
    "code signing only": {"eku": ["codeSigning"]},
    "a stranger's root of the same name": {"issuer": "foreign"},
    "rsa 1024": {"key_type": "rsa1024"},
}


@pytest.mark.parametrize("wish", REFUSED.values(), ids=REFUSED)
async def test_a_certificate_that_no_handshake_should_take_gets_none(town: Town, wish: dict[str, Any]) -> None:
    wish = {name: time.time() + value if isinstance(value, int) else value for name, value in wish.items()}
    assert await _with_weak_keys(town, wish) == ("refused",)


async def _with_weak_keys(town: Town, wish: dict[str, Any]) -> tuple[Any, ...]:
    """A client whose own OpenSSL would not mind the certificate, so that the gateway's must."""
    pair = await town.certificate("refused", kind="obtransport", **wish)
    body, before = await town.body(), town.clients()
    tls = client_tls(town, None)
    tls.set_ciphers("ALL:@SECLEVEL=0")
    tls.load_cert_chain(*pair)
    try:
        async with wire(town, tls=tls) as connection:
            answer = await connection.ask(request(town, body))
    except (OSError, EOFError):
        assert town.clients() == before
        return ("refused",)
    return (answer.status, *answer.checks)


async def test_no_certificate_gets_no_handshake(town: Town) -> None:
    before = town.clients()
    with pytest.raises((OSError, EOFError)):
        async with wire(town, tls=client_tls(town, None)) as connection:
            await connection.ask(request(town, await town.body()))
    assert town.clients() == before


JUDGED = {
    "no key purpose": ({"eku": []}, "tls.leaf.purpose"),
    "any purpose": ({"eku": ["any"]}, "tls.leaf.purpose"),
    "a CA": ({"ca": True}, "tls.leaf.not_authority"),
    "p192": ({"key_type": "p192"}, "tls.leaf.key"),
    "signing kind": ({"kind": "obsigning"}, "tls.leaf.purpose"),
    "seal kind": ({"kind": "obseal"}, "tls.leaf.qualified_use"),
    "qualified seal": ({"kind": "qseal"}, "tls.leaf.qualified_use"),
    "a seal for client authentication": ({"kind": "qseal", "eku": ["clientAuth"]}, "tls.leaf.qualified_use"),
    "brazilian": ({"kind": "brcac"}, "identity.kind.admitted"),
}


@pytest.mark.parametrize(("wish", "check"), JUDGED.values(), ids=JUDGED)
async def test_a_certificate_that_openssl_takes_and_we_do_not_is_answered_401(
    town: Town, wish: dict[str, Any], check: str
) -> None:
    pair = await town.certificate("judged", **{"kind": "obtransport", **wish})
    found = await outcome(town, pair)
    assert found == ("refused",) or found[:2] == (401, "invalid_client")
    if found != ("refused",):
        assert check in found[2:]


SUBJECTS = {
    "no common name": ("OU={org},O=OpenBanking,C=GB", "identity.common_name.single"),
    "two common names": ("CN={soft},CN={soft},OU={org},O=OpenBanking,C=GB", "identity.common_name.single"),
    "two common names, the other first": (
        "CN=evil,CN={soft},OU={org},O=OpenBanking,C=GB",
        "identity.common_name.single",
    ),
    "two common names in one RDN": ("CN={soft}+CN=evil,OU={org},O=OpenBanking,C=GB", "identity.common_name.single"),
    "nul": ("CN={soft}\\00.evil,OU={org},O=OpenBanking,C=GB", "identity.subject.characters"),
    "line feed": ("CN={soft}\\0Aevil,OU={org},O=OpenBanking,C=GB", "identity.subject.characters"),
    "zero width": ("CN={soft}\\E2\\80\\8B,OU={org},O=OpenBanking,C=GB", "identity.subject.characters"),
    "right to left": ("CN=\\E2\\80\\AE{soft},OU={org},O=OpenBanking,C=GB", "identity.subject.characters"),
    "homograph": ("CN=\\D0\\B0{soft},OU={org},O=OpenBanking,C=GB", "identity.subject.identifiers"),
    "ldap": ("CN={soft}\\,ou=admins\\,o=jans,OU={org},O=OpenBanking,C=GB", "identity.subject.identifiers"),
    "path": ("CN=../../{soft},OU={org},O=OpenBanking,C=GB", "identity.subject.identifiers"),
    "sql": ("CN=' OR '1'='1,OU={org},O=OpenBanking,C=GB", "identity.subject.identifiers"),
    "header": ('CN=\\"\\;URI=x\\;Subject=\\",OU={org},O=OpenBanking,C=GB', "identity.subject.identifiers"),
    "blank": ("CN={soft}\\ ,OU={org},O=OpenBanking,C=GB", "identity.subject.identifiers"),
    "two units": ("CN={soft},OU={org},OU=other,O=OpenBanking,C=GB", "identity.subject.identifiers"),
    "organisation that looks like a name": ("O=x\\, CN\\={soft},OU={org},C=GB", "identity.common_name.single"),
    "no unit": ("CN={soft},O=OpenBanking,C=GB", "identity.kind.admitted"),
}


@pytest.mark.parametrize(("subject", "check"), SUBJECTS.values(), ids=SUBJECTS)
async def test_a_subject_that_could_be_read_in_two_ways_identifies_nobody(town: Town, subject: str, check: str) -> None:
    index = town.index()
    text = subject.format(soft=index["software_id"], org=index["org_id"])
    pair = await town.certificate("subject", kind="obtransport", subject=text, key_type="p256")
    found = await outcome(town, pair)
    assert found[:2] == (401, "invalid_client"), found
    assert check in found[2:]


#: T61String, OCTET STRING, BMPString, UniversalString, NumericString: readers disagree on each.
@pytest.mark.parametrize("tag", [0x14, 0x04, 0x1E, 0x1C, 0x12])
async def test_a_common_name_of_an_odd_string_type_identifies_nobody(town: Town, tag: int) -> None:
    index = town.index()
    value = index["software_id"].encode({0x1E: "utf-16-be", 0x1C: "utf-32-be"}.get(tag, "ascii"))
    subject = raw_subject([("2.5.4.11", 0x0C, index["org_id"].encode())], [("2.5.4.3", tag, value)])
    found = await outcome(town, pair_of(town, "tagged", issued(town, subject=subject, key_type="p256")))
    assert found in (
        ("refused",),
        (401, "invalid_client", "identity.subject.strings"),
        (401, "invalid_client", "tls.leaf.readable"),
    )


@pytest.mark.parametrize("length", [65, 10_000])
async def test_a_long_common_name_identifies_nobody(town: Town, length: int) -> None:
    subject = raw_subject([("2.5.4.11", 0x0C, b"org")], [("2.5.4.3", 0x0C, b"a" * length)])
    found = await outcome(town, pair_of(town, "long", issued(town, subject=subject, key_type="p256")))
    assert found[:2] == (401, "invalid_client")
    assert "identity.common_name.length" in found[2:]


@pytest.mark.filterwarnings("ignore:Parsed a serial number:cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.parametrize(
    "serial", [b"\x02\x01\x00", b"\x02\x01\xff", b"\x02\x15\x7f" + b"\x01" * 20], ids=["0", "-1", "21"]
)
async def test_a_serial_number_that_revocation_would_stumble_over_is_refused(town: Town, serial: bytes) -> None:
    authority = town.session.parties.authorities.issuing
    made = resigned(issued(town, key_type="p256"), authority, serial_number=serial)
    found = await outcome(town, pair_of(town, "serial", made))
    assert found == ("refused",) or found[2:] in (("tls.leaf.serial_number",), ("tls.leaf.readable",))


async def test_a_signature_over_sha_1_is_refused(town: Town) -> None:
    made = resigned(issued(town, key_type="p256"), town.session.parties.authorities.issuing, digest="sha1")
    found = await outcome(town, pair_of(town, "weak", made))
    assert found == ("refused",) or found[2:] == ("tls.leaf.signature",)


async def test_an_intermediate_of_a_tpp_s_own_making_leads_nowhere(town: Town) -> None:
    """A TPP's leaf signs another: path length and CA flag are looked at."""
    parties = town.session.parties
    leaf = issued(town, ca=True)
    below = CertificateAuthority(leaf.certificate, leaf.key, (leaf.certificate, *leaf.chain))
    victim = below.issue("obtransport", software_id=parties.obwac.software.software_id, org_id=town.index()["org_id"])
    assert await outcome(town, pair_of(town, "below", victim)) == ("refused",)


async def test_a_certificate_without_its_intermediate_is_still_led_to_the_root(town: Town) -> None:
    bare = issued(town)
    pair = pair_of(town, "bare", Issued(bare.certificate, bare.key))
    assert (await outcome(town, pair))[0] == 201


STRANGERS = {
    "other software": ("CN=4Zq1m8TnS8xQe7YtB0bK9a,OU={org},O=OpenBanking,C=GB", "rules.identity.software"),
    "other organisation": ("CN={soft},OU=0015800000OTHERAA1,O=OpenBanking,C=GB", "rules.identity.organisation"),
    "other letter case": ("CN={swapped},OU={org},O=OpenBanking,C=GB", "rules.identity.software"),
}


@pytest.mark.parametrize(("subject", "check"), STRANGERS.values(), ids=STRANGERS)
async def test_a_good_certificate_of_somebody_else_carries_no_statement(town: Town, subject: str, check: str) -> None:
    soft = town.index()["software_id"]
    text = subject.format(soft=soft, swapped=soft.swapcase(), org=town.index()["org_id"])
    found = await outcome(town, await town.certificate("stranger", kind="obtransport", subject=text, key_type="p256"))
    assert found[:2] == (400, "unapproved_software_statement")
    assert check in found[2:]


async def test_a_qwac_of_the_registered_organisation_is_taken(town: Town) -> None:
    """Neither org_id nor software_id stand in it: the regulator's number ties it to the statement."""
    pair = await town.certificate("qwac", kind="qwac")
    body = await town.body(
        tls_client_auth_subject_dn=None,
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="PS256",
    )
    reply = await town.post(body, pair=pair)
    assert reply.status == 201, reply.body


async def test_a_qwac_of_another_organisation_is_not(town: Town) -> None:
    pair = await town.certificate("other-qwac", kind="qwac", software_id=town.index(UK, "obwac")["software_id"])
    found = await outcome(town, pair)
    assert found[:2] == (400, "unapproved_software_statement")
    assert "rules.identity.organisation" in found[2:]


@pytest.mark.parametrize("key_type", ["rsa2048", "rsa3072", "p256", "p384", "p521"])
async def test_strong_keys_are_taken(town: Town, key_type: str) -> None:
    pair = await town.certificate("strong", kind="obtransport", key_type=key_type)
    assert (await outcome(town, pair))[0] == 201


async def test_a_renewed_certificate_gets_the_same_answer_for_the_same_bytes(town: Town) -> None:
    body = await town.body()
    first = await town.post(body)
    before = town.clients()
    again = await town.post(body, pair=await town.certificate("renewed", kind="obtransport", key_type="p256"))
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert town.clients() == before


async def test_the_same_bytes_from_another_tpp_get_no_earlier_answer(town: Town) -> None:
    body = await town.body()
    assert (await town.post(body)).status == 201
    reply = await town.post(body, pair=own(town, "obwac"))
    assert (reply.status, reply.body["error"]) == (400, "unapproved_software_statement")
