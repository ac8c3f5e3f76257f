"""The registration that cases are made of: a right one of an OB UK TPP. A case says only what differs from it.

Nothing here proves anything: the statement's signature is none, and the certificates' keys were thrown away.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib import resources
from typing import Any

from dcrgw.core.certificates import holder, names
from dcrgw.core.certificates.identity import CertificateKind, ClientIdentity
from dcrgw.core.certificates.leaf import LeafPolicy
from dcrgw.core.certificates.reading import CertificateRefused, read
from dcrgw.core.jose import base64url
from dcrgw.core.registration.members import MEMBERS
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.core.scripts.cases import ScriptCase, Table
from dcrgw.core.strict_json import JsonValue
from dcrgw.ports.scripts import ScriptCall

#: What a case's `certificate.kind` may be.
KINDS = ("obtransport", "obwac", "qwac", "brcac")
#: The time of the sample, epoch seconds.
AT = 1_795_000_000

SOFTWARE_ID, ORG_ID = "4Zq1m8TnS8xQe7YtB0bK9a", "0015800000TPPAAAA1"
_KEYSTORE = "https://keystore.directory.example"

STATEMENT: Mapping[str, JsonValue] = {
    "iss": "OpenBanking Ltd",
    "iat": AT,
    "jti": "7a1f0c0e-5d0b-4b55-a6f4-1c6d4c1f5d11",
    "software_id": SOFTWARE_ID,
    "software_client_name": "Example Accounts",
    "software_client_uri": "https://tpp.example",
    "software_environment": "sandbox",
    "software_mode": "Test",
    "software_roles": ["AISP", "PISP"],
    "software_redirect_uris": ["https://tpp.example/cb", "https://tpp.example/cb2"],
    "software_jwks_endpoint": f"{_KEYSTORE}/{ORG_ID}/{SOFTWARE_ID}.jwks",
    "software_jwks_revoked_endpoint": f"{_KEYSTORE}/{ORG_ID}/revoked/{SOFTWARE_ID}.jwks",
    "software_logo_uri": "https://tpp.example/logo.png",
    "software_policy_uri": "https://tpp.example/policy",
    "software_tos_uri": "https://tpp.example/tos",
    "org_id": ORG_ID,
    "org_name": "Example TPP Ltd",
    "org_status": "Active",
    "org_jwks_endpoint": f"{_KEYSTORE}/{ORG_ID}/{ORG_ID}.jwks",
    "organisation_competent_authority_claims": {
        "authority_id": "FCAGBR",
        "registration_id": "900001",
        "status": "Active",
        "authorisations": [{"member_state": "GB", "roles": ["AISP", "PISP"]}],
    },
}
REQUEST: Mapping[str, JsonValue] = {
    "iss": SOFTWARE_ID,
    "aud": "0015800000BANKAAA1",
    "iat": AT,
    "exp": AT + 300,
    "jti": "0b6f4a2e-9e62-4f43-8f6b-1f2c6a3f0c22",
    "software_id": SOFTWARE_ID,
    "redirect_uris": ["https://tpp.example/cb"],
    "token_endpoint_auth_method": "tls_client_auth",
    "grant_types": ["client_credentials", "authorization_code", "refresh_token"],
    "response_types": ["code id_token"],
    "application_type": "web",
    "scope": "openid accounts payments",
    "id_token_signed_response_alg": "PS256",
    "request_object_signing_alg": "PS256",
}
#: What a case's `client` may say.
CLIENT_MEMBERS = frozenset({"client_id", "attributes", "metadata", "market"})


def call_of(case: ScriptCase) -> ScriptCall:
    """The registration that a case describes. Raises: ValueError for what it cannot be."""
    der = certificate_of(case)
    claims = _with(STATEMENT, case.statement, case, "statement")
    signed = _unsigned(claims) if claims is not None else None
    identity = identity_of(der)
    sample = {**REQUEST, "tls_client_auth_subject_dn": identity.subject_dn}
    request = _with(sample, case.request, case, "request") or {}
    if signed is not None:
        request = {**request, "software_statement": signed}
    if unknown := sorted(case.client.keys() - CLIENT_MEMBERS):
        raise ValueError(f"client.{unknown[0]} is none of {', '.join(sorted(CLIENT_MEMBERS))}")
    metadata = {name: value for name, value in request.items() if name in MEMBERS}
    return ScriptCall(
        market=str(case.client.get("market", "sample")),
        identity=identity,
        certificate=der,
        statement=None if claims is None else _statement(claims, signed or ""),
        metadata=ClientMetadata({**metadata, **_table(case.client, "metadata")}),
        request_claims=request,
        client_id=str(case.client.get("client_id", "d6f1c9a2-sample-client")),
        attributes=_table(case.client, "attributes"),
    )


def certificate_of(case: ScriptCase) -> bytes:
    """The caller's certificate, DER. Raises: ValueError."""
    pem, kind = case.certificate.get("pem"), case.certificate.get("kind", "obtransport")
    if pem is None and kind not in KINDS:
        raise ValueError(f"certificate.kind is none of {', '.join(KINDS)}")
    try:
        return ssl.PEM_cert_to_DER_cert(_sample(str(kind)) if pem is None else str(pem).strip())
    except ValueError:
        raise ValueError("the certificate is not PEM") from None


