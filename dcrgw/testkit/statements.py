"""Claims of software statements and registration requests, right ones; a caller names only what shall differ.

Nothing is signed here (`testkit.keys` does that) and no clock is read: `at` is epoch seconds.
In every builder a change of None leaves that claim out; `NULL` puts a JSON null in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from dcrgw.core.strict_json import JsonValue

NOW = 1_795_000_000
ISSUER = "OpenBanking Ltd"
SOFTWARE_ID = "4Zq1m8TnS8xQe7YtB0bK9a"
ORG_ID = "0015800000TPPAAAA1"
BANK_ORG_ID = "0015800000BANKAAA1"
KEYSTORE = "https://localhost:9443"


@dataclass(frozen=True, slots=True)
class Null:
    """The type of `NULL`."""


#: A change that puts a JSON null where a Python None would remove the claim.
NULL = Null()

Change = JsonValue | Null
Claims = dict[str, JsonValue]


def changed(claims: Claims, changes: dict[str, Change]) -> Claims:
    """`claims` with `changes` made: None removes, `NULL` is null, everything else replaces or adds."""
    result = dict(claims)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = None if isinstance(value, Null) else value
    return result


def software_jwks_url(org_id: str = ORG_ID, software_id: str = SOFTWARE_ID, keystore: str = KEYSTORE) -> str:
    """Where an OB UK directory publishes the keys of one software."""
    return f"{keystore}/{org_id}/{software_id}.jwks"


def fresh_jti(seed: str) -> str:
    """A UUID of version 4 form, the same for the same `seed`."""
    digits = uuid5(NAMESPACE_URL, seed).hex
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def statement_claims(
    *,
    at: float = NOW,
    software_id: str = SOFTWARE_ID,
    org_id: str = ORG_ID,
    keystore: str = KEYSTORE,
    **changes: Change,
) -> Claims:
    """An OB UK software statement issued at `at`; claims made of the ids follow them."""
    claims: Claims = {
        "iss": ISSUER,
        "iat": int(at),
        "jti": fresh_jti(f"statement {software_id} {at}"),
        "software_id": software_id,
        "software_client_id": software_id,
        "software_client_name": "Example Accounts",
        "software_client_description": "Account overview",
        "software_client_uri": "https://tpp.example",
        "software_version": "1.2",
        "software_environment": "sandbox",
        "software_mode": "Test",
        "software_roles": ["AISP", "PISP"],
        "software_redirect_uris": ["https://tpp.example/cb", "https://tpp.example/cb2"],
        "software_jwks_endpoint": software_jwks_url(org_id, software_id, keystore),
        "software_jwks_revoked_endpoint": f"{keystore}/{org_id}/revoked/{software_id}.jwks",
        "software_logo_uri": "https://tpp.example/logo.png",
        "software_policy_uri": "https://tpp.example/policy",
        "software_tos_uri": "https://tpp.example/tos",
        "software_on_behalf_of_org": None,
        "org_id": org_id,
        "org_name": "Example TPP Ltd",
        "org_status": "Active",
        "org_contacts": [
            {"name": "Technical", "email": "ops@tpp.example", "phone": "+440000000000", "type": "Technical"}
        ],
        "org_jwks_endpoint": f"{keystore}/{org_id}/{org_id}.jwks",
        "org_jwks_revoked_endpoint": f"{keystore}/{org_id}/revoked/{org_id}.jwks",
        "organisation_competent_authority_claims": {
            "authority_id": "FCAGBR",
            "registration_id": "900001",
            "status": "Active",
            "authorisations": [{"member_state": "GB", "roles": ["AISP", "PISP"]}],
        },
    }
    return changed(claims, changes)


def request_claims(
    software_statement: str | None,
    /,
    *,
    at: float = NOW,
    software_id: str = SOFTWARE_ID,
    org_id: str = ORG_ID,
    audience: str = BANK_ORG_ID,
    **changes: Change,
) -> Claims:
    """An OB UK registration request (3.2 and later) of a tls_client_auth client, made at `at`.

    The subject DN is that of an OBTransport certificate of the same ids; change it for other kinds.
    """
    claims: Claims = {
        "iss": software_id,
        "aud": audience,
        "iat": int(at),
        "exp": int(at) + 300,
        "jti": fresh_jti(f"request {software_id} {at}"),
        "software_id": software_id,
        "redirect_uris": ["https://tpp.example/cb"],
        "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_subject_dn": f"CN={software_id},OU={org_id},O=OpenBanking,C=GB",
        "grant_types": ["client_credentials", "authorization_code", "refresh_token"],
        "response_types": ["code id_token"],
        "application_type": "web",
        "scope": "openid accounts payments",
        "id_token_signed_response_alg": "PS256",
        "request_object_signing_alg": "PS256",
    }
    if software_statement is not None:
        claims["software_statement"] = software_statement
    return changed(claims, changes)


def rfc7591_statement_claims(
    *, at: float = NOW, issuer: str = "https://directory.example", **changes: Change
) -> Claims:
    """A software statement in the un-prefixed names of RFC 7591, with an expiry."""
    claims: Claims = {
        "iss": issuer,
        "iat": int(at),
        "exp": int(at) + 600,
        "jti": fresh_jti(f"statement {issuer} {at}"),
        "software_id": "4NRB1-0XZABZI9E6-5SM3R",
        "software_version": "2.0",
        "client_name": "Example Client",
        "client_uri": "https://client.example/",
        "redirect_uris": ["https://client.example/cb", "https://client.example/cb2"],
    }
    return changed(claims, changes)


BRAZIL_ISSUER = "Open Banking Open Banking Brasil sandbox SSA issuer"
BRAZIL_SOFTWARE_ID = "25556d5a-b9dd-4e27-aa1a-cce732fe74de"
BRAZIL_ORG_ID = "b961c4eb-509d-4edf-afeb-35642b38185d"


def brazil_statement_claims(
    *,
    at: float = NOW,
    software_id: str = BRAZIL_SOFTWARE_ID,
    org_id: str = BRAZIL_ORG_ID,
    keystore: str = KEYSTORE,
    roles: Sequence[str] = ("DADOS", "PAGTO"),
    **changes: Change,
) -> Claims:
    """An Open Finance Brasil software statement issued at `at`; claims made of the ids follow them."""
    keys = f"{keystore}/{org_id}"
    claims: Claims = {
        "iss": BRAZIL_ISSUER,
        "iat": int(at),
        "jti": fresh_jti(f"statement {software_id} {at}"),
        "software_id": software_id,
        "software_client_id": software_id,
        "software_client_name": "Exemplo Contas",
        "software_client_description": "Contas em um lugar",
        "software_client_uri": "https://tpp.example",
        "software_version": 1.1,
        "software_environment": "sandbox",
        "software_mode": "Test",
        "software_roles": list(roles),
        "software_statement_roles": [
            {"role": role, "authorisation_domain": "Open Banking", "status": "Active"} for role in roles
        ],
        "software_redirect_uris": ["https://tpp.example/cb", "https://tpp.example/cb2"],
        "software_jwks_uri": f"{keys}/{software_id}.jwks",
        "software_jwks_inactive_uri": f"{keys}/revoked/{software_id}.jwks",
        "software_jwks_transport_uri": f"{keys}/{software_id}/transport.jwks",
        "software_jwks_transport_inactive_uri": f"{keys}/revoked/{software_id}/transport.jwks",
        "software_logo_uri": "https://tpp.example/logo.png",
        "software_policy_uri": "https://tpp.example/policy",
        "software_tos_uri": "https://tpp.example/tos",
        "org_id": org_id,
        "org_name": "Exemplo Pagamentos Ltda",
        "org_number": "43142666000197",
        "org_status": "Active",
        "organisation_competent_authority_claims": [
            {
                "authorisation_domain": "Open Banking",
                "authorisations": [],
                "registration_id": f"43142666-OBB-{role}",
                "authority_id": "687a1c94-b360-4e04-9589-0fa5cb16451b",
                "authority_code": "BCB",
                "authorisation_role": role,
                "status": "Active",
            }
            for role in roles
        ],
    }
    return changed(claims, changes)


def brazil_request_claims(software_statement: str | None = None, /, **changes: Change) -> Claims:
    """The members of an Open Finance Brasil registration request: a plain JSON object."""
    members: Claims = {
        "redirect_uris": ["https://tpp.example/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "PS256",
        "grant_types": ["client_credentials", "authorization_code", "refresh_token", "implicit"],
        "response_types": ["code id_token"],
    }
    if software_statement is not None:
        members["software_statement"] = software_statement
    return changed(members, changes)


CDR_ISSUER = "cdr-register"
CDR_SOFTWARE_ID = "740c368f-ecf9-4d29-a2ea-0514a66b0cd4"
CDR_ORG_ID = "3b0b0a7b-3e7b-4a2c-9497-e357a71d07c8"
CDR_SCOPE = (
    "openid profile bank:accounts.basic:read bank:accounts.detail:read bank:transactions:read "
    "common:customer.basic:read cdr:registration"
)


def cdr_statement_claims(
    *,
    at: float = NOW,
    software_id: str = CDR_SOFTWARE_ID,
    org_id: str = CDR_ORG_ID,
    keystore: str = KEYSTORE,
    **changes: Change,
) -> Claims:
    """A software statement of the CDR Register, issued at `at` for ten minutes: the un-prefixed names of RFC 7591."""
    claims: Claims = {
        "iss": CDR_ISSUER,
        "iat": int(at),
        "exp": int(at) + 600,
        "jti": fresh_jti(f"statement {software_id} {at}"),
        "legal_entity_id": "344289f8-4d33-4a6c-8c72-1f1f0a7e1d9a",
        "legal_entity_name": "Example Budgets Pty Ltd",
        "org_id": org_id,
        "org_name": "Example Budgets",
        "client_name": "Example Budgets App",
        "client_description": "All accounts in one place",
        "client_uri": "https://tpp.example",
        "redirect_uris": ["https://tpp.example/cb", "https://tpp.example/cb2"],
        "logo_uri": "https://tpp.example/logo.png",
        "tos_uri": "https://tpp.example/tos",
        "policy_uri": "https://tpp.example/policy",
        "jwks_uri": f"{keystore}/{org_id}/{software_id}.jwks",
        "revocation_uri": "https://tpp.example/revocation",
        "recipient_base_uri": "https://tpp.example",
        "software_id": software_id,
        "software_roles": "data-recipient-software-product",
        "scope": CDR_SCOPE,
    }
    return changed(claims, changes)


def cdr_request_claims(
    software_statement: str | None,
    /,
    *,
    at: float = NOW,
    software_id: str = CDR_SOFTWARE_ID,
    audience: str = "https://bank.example",
    **changes: Change,
) -> Claims:
    """A CDR registration request, made at `at`: `audience` is the data holder's issuer."""
    claims: Claims = {
        "iss": software_id,
        "aud": audience,
        "iat": int(at),
        "exp": int(at) + 300,
        "jti": fresh_jti(f"request {software_id} {at}"),
        "redirect_uris": ["https://tpp.example/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "PS256",
        "grant_types": ["client_credentials", "authorization_code", "refresh_token"],
        "response_types": ["code"],
        "application_type": "web",
        "id_token_signed_response_alg": "PS256",
        "authorization_signed_response_alg": "PS256",
        "request_object_signing_alg": "PS256",
    }
    if software_statement is not None:
        claims["software_statement"] = software_statement
    return changed(claims, changes)


def rfc7591_request_claims(software_statement: str | None = None, /, **changes: Change) -> Claims:
    """The members of a plain JSON registration request (RFC 7591 §3.1)."""
    members: Claims = {
        "redirect_uris": ["https://client.example/cb"],
        "client_name": "My Example Client",
        "client_name#ja-Jpan-JP": "クライアント名",
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile",
    }
    if software_statement is not None:
        members["software_statement"] = software_statement
    return changed(members, changes)
