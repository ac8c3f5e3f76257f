"""Keys that the directory took back from a TPP: neither a signature nor a connection may rest on one of them."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.checks import Gate, Judgement, gate
from dcrgw.core.registration.profile import Profile
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode

_SPEC = "RFC 8725 §3.8; OB Directory, software_jwks_revoked_endpoint and org_jwks_revoked_endpoint"
_CLAIMS = ("software_jwks_revoked_endpoint", "org_jwks_revoked_endpoint")

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
    findings = [TRANSPORT.failed("the client certificate's key is among the keys that the directory revoked")]
    if revoked.isdisjoint(certificate):
        findings = [TRANSPORT.passed]
    if signer is None:
        findings.append(signing_gate.skipped("nothing was signed"))
    elif signer in revoked:
        findings.append(signing_gate.failed("the key that signed is among the keys that the directory revoked"))
    else:
        findings.append(signing_gate.passed)
    return Judgement(tuple(findings), revoked)
