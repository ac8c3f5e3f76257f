"""Whether an issuer took a certificate back: judged from lists and answers as bytes, at a given time.

A "no" counts from whatever proves it, be it expired by now. A "yes" needs a fresh list or answer that covers the
certificate. Otherwise it is not known, and the market says what that means: hard refuses to go on (503), soft bears
with it for a bounded time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from cryptography import x509

from dcrgw.core.certificates import revocation_answers, revocation_lists
from dcrgw.core.certificates.path import Path
from dcrgw.core.certificates.revocation_lists import Unusable
from dcrgw.core.checks import Findings, gate
from dcrgw.errors import ErrorCode


class Mode(StrEnum):
    """What a market does about revocation. SOFT and HARD differ in what they make of not knowing."""

    OFF = "off"
    SOFT = "soft"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class RevocationPolicy:
    """A market's choice. `soft_s`: how long SOFT bears with not knowing; `whole_path`: intermediates count too."""

    mode: Mode = Mode.OFF
    soft_s: float = 3600.0
    whole_path: bool = True
    #: An answer to a question with a nonce must bear it.
    nonce_required: bool = False
    #: The directory's sets of revoked keys count too.
    key_sets: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What was said about one certificate: lists, and answers each with the nonce that was asked with (DER).

    `unknown_since` (epoch seconds) is set by whoever asks: since when no good word could be had.
    """

    lists: tuple[bytes, ...] = ()
    answers: tuple[tuple[bytes, bytes | None], ...] = ()
    unknown_since: float | None = None
    #: Why there is nothing newer, in an operator's words.
    trouble: str = ""


class Standing(StrEnum):
    """What all that was said comes to. UNKNOWN: an authorised responder does not know the certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Word:
    """A standing with its ground. `until` (epoch seconds) is how long a GOOD one counts."""

    standing: Standing
    ground: str
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class RevocationJudgement:
    """What was found; `unavailable` says why it must not go on although nothing was proven against the caller."""

    findings: Findings
    unavailable: str | None = None


NOT_REVOKED = gate(
    "tls.revocation.not_revoked",
    "No certificate of the path was revoked by its issuer.",
    spec="RFC 5280 §6.3, RFC 6960 §2.2",
    code=ErrorCode.INVALID_CLIENT,
    status=401,
)
VOUCHED = gate(
    "tls.revocation.vouched",
    "The issuer's responder knows every certificate that it is asked about.",
    spec="RFC 6960 §2.2",
    code=ErrorCode.INVALID_CLIENT,
    status=401,
)
KNOWN = gate(
    "tls.revocation.known",
    "Whether a certificate was revoked is known, or has been unknown no longer than the market bears.",
    spec="RFC 5280 §6.3.3",
    code=ErrorCode.INVALID_CLIENT,
    status=401,
)


def links(path: Path, policy: RevocationPolicy) -> tuple[tuple[x509.Certificate, x509.Certificate], ...]:
    """The certificates to ask about, each with its issuer's. An anchor is trusted by being there."""
    pairs = tuple(pairwise(path.certificates))
    return pairs if policy.whole_path else pairs[:1]


def in_words(path: Path, told: Sequence[Told], policy: RevocationPolicy, at: float) -> tuple[str, ...]:
    """What all that was said about each certificate comes to, for people."""
    if policy.mode is Mode.OFF:
        return ()
    heard = enumerate(_words(path, told, policy, at))
    return tuple(f"{_whose(place)}: {each.standing.value} ({each.ground})" for place, each in heard)


def judge(path: Path, told: Sequence[Told], policy: RevocationPolicy, at: float) -> RevocationJudgement:
    """The verdict on a path at `at` (epoch seconds). `told` is in the order of `links`."""
    if policy.mode is Mode.OFF:
        findings = Findings()
        findings.add(NOT_REVOKED.skipped("this market does not ask for revocation"))
        return RevocationJudgement(findings)
    return _verdict(_words(path, told, policy, at), told, policy, at)