@cache
def identity_of(der: bytes) -> ClientIdentity:
    """What the gateway would tell of a certificate's holder. Raises: ValueError for one that it would not take."""
    try:
        leaf = read(der)
    except CertificateRefused as refused:
        raise ValueError(f"the certificate cannot be read: {refused}") from None
    judged = holder.judge(leaf, {kind.value: "none" for kind in CertificateKind}, LeafPolicy()).value
    if judged is None:
        raise ValueError("the certificate's subject names nobody whom the gateway would take")
    return ClientIdentity(
        common_name=judged.common_name,
        subject=judged.subject,
        kind=judged.kind,
        organizational_unit=judged.organizational_unit,
        organization_identifier=judged.organization_identifier,
        uid=judged.uid,
        san_dns=leaf.san_dns,
        san_uris=leaf.san_uris,
        x5t_s256=leaf.x5t_s256,
        serial_number=leaf.serial_number,
        issuer=holder.issuer_of(leaf.issuer),
        not_before=leaf.not_before,
        not_after=leaf.not_after,
        subject_dn=names.text(judged.subject),
        psd2_roles=leaf.qualified.psd2_roles if leaf.qualified else (),
    )


@cache
def _sample(kind: str) -> str:
    return (resources.files(__name__) / f"{kind}.pem").read_text(encoding="ascii")


def _with(sample: Table, changes: Table | None, case: ScriptCase, name: str) -> dict[str, JsonValue] | None:
    if changes is None:
        return None
    left_out = {each.partition(".")[2] for each in case.without if each.startswith(f"{name}.")}
    return {key: value for key, value in {**sample, **changes}.items() if key not in left_out}


def _unsigned(claims: Table) -> str:
    """A statement's text as a script may see it; nobody signed it."""
    header = {"alg": "PS256", "kid": "sample", "typ": "JWT"}
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in (header, claims)]
    return ".".join(base64url.encode(part) for part in (*parts, b"sample, not signed"))


_TEXTS = [field.name for field in fields(SoftwareStatement) if field.type == "str | None"]


def _statement(claims: Mapping[str, Any], jws: str) -> SoftwareStatement:
    texts: dict[str, Any] = {name: claims[name] if isinstance(claims.get(name), str) else None for name in _TEXTS}
    return SoftwareStatement(
        **texts,
        iss=str(claims.get("iss", "")),
        iat=claims.get("iat"),
        exp=claims.get("exp"),
        software_id=str(claims.get("software_id", "")),
        software_roles=frozenset(map(str, claims.get("software_roles") or ())),
        software_redirect_uris=tuple(map(str, claims.get("software_redirect_uris") or ())),
        authorisations=None,
        claims=dict(claims),
        jws=jws,
        kid="sample",
        alg="PS256",
        directory="sample",
    )


def _table(given: Table, name: str) -> Mapping[str, JsonValue]:
    value = given.get(name)
    return value if isinstance(value, Mapping) else {}
