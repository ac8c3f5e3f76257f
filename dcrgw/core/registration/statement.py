"""Software statements: which issuer, proven by which key, saying what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcrgw.core.strict_json import JsonValue


@dataclass(frozen=True, slots=True)
class Authorisation:
    """One competent-authority authorisation: the regulator lets the organisation act in this role there."""

    member_state: str
    roles: frozenset[str]
    active: bool = True


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
    claims: Mapping[str, JsonValue]
    jws: str
    kid: str
    alg: str
    directory: str
