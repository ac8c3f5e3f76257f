"""A certificate for people: what it is, and what each market makes of it. The very judgement that a request meets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dcrgw.core.certificates import (
    holder,
    organization_identifier,
    path,
    reading,
    revocation,
    revocation_answers,
    revocation_lists,
)
from dcrgw.core.certificates.dn_text import DnRefused
from dcrgw.core.certificates.identity import identify
from dcrgw.core.certificates.names import text
from dcrgw.core.certificates.reading import CertificateRefused, Leaf
from dcrgw.core.certificates.strength import key_in_words
from dcrgw.core.checks import Finding
from dcrgw.core.market import Market
from dcrgw.core.registration import holders

_PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "2.5.29.37.0": "any purpose",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One rule that refuses, with what only an operator may read."""

    check: str
    description: str
    detail: str
    spec: str


@dataclass(frozen=True, slots=True)
class MarketWord:
    """What one market makes of a chain. `names` says whom the subject would name, also where a rule refuses."""

    market: str
    profile: str
    is_taken: bool
    kind: str | None
    names: str | None
    refusals: tuple[Refusal, ...]
    #: What was said of each certificate of the path, leaf first; empty where nobody was asked.
    revocation: tuple[str, ...] = ()


def facts(der: bytes) -> Mapping[str, object]:
    """What a certificate says of itself, by labels; lists and texts alone. Never raises for a bad certificate."""
    try:
        leaf = reading.read(der)
    except CertificateRefused as refused:
        return {"unreadable": str(refused)}
    return {label: value for label, value in _facts(der, leaf) if value not in (None, (), "")}


def in_market(
    chain: Sequence[bytes], market: Market, at: float, told: Sequence[revocation.Told] | None = None
) -> MarketWord:
    """What a market makes of a chain (DER, leaf first) shown at `at` (epoch seconds).

    `told` is what authorities say of its path; None where nobody was asked.
    """
    judged = identify(chain, market.anchors, at, market.profile.identity, market.leaf)
    kind, names = _named(chain, market)
    if judged.value is not None:
        kind = judged.value.kind.value
        names = holders.in_words(market.profile.identity[judged.value.kind], judged.value)
    refusals = tuple(_refusal(finding, market) for finding in judged.failures)
    words: tuple[str, ...] = ()
    if judged.value is not None and told is not None:
        found = path.build(chain, market.anchors, at)
        refusals = tuple(_revocation_refusals(found, told, market, at))
        words = revocation.in_words(found, told, market.revocation, at)
    return MarketWord(market.name, market.profile.title, not refusals, kind, names, refusals, words)


def _revocation_refusals(
    found: path.Path, told: Sequence[revocation.Told], market: Market, at: float
) -> Iterator[Refusal]:
    judged = revocation.judge(found, told, market.revocation, at)
    yield from (_refusal(finding, market) for finding in judged.findings.failures)
    if judged.unavailable is not None and not judged.findings.has_failed:
        sentence = "it is not known whether a certificate was revoked: the answer would be 503"
        yield Refusal(revocation.KNOWN.id, sentence, judged.unavailable, market.profile.cited(revocation.KNOWN.spec))


def _named(chain: Sequence[bytes], market: Market) -> tuple[str | None, str | None]:
    """Kind and names where the path or the leaf is refused already: the subject by itself."""
    try:
        leaf = reading.read(chain[0])
    except (CertificateRefused, IndexError):
        return None, None
    judged = holder.judge(leaf, market.profile.identity, market.leaf)
    if judged.value is None:
        return None, None
    return judged.value.kind.value, holders.in_words(market.profile.identity[judged.value.kind], judged.value)


def _refusal(finding: Finding, market: Market) -> Refusal:
    return Refusal(finding.check.id, finding.description, finding.detail, market.profile.cited(finding.check.spec))


def _facts(der: bytes, leaf: Leaf) -> Iterator[tuple[str, object]]:
    certificate = reading.load(der)
    yield "subject", _name(leaf.subject)
    yield "issuer", text(holder.issuer_of(leaf.issuer))
    yield "serial number", f"{leaf.serial_number:x}"
    yield "valid from", _moment(leaf.not_before)
    yield "valid until", _moment(leaf.not_after)
    yield "x5t#S256", leaf.x5t_s256
    yield "key", key_in_words(certificate)
    yield "weakness", " and ".join(filter(None, (leaf.weak_key, leaf.weak_signature)))
    yield "may issue certificates", "yes" if leaf.is_authority else None
    yield "purposes", tuple(sorted(_PURPOSES.get(oid, oid) for oid in leaf.extended_key_usage or ()))
    yield "DNS names", leaf.san_dns
    yield "URIs", leaf.san_uris
    yield "organisation", _organisation(leaf)
    yield from _qualified(leaf)
    yield "revocation lists", revocation_lists.points_of(certificate)
    yield "OCSP responders", revocation_answers.responders_of(certificate)


def _qualified(leaf: Leaf) -> Iterator[tuple[str, object]]:
    if leaf.qualified is None:
        return
    yield "qualified for", tuple(sorted(leaf.qualified.types))
    yield "PSD2 roles", leaf.qualified.psd2_roles
    authority = (leaf.qualified.authority_name, leaf.qualified.authority_id)
    yield "PSD2 authority", ", ".join(filter(None, authority))


def _name(name: reading.RawName) -> str:
    try:
        return text(holder.decode(name))
    except DnRefused as refused:
        return f"{text(holder.issuer_of(name))} ({refused})"


def _organisation(leaf: Leaf) -> str | None:
    values = [value for rdn in holder.issuer_of(leaf.subject) for oid, value in rdn if oid == "2.5.4.97"]
    found = organization_identifier.read(values[0]) if values else None
    return found.in_words() if found is not None else None


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
