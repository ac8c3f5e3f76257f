"""Software statements: which issuer, proven by which key, saying what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from dcrgw.core.checks import Findings, Judgement
from dcrgw.core.jose.keys import KeySet
from dcrgw.core.jose.proving import SharedSecret, policy_of, prove
from dcrgw.core.jose.reader import ReadPolicy, Unverified, unverified_claims
from dcrgw.core.jose.reasons import JoseRefused
from dcrgw.core.market import Directory, Market
from dcrgw.core.registration import tokens
from dcrgw.core.registration.authorities import Authorisation, RegulatorEntry
from dcrgw.core.registration.dates import Window, numeric_date
from dcrgw.core.registration.envelope import Envelope
from dcrgw.core.registration.profile import Profile
from dcrgw.core.registration.statement_checks import (
    ISSUER_KNOWN,
    StatementClaims,
    judge_organisation,
    judge_origin,
    judge_software,
    judge_times,
)
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.values import lean

__all__ = ["Authorisation", "SoftwareStatement", "issuer", "jose_policy", "verify"]

MAX_STATEMENT_BYTES = 65_536


@lean
@dataclass(frozen=True, slots=True)
class SoftwareStatement:
    """A verified statement. `jws` is byte-identical to what was presented, `claims` are all of its claims as read."""

    iss: str
    iat: float | None
    exp: float | None
    jti: str | None
    software_id: str
    software_client_name: str | None
    software_roles: frozenset[str]
    software_redirect_uris: tuple[str, ...]
    software_jwks_endpoint: str | None
    software_jwks_revoked_endpoint: str | None
    software_environment: str | None
    software_mode: str | None
    org_id: str | None
    org_name: str | None
    org_status: str | None
    org_jwks_endpoint: str | None
    #: None when the statement carries no competent-authority claims.
    authorisations: tuple[Authorisation, ...] | None
    claims: Mapping[str, JsonValue] = field(repr=False)
    jws: str = field(repr=False)
    kid: str
    alg: str
    directory: str
    #: Under which ids regulators know the organisation; the active ones.
    regulator_entries: tuple[RegulatorEntry, ...] = ()


def jose_policy(profile: Profile) -> ReadPolicy:
    """Which tokens may be statements in this profile."""
    return _jose_policy(profile.statement.algorithms, profile.statement.types, MAX_STATEMENT_BYTES)


_jose_policy = lru_cache(maxsize=64)(policy_of)


def issuer(envelope: Envelope, market: Market) -> Judgement[Directory]:
    """The directory that the statement says it comes from: it only chooses the keys that must prove it.

    Raises: ValueError for an envelope without a statement.
    """
    if envelope.statement is None:
        raise ValueError("the request brings no software statement")
    findings = Findings()
    try:
        named = unverified_claims(envelope.statement).get("iss")
    except JoseRefused as fault:
        findings.add(tokens.STATEMENT.refused(fault))
        return findings.judgement()
    # Compared as it is: another letter case or a trailing blank is another issuer.
    directory = market.directory_of(named) if isinstance(named, str) else None
    findings.settle(ISSUER_KNOWN, None if directory else _issuer_fault(market))
    return findings.judgement(directory)


def _issuer_fault(market: Market) -> str:
    issuers = sorted(issuer for directory in market.directories.values() for issuer in directory.issuers)
    return f"software_statement: iss must be exactly {' or '.join(issuers)}"


def verify(
    unverified: Unverified,
    keys: KeySet | SharedSecret,
    directory: Directory,
    profile: Profile,
    market: Market,
    at: float,
    *,
    is_stored: bool = False,
) -> Judgement[SoftwareStatement]:
    """The statement, proven by the directory's keys first and judged by its claims then. `at` is epoch seconds.

    `is_stored` says that an update brings the very statement that the client has: then its age does not count.
    """
    findings = Findings()
    try:
        prove(unverified, keys, jose_policy(profile))
        found = unverified_claims(unverified)  # proven from here on
    except JoseRefused as fault:
        findings.add(tokens.STATEMENT.refused(fault))
        return findings.judgement()
    tokens.STATEMENT.note_passed(findings)
    statement = StatementClaims(found, profile.statement)
    judge_origin(statement, directory, market, findings)
    judge_times(statement, Window(at, market.leeway_s), findings, is_stored=is_stored)
    judge_software(statement, directory, findings)
    judge_organisation(statement, findings)
    if findings.has_failed:
        return findings.judgement()
    return findings.judgement(_statement(statement, unverified, directory))


def _statement(statement: StatementClaims, token: Unverified, directory: Directory) -> SoftwareStatement:
    """The value, once every check has passed."""
    authorisations, regulator_entries = statement.authorities or (None, ())
    jti = statement.all.get("jti")
    return SoftwareStatement(
        iss=str(statement.all["iss"]),
        iat=numeric_date(statement.all.get("iat")),
        exp=numeric_date(statement.all.get("exp")),
        jti=jti if isinstance(jti, str) else None,
        software_id=statement.text("software_id") or "",
        software_client_name=statement.text("software_client_name"),
        software_roles=statement.roles or frozenset(),
        software_redirect_uris=tuple(statement.words("software_redirect_uris")),
        software_jwks_endpoint=statement.text("software_jwks_endpoint"),
        software_jwks_revoked_endpoint=statement.text("software_jwks_revoked_endpoint"),
        software_environment=statement.text("software_environment"),
        software_mode=statement.text("software_mode"),
        org_id=statement.text("org_id"),
        org_name=statement.text("org_name"),
        org_status=statement.text("org_status"),
        org_jwks_endpoint=statement.text("org_jwks_endpoint"),
        authorisations=authorisations,
        claims=statement.all,
        jws=token.text,
        kid=token.header.kid,
        alg=token.header.alg,
        directory=directory.name,
        regulator_entries=regulator_entries,
    )
