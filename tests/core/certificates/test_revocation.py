"""A certificate that its issuer took back is refused by list and by answer; what proves nothing is never a yes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.certificates import revocation_answers, revocation_lists
from dcrgw.core.certificates.path import Path as CertificatePath
from dcrgw.core.certificates.path import TrustAnchors, build
from dcrgw.core.certificates.revocation import (
    Mode,
    RevocationJudgement,
    RevocationPolicy,
    Standing,
    Told,
    Word,
    judge,
    word,
)
from dcrgw.core.certificates.revocation_lists import CLOCK_SKEW_S, Unusable
from dcrgw.core.checks import Verdict
from dcrgw.testkit.certificates import CertificateAuthority, Issued, new_key
from dcrgw.testkit.revocation import answer, no_answer, published, responder, revocation_list, scope

Issue = Callable[..., Issued]
POINT = "http://ca.example/issuing.crl"
HOUR = 3600.0


@pytest.fixture(scope="module")
def leaf(issue: Issue) -> x509.Certificate:
    return issue(extensions=published(POINT, "http://ca.example/ocsp")).certificate


@pytest.fixture(scope="module")
def path(leaf: x509.Certificate, issue: Issue, anchors: TrustAnchors, at: float) -> CertificatePath:
    return build([Issued(leaf, issue().key).der, *issue().chain_der[1:]], anchors, at)


def heard(told: Told, leaf: x509.Certificate, issuing: CertificateAuthority, at: float, **more: Any) -> Word:
    return word(leaf, issuing.certificate, told, at, **{"is_authority": False, **more})


def lists(*ders: bytes) -> Told:
    return Told(lists=ders)


def answers(*ders: bytes, nonce: bytes | None = None) -> Told:
    return Told(answers=tuple((der, nonce) for der in ders))


def test_list_that_does_not_name_it_says_good(leaf: x509.Certificate, issuing: CertificateAuthority, at: float) -> None:
    said = heard(lists(revocation_list(issuing, [leaf.serial_number + 1], at=at)), leaf, issuing, at)
    assert (said.standing, said.until) == (Standing.GOOD, at + HOUR)


@pytest.mark.parametrize("reason", [None, "keyCompromise", "certificateHold", "superseded"])
def test_list_that_names_it_says_revoked(
    leaf: x509.Certificate, issuing: CertificateAuthority, at: float, reason: str | None
) -> None:
    der = revocation_list(issuing, {leaf.serial_number: reason}, at=at)
    said = heard(lists(der), leaf, issuing, at)
    assert (said.standing, said.ground) == (Standing.REVOKED, f"list, {reason or 'unspecified'}")


def test_no_outlives_the_list_that_said_it(leaf: x509.Certificate, issuing: CertificateAuthority, at: float) -> None:
    der = revocation_list(issuing, [leaf.serial_number], at=at - 9 * HOUR, life_s=HOUR)
    assert heard(lists(der), leaf, issuing, at).standing is Standing.REVOKED


def test_no_counts_before_any_yes(leaf: x509.Certificate, issuing: CertificateAuthority, at: float) -> None:
    told = Told(
        (revocation_list(issuing, at=at), revocation_list(issuing, [leaf.serial_number], at=at)),
        ((answer(leaf, issuing, at=at), None),),
    )
    assert heard(told, leaf, issuing, at).standing is Standing.REVOKED


@pytest.mark.parametrize(
    ("begins_s", "standing"),
    [
        (-HOUR, Standing.SILENT),
        (-HOUR + 1, Standing.GOOD),
        (CLOCK_SKEW_S, Standing.GOOD),
        (CLOCK_SKEW_S + 1, Standing.SILENT),
    ],
)
def test_word_counts_within_its_dates_alone(
    leaf: x509.Certificate, issuing: CertificateAuthority, at: float, begins_s: float, standing: Standing
) -> None:
    begins = at + begins_s
    assert heard(lists(revocation_list(issuing, at=begins)), leaf, issuing, at).standing is standing
    assert heard(answers(answer(leaf, issuing, at=begins)), leaf, issuing, at).standing is standing


def bad_lists(leaf: x509.Certificate, issuing: CertificateAuthority, root: CertificateAuthority, at: float):
    """Lists that must say nothing, by what is wrong with them."""
    stranger = CertificateAuthority.create("Stranger", at=at)
    other = [x509.UniformResourceIdentifier("http://ca.example/other.crl")]
    foreign = x509.CertificateIssuer([x509.DirectoryName(root.certificate.subject)])
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")

    def made(*extensions: Any, by: CertificateAuthority = issuing, **more: Any) -> bytes:
        return revocation_list(by, more.pop("revoked", ()), at=at, extensions=extensions, **more)

    return {
        "of another issuer": made(by=root),
        "right name, other key": made(by=stranger, issuer=issuing.certificate.subject),
        "delta": made((x509.DeltaCRLIndicator(1), True)),
        "indirect": made(scope(indirect=True)),
        "entry of another issuer": made(revoked=[7], entry_extensions=[(foreign, True)]),
        "entry with an unknown critical extension": made(revoked=[7], entry_extensions=[(unknown, True)]),
        "unknown critical extension": made((unknown, True)),
        "attribute certificates": made(scope(attributes=True)),
        "authorities only": made(scope(authorities=True)),
        "some reasons": made(scope(reasons=["keyCompromise"])),
        "another distribution point": made(scope(other[0].value)),
        "weak digest": made(digest="sha224"),
        "no number": made(number=None),
        "a critical number": made((x509.CRLNumber(1), True), number=None),
        "cut off": made()[:-1],
        "nothing": b"",
        "garbage": b"<html>\x00",
        "an answer": answer(leaf, issuing, at=at),
    }


BAD_LISTS = (
    "of another issuer", "right name, other key", "delta", "indirect", "entry of another issuer",
    "entry with an unknown critical extension", "unknown critical extension", "attribute certificates",
    "authorities only", "some reasons", "another distribution point", "weak digest", "no number",
    "a critical number", "cut off", "nothing", "garbage", "an answer",
)  # fmt: skip


@pytest.mark.parametrize("wrong", BAD_LISTS)
def test_list_that_does_not_cover_it_says_nothing(
    leaf: x509.Certificate, issuing: CertificateAuthority, root: CertificateAuthority, at: float, wrong: str
) -> None:
    made = bad_lists(leaf, issuing, root, at)
    assert set(made) == set(BAD_LISTS)
    assert heard(lists(made[wrong]), leaf, issuing, at).standing is Standing.SILENT


def test_list_for_its_distribution_point_counts(
    leaf: x509.Certificate, issuing: CertificateAuthority, at: float, issue: Issue
) -> None:
    der = revocation_list(issuing, at=at, extensions=[scope(POINT, users=True)])
    assert heard(lists(der), leaf, issuing, at).standing is Standing.GOOD
    assert heard(lists(der), leaf, issuing, at, is_authority=True).standing is Standing.SILENT
    # A certificate that names no point may stand on another part of the list.
    assert heard(lists(der), issue().certificate, issuing, at).standing is Standing.SILENT


def test_list_for_some_reasons_can_still_say_no(
    leaf: x509.Certificate, issuing: CertificateAuthority, at: float
) -> None:
    der = revocation_list(issuing, [leaf.serial_number], at=at, extensions=[scope(reasons=["keyCompromise"])])
    assert heard(lists(der), leaf, issuing, at).standing is Standing.REVOKED


def test_issuer_that_may_not_sign_lists_is_not_believed(root: CertificateAuthority, at: float) -> None:
    mute = root.intermediate("Mute", key_usage=("key_cert_sign",))
    issued = mute.issue(software_id="sw", org_id="org", key_type="p256").certificate
    assert heard(lists(revocation_list(mute, [issued.serial_number], at=at)), issued, mute, at).standing is (
        Standing.SILENT
    )


def test_points_of_other_issuers_and_of_some_reasons_are_not_followed(issue: Issue) -> None:
    def point(url: str, **more: Any) -> x509.DistributionPoint:
        shape = {"relative_name": None, "reasons": None, "crl_issuer": None} | more
        return x509.DistributionPoint([x509.UniformResourceIdentifier(url)], **shape)

    other = [x509.DirectoryName(x509.Name([]))]
    points = [
        point("http://ca.example/1"),
        point("http://ca.example/2", crl_issuer=other),
        point("http://ca.example/3", reasons=frozenset({x509.ReasonFlags.key_compromise})),
    ]
    certificate = issue(extensions=[(x509.CRLDistributionPoints(points), False)]).certificate
    assert revocation_lists.points_of(certificate) == ("http://ca.example/1",)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@pytest.mark.parametrize("delegated", [False, True])
@pytest.mark.parametrize(
    ("status", "standing"), [("good", Standing.GOOD), ("revoked", Standing.REVOKED), ("unknown", Standing.UNKNOWN)]
)
def test_answer_of_the_issuer_or_of_its_responder_counts(
    leaf: x509.Certificate,
    issuing: CertificateAuthority,
    at: float,
    algorithm: str,
    delegated: bool,
    status: str,
    standing: Standing,
) -> None:
    signer = responder(issuing) if delegated else None
    der = answer(leaf, issuing, status, at=at, signer=signer, algorithm=algorithm)
    assert heard(answers(der), leaf, issuing, at).standing is standing


BAD_ANSWERS = (
    "about another certificate", "of another issuer", "by a stranger", "by a responder of another issuer",
    "by a responder without the purpose", "by a responder for any purpose", "by a TPP", "by a weak responder",
    "without its responder's certificate", "weak digest", "another digest's names", "try later", "unauthorized",
    "cut off", "nothing", "garbage", "a list",
)  # fmt: skip


def bad_answers(
    leaf: x509.Certificate, issuing: CertificateAuthority, root: CertificateAuthority, issue: Issue, at: float
):
    """Answers that must say nothing, by what is wrong with them."""
    stranger = CertificateAuthority.create("Stranger", at=at)
    tpp = issue()

    def by(signer: Issued | None = None, **more: Any) -> bytes:
        return answer(leaf, issuing, at=at, signer=signer, **more)

    return {
        "about another certificate": answer(issue().certificate, issuing, at=at),
        "of another issuer": answer(leaf, root, at=at, signer=responder(issuing)),
        "by a stranger": by(Issued(stranger.certificate, stranger.key)),
        "by a responder of another issuer": by(responder(root)),
        "by a responder without the purpose": by(responder(issuing, eku=())),
        "by a responder for any purpose": by(responder(issuing, eku=("any",))),
        "by a TPP": by(tpp),
        "by a weak responder": by(responder(issuing, key=new_key("rsa1024"))),
        "without its responder's certificate": by(responder(issuing), with_certificate=False),
        "weak digest": by(digest="sha224"),
        "another digest's names": by(algorithm="sha512"),
        "try later": no_answer("TRY_LATER"),
        "unauthorized": no_answer("UNAUTHORIZED"),
        "cut off": by()[:-1],
        "nothing": b"",
        "garbage": b"<html>\x00",
        "a list": revocation_list(issuing, at=at),
    }


@pytest.fixture(scope="module")
def wrong_answers(
    leaf: x509.Certificate, issuing: CertificateAuthority, root: CertificateAuthority, issue: Issue, at: float
) -> dict[str, bytes]:
    return bad_answers(leaf, issuing, root, issue, at)


@pytest.mark.parametrize("wrong", BAD_ANSWERS)
def test_answer_that_proves_nothing_says_nothing(
    leaf: x509.Certificate, issuing: CertificateAuthority, wrong_answers: dict[str, bytes], at: float, wrong: str
) -> None:
    assert set(wrong_answers) == set(BAD_ANSWERS)
    assert heard(answers(wrong_answers[wrong]), leaf, issuing, at).standing is Standing.SILENT


def test_responder_counts_while_its_certificate_does(
    leaf: x509.Certificate, issuing: CertificateAuthority, at: float
) -> None:
    der = answer(leaf, issuing, at=at, signer=responder(issuing, not_after=at + 60))
    assert heard(answers(der), leaf, issuing, at + 60).standing is Standing.GOOD
    assert heard(answers(der), leaf, issuing, at + 62).standing is Standing.SILENT


def test_answer_without_an_end_counts_for_a_while(
    leaf: x509.Certificate, issuing: CertificateAuthority, at: float
) -> None:
    der = answer(leaf, issuing, at=at, life_s=None)
    assert heard(answers(der), leaf, issuing, at + revocation_answers.UNDATED_S - 1).standing is Standing.GOOD
    assert heard(answers(der), leaf, issuing, at + revocation_answers.UNDATED_S).standing is Standing.SILENT


@pytest.mark.parametrize(
    ("sent", "answered", "required", "standing"),
    [
        (b"n" * 16, b"n" * 16, True, Standing.GOOD),
        (b"n" * 16, b"o" * 16, False, Standing.SILENT),
        (None, b"o" * 16, False, Standing.SILENT),
        (b"n" * 16, None, False, Standing.GOOD),
        (b"n" * 16, None, True, Standing.SILENT),
    ],
)
def test_answer_to_another_question_says_nothing(
    leaf: x509.Certificate,
    issuing: CertificateAuthority,
    at: float,
    sent: bytes | None,
    answered: bytes | None,
    required: bool,
    standing: Standing,
) -> None:
    told = answers(answer(leaf, issuing, at=at, nonce=answered), nonce=sent)
    assert heard(told, leaf, issuing, at, nonce_required=required).standing is standing


def test_list_s_yes_counts_where_the_responder_does_not_know_it(
    leaf: x509.Certificate, issuing: CertificateAuthority, at: float
) -> None:
    told = Told((revocation_list(issuing, at=at),), ((answer(leaf, issuing, "unknown", at=at), None),))
    assert heard(told, leaf, issuing, at).standing is Standing.GOOD


@settings(max_examples=60)
@given(cut=st.integers(0, 2000), octet=st.integers(0, 255))
def test_no_octet_changed_makes_anything_but_unusable(
    leaf: x509.Certificate, issuing: CertificateAuthority, at: float, cut: int, octet: int
) -> None:
    for der, read in (
        (revocation_list(issuing, [5], at=at), lambda der: revocation_lists.read(der, issuing.certificate)),
        (
            answer(leaf, issuing, at=at),
            lambda der: revocation_answers.read(der, leaf.serial_number, issuing.certificate),
        ),
    ):
        changed = bytearray(der)
        changed[cut % len(der)] ^= octet
        if bytes(changed) == der:
            continue
        # Whatever still reads is what the issuer signed, in another encoding of its unsigned parts.
        try:
            read(bytes(changed))
        except Unusable:
            continue
        assert changed[40:150] == der[40:150]


def judged(path: CertificatePath, told: Sequence[Told], at: float, **policy: Any) -> RevocationJudgement:
    return judge(path, told, RevocationPolicy(**{"mode": Mode.HARD, **policy}), at)


def outcome(judgement: RevocationJudgement) -> tuple[list[str], bool]:
    failed = [finding.check.id for finding in judgement.findings if finding.verdict is Verdict.FAILED]
    return failed, judgement.unavailable is not None


@pytest.fixture(scope="module")
def good(issuing: CertificateAuthority, root: CertificateAuthority, at: float) -> tuple[Told, Told]:
    return lists(revocation_list(issuing, at=at)), lists(revocation_list(root, at=at))


def test_path_whose_certificates_are_all_good_passes(path: CertificatePath, good: tuple[Told, Told], at: float) -> None:
    assert outcome(judged(path, good, at)) == ([], False)
    assert all(finding.verdict is Verdict.PASSED for finding in judged(path, good, at).findings)


@pytest.mark.parametrize("mode", [Mode.SOFT, Mode.HARD])
def test_revoked_issuer_refuses_all_below_it(
    path: CertificatePath, good: tuple[Told, Told], root: CertificateAuthority, at: float, mode: Mode
) -> None:
    revoked = lists(revocation_list(root, [path.certificates[1].serial_number], at=at))
    assert outcome(judged(path, (good[0], revoked), at, mode=mode)) == (["tls.revocation.not_revoked"], False)
    assert outcome(judged(path, good[:1], at, whole_path=False)) == ([], False)


@pytest.mark.parametrize("mode", [Mode.SOFT, Mode.HARD])
def test_certificate_that_its_responder_does_not_know_is_refused(
    path: CertificatePath, good: tuple[Told, Told], issuing: CertificateAuthority, at: float, mode: Mode
) -> None:
    unknown = answers(answer(path.certificates[0], issuing, "unknown", at=at))
    assert outcome(judged(path, (unknown, good[1]), at, mode=mode)) == (["tls.revocation.vouched"], False)


def test_hard_market_does_not_go_on_without_knowing(path: CertificatePath, good: tuple[Told, Told], at: float) -> None:
    judgement = judged(path, (Told(unknown_since=at), good[1]), at)
    assert outcome(judgement) == ([], True)
    assert Verdict.UNKNOWN in [finding.verdict for finding in judgement.findings]


def test_soft_market_bears_with_not_knowing_for_its_time_only(
    path: CertificatePath, good: tuple[Told, Told], at: float
) -> None:
    silent = replace(lists(), unknown_since=at - 60)
    assert outcome(judged(path, (silent, good[1]), at, mode=Mode.SOFT, soft_s=60)) == ([], False)
    assert outcome(judged(path, (silent, good[1]), at + 1, mode=Mode.SOFT, soft_s=60)) == ([], True)


def test_market_that_does_not_ask_says_so(path: CertificatePath, at: float) -> None:
    (finding,) = judged(path, (), at, mode=Mode.OFF).findings
    assert finding.verdict is Verdict.SKIPPED


def test_told_of_too_few_certificates_never_passes(path: CertificatePath, good: tuple[Told, Told], at: float) -> None:
    with pytest.raises(ValueError, match="zip"):
        judged(path, good[:1], at)