def _words(path: Path, told: Sequence[Told], policy: RevocationPolicy, at: float) -> list[Word]:
    return [
        word(certificate, issuer, each, at, is_authority=position > 0, nonce_required=policy.nonce_required)
        for position, ((certificate, issuer), each) in enumerate(zip(links(path, policy), told, strict=True))
    ]


def word(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    told: Told,
    at: float,
    *,
    is_authority: bool,
    nonce_required: bool = False,
) -> Word:
    """What all that was said about one certificate comes to: a no before a yes, a yes before not knowing."""
    heard = [_of_list(each, certificate, issuer, at, is_authority) for each in told.lists]
    heard += [_of_answer(*each, certificate, issuer, at, nonce_required) for each in told.answers]
    for standing in (Standing.REVOKED, Standing.GOOD, Standing.UNKNOWN):
        found = [each for each in heard if each.standing is standing]
        if found:
            return max(found, key=lambda each: each.until)
    grounds = "; ".join(dict.fromkeys(filter(None, (*(each.ground for each in heard), told.trouble))))
    return Word(Standing.SILENT, grounds or "no list and no responder")


def _of_list(
    der: bytes, certificate: x509.Certificate, issuer: x509.Certificate, at: float, is_authority: bool
) -> Word:
    try:
        listed = revocation_lists.read(der, issuer)
    except Unusable as unusable:
        return Word(Standing.SILENT, str(unusable))
    reason = listed.revoked.get(certificate.serial_number)
    if reason is not None:
        return Word(Standing.REVOKED, f"list, {reason}")
    silent = revocation_lists.why_silent(listed, certificate, is_authority=is_authority, at=at)
    return Word(Standing.SILENT, silent) if silent else Word(Standing.GOOD, "list", listed.next_update)


def _of_answer(
    der: bytes,
    nonce: bytes | None,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    at: float,
    nonce_required: bool,
) -> Word:
    try:
        answer = revocation_answers.read(der, certificate.serial_number, issuer, nonce)
    except Unusable as unusable:
        return Word(Standing.SILENT, str(unusable))
    if answer.status == "revoked":
        return Word(Standing.REVOKED, f"responder, {answer.reason}")
    silent = answer.why_silent(at)
    if silent is None and nonce_required and not answer.has_nonce:
        silent = "the answer lacks the nonce that was sent"
    if silent is not None:
        return Word(Standing.SILENT, silent)
    return Word(Standing.GOOD if answer.status == "good" else Standing.UNKNOWN, "responder", answer.next_update)


def _verdict(words: Sequence[Word], told: Sequence[Told], policy: RevocationPolicy, at: float) -> RevocationJudgement:
    findings = Findings()
    for entry, standing, said in (
        (NOT_REVOKED, Standing.REVOKED, "was revoked by its issuer"),
        (VOUCHED, Standing.UNKNOWN, "is not known to its issuer's responder"),
    ):
        place = next((place for place, heard in enumerate(words) if heard.standing is standing), None)
        if place is not None:
            findings.add(entry.failed(f"{_whose(place)} {said}", words[place].ground))
            return RevocationJudgement(findings)
        findings.settle(entry, None)
    silent = [
        (place, heard.ground, each.unknown_since)
        for place, (heard, each) in enumerate(zip(words, told, strict=True))
        if heard.standing is Standing.SILENT
    ]
    if not silent:
        findings.settle(KNOWN, None)
        return RevocationJudgement(findings)
    detail = "; ".join(f"{_whose(place)}: {ground}" for place, ground, _ in silent)
    findings.add(KNOWN.unknown(detail))
    if policy.mode is Mode.SOFT and all(at - (at if since is None else since) <= policy.soft_s for *_, since in silent):
        return RevocationJudgement(findings)
    return RevocationJudgement(findings, detail)


def _whose(position: int) -> str:
    return "the client certificate" if position == 0 else f"certificate {position} of the path"
