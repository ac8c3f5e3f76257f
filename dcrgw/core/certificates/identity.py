"""Who holds the client certificate: one DER, one parser, one identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dcrgw.core.certificates import holder, leaf, names
from dcrgw.core.certificates import path as paths
from dcrgw.core.certificates.holder import CertificateKind
from dcrgw.core.certificates.leaf import LeafPolicy, LeafUnderPolicy
from dcrgw.core.certificates.names import Subject
from dcrgw.core.certificates.path import Path, PathRefused, TrustAnchors
from dcrgw.core.certificates.reading import CertificateRefused, Leaf, read
from dcrgw.core.checks import Findings, Judgement, gate
from dcrgw.errors import ErrorCode

__all__ = ["CertificateKind", "ClientIdentity", "LeafPolicy", "Subject", "identify", "matches_dn", "subject_key"]


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """What a client certificate proves, after its chain and its leaf were judged."""

    common_name: str
    subject: Subject
    kind: CertificateKind
    organizational_unit: str | None
    organization_identifier: str | None
    uid: str | None
    san_dns: tuple[str, ...]
    san_uris: tuple[str, ...]
    x5t_s256: str
    serial_number: int
    issuer: Subject
    not_before: float
    not_after: float
    #: RFC 4514 text of the subject, for people and logs; never parsed again.
    subject_dn: str
    #: PSP_AS, PSP_PI, PSP_AI, PSP_IC of the PSD2 statement; empty without one.
    psd2_roles: tuple[str, ...] = ()


PRESENT = gate(
    "tls.chain.present",
    "The connection shows a client certificate.",
    spec="RFC 8705 §2.1",
    code=ErrorCode.INVALID_CLIENT,
    status=401,
)


def identify(
    chain: Sequence[bytes],
    anchors: TrustAnchors,
    at: float,
    strategies: Mapping[str, str],
    policy: LeafPolicy = LeafPolicy(),  # noqa: B008 - frozen
) -> Judgement[ClientIdentity]:
    """The one identity that a connection's certificates prove in a market at `at` (epoch seconds).

    `chain` is the peer's, DER, leaf first; `strategies` the profile's `identity`: certificate kind -> what the
    subject identifies. All faults of leaf and path are found together; the subject is judged once those hold.
    """
    found = Findings()
    certificate = _leaf(chain, at, policy, found)
    if certificate is None:
        return found.judgement()
    path = _path(chain, anchors, at, leaf.dates(certificate, at) is None, found)
    if path is None or found.has_failed:
        return found.judgement()
    is_qualified = path.certificates[-1] in anchors.qualified_roots
    named = _identity(certificate, tuple(strategies.items()), policy, is_qualified)
    found.take(named.findings)
    return found.judgement(named.value)


def identify_leaf(
    chain: Sequence[bytes], at: float, strategies: Mapping[str, str], policy: LeafPolicy
) -> Judgement[ClientIdentity]:
    """The same of a leaf that nobody issued: what is left is what it says of itself."""
    found = Findings()
    certificate = _leaf(chain, at, policy, found)
    if certificate is None or found.has_failed:
        return found.judgement()
    named = _identity(certificate, tuple(strategies.items()), policy, False)
    found.take(named.findings)
    return found.judgement(named.value)


def _leaf(chain: Sequence[bytes], at: float, policy: LeafPolicy, found: Findings) -> Leaf | None:
    """The leaf, where it is there and can be read; its other faults are among what was found."""
    if not found.settle(PRESENT, None if chain else "the connection shows no client certificate"):
        return None
    try:
        certificate, of_leaf = _read(chain[0], policy)
    except CertificateRefused as error:
        found.add(leaf.READABLE.failed("the client certificate cannot be read", str(error)))
        return None
    found.settle(leaf.READABLE, None)
    found.settle(leaf.DATES, leaf.dates(certificate, at))
    found.take(of_leaf)
    return certificate


@lru_cache(maxsize=1024)
def subject_key(identity: ClientIdentity) -> str:
    """A digest (hex) of issuer and subject: stays the same over renewals, and tells who may ask again.

    Values count as they are, not as caseIgnoreMatch folds them: directory ids differ in letter case alone.
    """
    canonical = json.dumps([_sorted(identity.issuer), _sorted(identity.subject)], separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


_COMPARISONS = {"exact": names.same, "subset": names.subset}


def matches_dn(requested: str, identity: ClientIdentity, mode: str) -> bool:
    """Whether a tls_client_auth_subject_dn means this certificate's subject; `mode` is a profile's dn_match.

    Raises: DnRefused when `requested` is no distinguished name. Spec: RFC 8705 §2.1.2.
    """
    if requested == identity.subject_dn and mode in _COMPARISONS:
        return True  # the very text that we would write, as most TPPs send it: reading it back cost 20 us a request
    compare = _COMPARISONS[mode]
    return compare(names.parse(requested), names.of_subject(identity.subject))


# What does not depend on the time is judged once a certificate: a TPP keeps its connection and asks often.
@lru_cache(maxsize=1024)
def _read(der: bytes, policy: LeafPolicy) -> tuple[Leaf, Findings]:
    certificate = read(der)
    found = Findings()
    found.run(leaf.RULES, LeafUnderPolicy(certificate, policy))
    return certificate, found


def _path(chain: Sequence[bytes], anchors: TrustAnchors, at: float, is_timely: bool, found: Findings) -> Path | None:
    if not is_timely:
        found.add(paths.ANCHORED.skipped("no path is looked for while the leaf is outside its own dates"))
        return None
    try:
        path = paths.build(chain, anchors, at)
    except PathRefused as refusal:
        for finding in refusal.findings:
            found.add(finding)
        return None
    found.passed(paths.GATES)
    return path


@lru_cache(maxsize=1024)
def _identity(
    certificate: Leaf, strategies: tuple[tuple[str, str], ...], policy: LeafPolicy, is_qualified: bool
) -> Judgement[ClientIdentity]:
    named = holder.judge(certificate, dict(strategies), policy, is_qualified=is_qualified)
    if named.value is None:
        return Judgement(named.findings)
    subject = named.value.subject
    identity = ClientIdentity(
        common_name=named.value.common_name,
        subject=subject,
        kind=named.value.kind,
        organizational_unit=named.value.organizational_unit,
        organization_identifier=named.value.organization_identifier,
        uid=named.value.uid,
        san_dns=certificate.san_dns,
        san_uris=certificate.san_uris,
        x5t_s256=certificate.x5t_s256,
        serial_number=certificate.serial_number,
        issuer=holder.issuer_of(certificate.issuer),
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        subject_dn=names.text(subject),
        psd2_roles=certificate.qualified.psd2_roles if certificate.qualified else (),
    )
    return Judgement(named.findings, identity)


def _sorted(subject: Subject) -> list[list[tuple[str, str]]]:
    return [sorted(rdn) for rdn in subject]
