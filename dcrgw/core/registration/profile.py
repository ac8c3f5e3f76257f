"""The model of a market profile: what differs between OB UK 3.2, 3.3, 3.4 and plain RFC 7591 is data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StatementProfile:
    """Which software statements a market takes."""

    required: bool
    algorithms: frozenset[str]
    #: JOSE `typ` values taken beside an absent one, lower case.
    types: frozenset[str]
    #: Oldest `iat` taken, seconds; 0 when only `exp` limits the life.
    max_age_s: int
    expiry_required: bool
    single_use: bool
    #: Our field name of SoftwareStatement -> the claim's name in this market.
    claims: Mapping[str, str]
    #: Claims (market's names) without which a statement is refused.
    required_claims: tuple[str, ...]
    #: Values of software_environment / software_mode taken; empty means any.
    environments: frozenset[str]
    modes: frozenset[str]


@dataclass(frozen=True, slots=True)
class RequestProfile:
    """Which registration requests a market takes."""

    #: Media types of a signed request, lower case; empty when requests are not signed.
    jws_media_types: frozenset[str]
    #: Media types of a plain JSON request.
    json_media_types: frozenset[str]
    algorithms: frozenset[str]
    types: frozenset[str]
    max_lifetime_s: int
    #: Longest `iss` and software_id.
    issuer_max_length: int
    issuer_is_software_id: bool
    audience_required: bool


@dataclass(frozen=True, slots=True)
class MetadataProfile:
    """Which client metadata a market takes, and what it fills in."""

    #: Members that must be present in the request.
    required: tuple[str, ...]
    defaults: Mapping[str, object]
    auth_methods: frozenset[str]
    #: Auth methods whose clients must name token_endpoint_auth_signing_alg.
    auth_methods_needing_alg: frozenset[str]
    grant_types: frozenset[str]
    response_types: frozenset[str]
    application_types: frozenset[str]
    #: For id_token_signed_response_alg, request_object_signing_alg, token_endpoint_auth_signing_alg and CIBA's.
    signing_algorithms: frozenset[str]
    subject_dn_max_length: int
    subject_dn_must_start_with: str
    #: exact or subset (RFC 4517 distinguishedNameMatch, or the immutable part over renewals).
    dn_match: str
    #: statement: a requested URI is one of the statement's; none: the statement names none.
    redirect_uris_within_statement: bool
    redirect_uris_default_to_statement: bool
    redirect_uri_max_length: int
    scope_max_length: int
    #: role -> scopes that it allows; empty means that roles do not limit scopes.
    role_scopes: Mapping[str, frozenset[str]]
    #: Scopes always allowed (openid).
    free_scopes: frozenset[str]
    jwks_by_value: bool
    #: Metadata members offered at all; others are dropped (RFC 7591 §2).
    members: frozenset[str]
    #: Member -> SoftwareStatement field that wins over the request (RFC 7591 §3.1.1).
    from_statement: Mapping[str, str]
    ciba: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """A market profile. `name` is as written in configuration: obuk-3.2, obuk-3.3, obuk-3.4, rfc7591."""

    name: str
    title: str
    statement: StatementProfile
    request: RequestProfile
    metadata: MetadataProfile
    #: Certificate kind -> strategy: "cn=software_id,ou=org_id" | "cn=org_id" | "none". A kind not named is refused.
    identity: Mapping[str, str]
    #: required: the directory is asked about the TPP; off: it is not.
    standing: str
    #: Member states whose competent-authority authorisations count (`GB` and `GBR` are one); empty: none are compared.
    member_states: frozenset[str]
    #: In the answer: statement claims are flattened to the top level (OB UK §1.8).
    flatten_statement: bool
