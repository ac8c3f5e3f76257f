"""Keys that the directory took back from a TPP: neither a signature nor a connection may rest on one of them."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.checks import Findings, Gate, Judgement, gate
from dcrgw.core.registration.profile import Profile
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode

_SPEC = "RFC 8725 §3.8; OB Directory, software_jwks_revoked_endpoint and org_jwks_revoked_endpoint"
_CLAIMS = ("software_jwks_revoked_endpoint", "org_jwks_revoked_endpoint")

STATEMENT_KEY = gate(
    "keys.statement.not_revoked",
    "The directory has not taken back the key of its own that signed the software statement.",
    spec="RFC 8725 §3.8; OB Directory, key store",
    code=ErrorCode.INVALID_SOFTWARE_STATEMENT,
)
TRANSPORT = gate(
    "keys.transport.not_revoked",
    "The directory has not taken back the client certificate or its key.",
    spec=_SPEC,
    code=ErrorCode.INVALID_CLIENT,
    status=401,
)
REQUEST_KEY = gate(
    "keys.request.not_revoked",
    "The directory has not taken back the key that signed the request.",
    spec=_SPEC,
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
ASSERTION_KEY = gate(
    "keys.assertion.not_revoked",
    "The directory has not taken back the key that signed the assertion.",
    spec=_SPEC,
    code=ErrorCode.INVALID_CLIENT,
    status=401,
)


def endpoints(claims: Mapping[str, JsonValue], profile: Profile) -> tuple[str, ...]:
    """Where a proven statement says that the keys which were taken back are published."""
    named = (claims.get(profile.statement.claims.get(name, "")) for name in _CLAIMS)
    return tuple(url for url in named if isinstance(url, str) and url)


def judge(
    revoked: frozenset[str], certificate: frozenset[str], signer: str | None, signing_gate: Gate
) -> Judgement[frozenset[str]]:
    """Whether one of `revoked` is in use: by the connection's `certificate` (prints), or as `signer` (thumbprint)."""
    findings = Findings()
    held = "the client certificate's key is among the keys that the directory revoked"
    findings.settle(TRANSPORT, None if revoked.isdisjoint(certificate) else held)
    if signer is None:
        findings.add(signing_gate.skipped("nothing was signed"))
    else:
        signed = "the key that signed is among the keys that the directory revoked"
        findings.settle(signing_gate, signed if signer in revoked else None)
    return findings.judgement(revoked)


def judge_statement(revoked: frozenset[str], signer: str | None) -> Judgement[frozenset[str]]:
    """Whether the directory took back the key of its own (thumbprint) that proved a statement."""
    findings = Findings()
    held = "the key that signed the software statement is among those that the directory revoked"
    findings.settle(STATEMENT_KEY, held if signer in revoked else None)
    return findings.judgement(revoked)


def not_asked() -> Judgement[frozenset[str]]:
    """For a market that asks for no revoked keys, and for a client of no directory."""
    findings = Findings()
    findings.add(TRANSPORT.skipped("this market asks for no revoked keys"))
    return findings.judgement(frozenset())
