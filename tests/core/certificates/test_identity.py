"""One certificate names one holder to every reader, or is refused."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.certificates import holder
from dcrgw.core.certificates.identity import (
    CertificateKind,
    ClientIdentity,
    LeafPolicy,
    identify,
    matches_dn,
    subject_key,
)
from dcrgw.core.certificates.names import DnRefused
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.certificates.reading import CertificateRefused, read
from dcrgw.core.checks import Judgement
from dcrgw.errors import ErrorCode, Misconfigured
from dcrgw.testkit.certificates import CertificateAuthority, Issued, PrivateKey, new_key, raw_subject
from dcrgw.testkit.der import BMP, IA5, INTEGER, NUMERIC, OCTET_STRING, PRINTABLE, T61, UNIVERSAL, UTF8, Attribute

Issue = Callable[..., Issued]
Judge = Callable[..., Judgement[ClientIdentity]]

CN, OU, ORGANIZATION, UID = "2.5.4.3", "2.5.4.11", "2.5.4.10", "0.9.2342.19200300.100.1.1"
ORGANIZATION_IDENTIFIER = "2.5.4.97"
EVERY_KIND = {"obtransport": "cn=software_id,ou=org_id", "obwac": "cn=org_id", "qwac": "none", "brcac": "none"}
UNIT = [(OU, UTF8, b"org-1")]


def failed(judgement: Judgement[ClientIdentity]) -> list[str]:
    assert (judgement.value is None) == bool(judgement.failures)
    return [finding.check.id for finding in judgement.failures]


@pytest.fixture(scope="session")
def named(issue: Issue, judge: Judge) -> Callable[..., list[str]]:
    """`named(rdn, rdn, …)`: the checks that refuse a transport certificate of this raw subject."""

    def one(*rdns: list[Attribute]) -> list[str]:
        return failed(judge(issue(subject=raw_subject(*rdns))))

    return one


Named = Callable[..., list[str]]


def test_transport_certificate_gives_software_and_organisation(issue: Issue, judge: Judge) -> None:
    issued = issue(san_dns=["tpp.example"], san_uris=["https://tpp.example/"])
    identity = judge(issued).value
    assert identity is not None
    assert identity.kind is CertificateKind.OBTRANSPORT
    assert (identity.common_name, identity.organizational_unit) == ("sw-1", "0015800000TPPAAAA1")
    assert identity.subject_dn == issued.subject_dn
    assert identity.serial_number == issued.certificate.serial_number
    assert (identity.san_dns, identity.san_uris) == (("tpp.example",), ("https://tpp.example/",))
    assert len(identity.x5t_s256) == 43


@pytest.mark.parametrize(
    ("kind", "is_found"),
    [
        ("obtransport", CertificateKind.OBTRANSPORT),
        ("obwac", CertificateKind.OBWAC),
        ("qwac", CertificateKind.QWAC),
        ("brcac", CertificateKind.BRCAC),
    ],
)
def test_kind_is_told_by_subject_and_statements(
    issue: Issue, judge: Judge, kind: str, is_found: CertificateKind
) -> None:
    identity = judge(issue(kind)).value
    assert identity is not None
    assert identity.kind is is_found
    assert identity.psd2_roles == (("PSP_PI", "PSP_AI") if kind in ("obwac", "qwac") else ())


def test_certificate_without_unit_or_statements_is_of_another_kind(issue: Issue, judge: Judge) -> None:
    issued = issue(subject="CN=sw-1,O=OpenBanking,C=GB")
    assert failed(judge(issued)) == ["identity.kind.admitted"]
    identity = judge(issued, strategies={"other": "cn=software_id"}).value
    assert identity is not None
    assert identity.kind is CertificateKind.OTHER


def test_kind_that_the_market_does_not_name_is_refused(issue: Issue, judge: Judge) -> None:
    assert failed(judge(issue("qwac"), strategies={"obtransport": "cn=software_id,ou=org_id"})) == [
        "identity.kind.admitted"
    ]
    assert failed(judge(issue(), strategies={})) == ["identity.kind.admitted"]


def test_strategy_with_an_unknown_attribute_is_the_bank_s_fault(issue: Issue, judge: Judge) -> None:
    with pytest.raises(Misconfigured):
        judge(issue(), strategies={"obtransport": "sn=software_id"})


def test_no_certificate_is_refused(anchors: TrustAnchors, at: float) -> None:
    judgement = identify([], anchors, at, {"obtransport": "none"})
    assert failed(judgement) == ["tls.chain.present"]
    assert judgement.failures[0].fault.code is ErrorCode.INVALID_CLIENT
    assert judgement.failures[0].fault.status == 401


def test_subject_is_not_judged_before_path_and_leaf_hold(issue: Issue, judge: Judge) -> None:
    judgement = judge(issue(eku=(), subject=raw_subject([(CN, T61, b"\xe9")])))
    assert failed(judgement) == ["tls.leaf.purpose"]


def test_market_of_another_trust_refuses_a_known_leaf(issue: Issue, judge: Judge, at: float) -> None:
    issued = issue()
    assert failed(judge(issued)) == []
    elsewhere = TrustAnchors((CertificateAuthority.create("Elsewhere", at=at).certificate,))
    assert failed(identify(issued.chain_der, elsewhere, at, {"obtransport": "none"})) == ["tls.path.anchored"]


@pytest.mark.parametrize("tag", [UTF8, PRINTABLE, IA5])
def test_three_string_types_read_alike(named: Named, tag: int) -> None:
    assert named(UNIT, [(CN, tag, b"sw-1")]) == []


@pytest.mark.parametrize(
    "value",
    [
        (T61, b"sw-1"),
        (T61, b"sw\xe9"),
        (BMP, "sw-1".encode("utf-16-be")),
        (UNIVERSAL, "sw-1".encode("utf-32-be")),
        (NUMERIC, b"1234"),
    ],
)
def test_other_string_types_are_refused(named: Named, value: tuple[int, bytes]) -> None:
    assert named(UNIT, [(CN, *value)]) == ["identity.subject.strings"]


@pytest.mark.parametrize("value", [(OCTET_STRING, b"sw-1"), (INTEGER, b"sw-1"), (UTF8, b"sw-\xff")])
def test_what_is_no_string_is_refused_by_the_path_s_reader_and_by_ours(
    named: Named, issue: Issue, value: tuple[int, bytes]
) -> None:
    subject = raw_subject(UNIT, [(CN, *value)])
    assert named(UNIT, [(CN, *value)]) == ["tls.path.readable"]
    judged = holder.judge(read(issue(subject=subject).der), {"obtransport": "none"}, LeafPolicy())
    assert [finding.check.id for finding in judged.failures] == ["identity.subject.strings"]


@pytest.mark.parametrize("oid", [ORGANIZATION, OU])
def test_other_string_types_are_refused_in_every_attribute(named: Named, oid: str) -> None:
    assert named(UNIT, [(oid, T61, b"x")], [(CN, UTF8, b"sw-1")]) == ["identity.subject.strings"]


@pytest.mark.parametrize(
    "rdns",
    [
        [UNIT],
        [UNIT, [(CN, UTF8, b"sw-1")], [(CN, UTF8, b"sw-2")]],
        [UNIT, [(CN, UTF8, b"sw-1")], [(CN, UTF8, b"sw-1")]],
        [UNIT, [(CN, UTF8, b"sw-1"), (CN, UTF8, b"sw-2")]],
    ],
)
def test_exactly_one_common_name(named: Named, rdns: list[list[Attribute]]) -> None:
    assert named(*rdns) == ["identity.common_name.single"]


def test_empty_subject_names_nobody(named: Named) -> None:
    assert named() == ["identity.common_name.single"]


def test_one_common_name_in_a_multi_valued_rdn_is_one(named: Named) -> None:
    assert named([(CN, UTF8, b"sw-1"), *UNIT]) == []


@pytest.mark.parametrize(
    "common_name",
    [
        "",
        "   ",
        "victim\0.evil",
        "sw-1\n",
        "sw-1\r\nX-Injected: 1",
        "sw\t1",
        "sw\x7f",
        "sw-1\u202e",
        "sw-1\u2066",
        "sw\u200b-1",
        "sw\u00ad-1",
        "sw\u2028-1",
        "sw\ue000-1",
        "\ufeffsw-1",
    ],
)
def test_control_and_invisible_characters_are_refused_whatever_the_strategy(
    issue: Issue, judge: Judge, common_name: str
) -> None:
    issued = issue(subject=raw_subject(UNIT, [(CN, UTF8, common_name.encode())]))
    assert "identity.subject.characters" in failed(judge(issued, strategies={"obtransport": "none"}))


@pytest.mark.parametrize(
    "common_name",
    [
        "tpp1,ou=admins,o=jans",
        "../../etc",
        "' OR '1'='1",
        '";URI=https://evil;Subject="',
        "sw 1",
        "sw-1 ",
        " sw-1",
        "s\u0461-1",
        "\uff53w-1",
        "sw/1",
        "sw*",
        "sw\u0301",
    ],
)
def test_common_name_that_identifies_keeps_to_the_allow_list(issue: Issue, judge: Judge, common_name: str) -> None:
    issued = issue(subject=raw_subject(UNIT, [(CN, UTF8, common_name.encode())]))
    assert failed(judge(issued)) == ["identity.subject.identifiers"]
    assert failed(judge(issued, strategies={"obtransport": "none"})) == []


def test_organisational_unit_that_identifies_is_there_once_and_clean(named: Named) -> None:
    common_name: list[Attribute] = [(CN, UTF8, b"sw-1")]
    assert named(UNIT, UNIT, common_name) == ["identity.subject.identifiers"]
    assert named([(OU, UTF8, b"org-1,x")], common_name) == ["identity.subject.identifiers"]


@pytest.mark.parametrize(("length", "is_taken"), [(64, True), (65, False), (10_000, False)])
def test_common_name_is_at_most_64_long(named: Named, length: int, is_taken: bool) -> None:
    refusals = named(UNIT, [(CN, UTF8, b"a" * length)])
    assert refusals == ([] if is_taken else ["identity.common_name.length", "identity.subject.identifiers"])


def test_longest_common_name_is_the_market_s_choice(issue: Issue, judge: Judge) -> None:
    issued = issue(subject=raw_subject(UNIT, [(CN, UTF8, b"a" * 20)]))
    assert failed(judge(issued, policy=LeafPolicy(common_name_max_length=19))) == ["identity.common_name.length"]


def test_a_dn_inside_a_value_stays_a_value(named: Named, issue: Issue, judge: Judge) -> None:
    for organisation in (b"x, CN=victim", b"x/CN=victim", b"x+CN=victim"):
        issued = issue(subject=raw_subject([(ORGANIZATION, UTF8, organisation)], UNIT, [(CN, UTF8, b"sw-1")]))
        identity = judge(issued).value
        assert identity is not None
        assert identity.common_name == "sw-1"
        assert matches_dn(identity.subject_dn, identity, "exact")


def test_long_organisation_name_is_taken_without_a_warning(issue: Issue, judge: Judge) -> None:
    issued = issue(subject=raw_subject([(ORGANIZATION, UTF8, b"Sparkasse " * 12)], UNIT, [(CN, UTF8, b"sw-1")]))
    assert failed(judge(issued)) == []


@pytest.mark.parametrize("oid", [UID, ORGANIZATION_IDENTIFIER])
def test_uid_and_organisation_identifier_are_there_once_at_most(named: Named, oid: str) -> None:
    twice: list[list[Attribute]] = [[(oid, UTF8, b"a")], [(oid, UTF8, b"b")]]
    assert "identity.subject.unambiguous" in named(*twice, UNIT, [(CN, UTF8, b"sw-1")])


def test_uid_beside_a_common_name_identifies_only_where_the_strategy_says_so(issue: Issue, judge: Judge) -> None:
    issued = issue(subject=raw_subject([(UID, UTF8, b"victim")], [(CN, UTF8, b"tpp1")]))
    identity = judge(issued, strategies={"other": "cn=software_id"}).value
    assert identity is not None
    assert identity.common_name == "tpp1"
    assert identity.uid == "victim"


def test_all_faults_of_a_subject_are_answered_together(issue: Issue, judge: Judge) -> None:
    subject = raw_subject([(UID, UTF8, b"a"), (UID, UTF8, b"b")], UNIT, [(CN, UTF8, b"a\n" * 40)])
    assert failed(judge(issue(subject=subject))) == [
        "identity.subject.characters",
        "identity.subject.unambiguous",
        "identity.common_name.length",
        "identity.kind.admitted",
    ]


def test_subject_key_outlives_renewal_and_tells_holders_apart(
    issue: Issue, judge: Judge, root: CertificateAuthority, key: PrivateKey
) -> None:
    def key_of(issued: Issued) -> str:
        identity = judge(issued).value
        assert identity is not None
        return subject_key(identity)

    first = key_of(issue())
    assert first == key_of(issue(key_type="p384", key=None))
    others = [
        issue(software_id="sw-2"),
        issue(software_id="SW-1"),
        issue(org_id="0015800000TPPAAAA2"),
        root.issue(software_id="sw-1", org_id="0015800000TPPAAAA1", key=key),
    ]
    assert len({first, *map(key_of, others)}) == 5


def test_authority_with_an_old_name_encoding_is_still_an_issuer(issue: Issue, judge: Judge) -> None:
    identity = judge(issue()).value
    assert identity is not None
    raw = ((((ORGANIZATION, T61, b"Autorit\xe9")),),)
    assert holder.issuer_of(raw) == (((ORGANIZATION, "#14" + b"Autorit\xe9".hex()),),)
    assert subject_key(identity) != subject_key(replace(identity, issuer=holder.issuer_of(raw)))


def test_requested_dn_is_compared_by_attribute(issue: Issue, judge: Judge) -> None:
    identity = judge(issue("obwac")).value
    assert identity is not None
    octets = "cn=0015800000tppaaaa1, 2.5.4.97=#131050534447422D4643412D393030303031, O=Example TPP Ltd, C=GB"
    assert matches_dn(octets, identity, "exact")
    assert not matches_dn("CN=0015800000TPPAAAA1,C=GB", identity, "exact")
    assert matches_dn("CN=0015800000TPPAAAA1,C=GB", identity, "subset")
    with pytest.raises(DnRefused):
        matches_dn("0015800000TPPAAAA1", identity, "exact")


TAGS = st.sampled_from([UTF8, PRINTABLE, IA5, T61, BMP, NUMERIC])
ATTRIBUTES = st.tuples(
    st.sampled_from([CN, OU, ORGANIZATION, UID, ORGANIZATION_IDENTIFIER]), TAGS, st.binary(max_size=12)
)
SAFE = st.tuples(st.sampled_from([CN, OU, ORGANIZATION]), st.just(UTF8), st.from_regex(rb"\A[a-z ]{1,8}\Z"))


@settings(max_examples=120)
@given(rdns=st.lists(st.lists(ATTRIBUTES | SAFE, min_size=1, max_size=2), max_size=4))
def test_any_subject_is_one_holder_or_refused(issue: Issue, judge: Judge, rdns: list[list[Attribute]]) -> None:
    try:
        issued = issue(subject=raw_subject(*rdns))
    except ValueError:
        return  # not even the test's own CA could load it
    identity = judge(issued).value
    if identity is not None:
        assert sum(oid == CN for rdn in rdns for oid, _, _ in rdn) == 1
        assert matches_dn(identity.subject_dn, identity, "exact")


def test_corpus_of_hostile_names(corpora: Path) -> None:
    folder = corpora / "client-certs"
    expected = json.loads((folder / "expected.json").read_text())
    strategies = {"obtransport": "cn=software_id", "other": "cn=software_id"}
    assert {name: _by_name_alone(folder / f"{name}.pem", strategies) for name in expected} == expected


def _by_name_alone(pem: Path, strategies: dict[str, str]) -> str:
    try:
        leaf = read(ssl.PEM_cert_to_DER_cert(pem.read_text()))
    except CertificateRefused:
        return "refuse"
    return "refuse" if holder.judge(leaf, strategies, LeafPolicy()).failures else "accept"


@pytest.fixture(scope="module")
def provider(at: float) -> CertificateAuthority:
    """A trust service provider beside the directory's authority."""
    return CertificateAuthority.create("Provider Root", at=at)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("obwac", None),
        ("obtransport", None),
        ("brcac", None),
        ("qwac", "CN=0015800000TPPAAAA1,2.5.4.97=PSDGB-FCA-1,O=Rogue,C=GB"),
    ],
)
def test_a_trust_service_provider_vouches_for_qwacs_alone(
    provider: CertificateAuthority, root: CertificateAuthority, at: float, kind: str, subject: str | None
) -> None:
    changes = {"subject": subject} if subject else {}
    issued = provider.issue(kind, software_id="sw-1", org_id="0015800000TPPAAAA1", key=new_key("p256"), **changes)
    apart = TrustAnchors((root.certificate,), qualified_roots=(provider.certificate,))
    judgement = identify(issued.chain_der, apart, at, EVERY_KIND)
    if kind in ("obwac", "qwac"):
        assert judgement.value is not None
        assert judgement.value.kind is CertificateKind.QWAC
    else:
        assert failed(judgement) == ["identity.kind.admitted"]
    # The same words among the directory's roots are a directory's certificate.
    together = TrustAnchors((root.certificate, provider.certificate))
    believed = identify(issued.chain_der, together, at, EVERY_KIND).value
    assert believed is not None
    assert believed.kind is (CertificateKind.OBWAC if kind == "qwac" else CertificateKind(kind))


def test_a_directorys_certificate_is_itself_beside_a_trust_service_provider(
    issue: Issue, provider: CertificateAuthority, root: CertificateAuthority, at: float
) -> None:
    apart = TrustAnchors((root.certificate,), qualified_roots=(provider.certificate,))
    identity = identify(issue("obwac").chain_der, apart, at, EVERY_KIND).value
    assert identity is not None
    assert identity.kind is CertificateKind.OBWAC
