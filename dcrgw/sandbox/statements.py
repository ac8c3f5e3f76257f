"""Mints software statements: right by default, wrong as ordered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from uuid import uuid4

from dcrgw.core.jose import base64url
from dcrgw.core.jose.algorithms import fitting
from dcrgw.sandbox.world import Organisation, Software, World
from dcrgw.testkit.keys import SigningKey
from dcrgw.testkit.statements import (
    brazil_statement_claims,
    cdr_statement_claims,
    rfc7591_statement_claims,
    statement_claims,
)

#: How long a statement with an expiry lives.
LIFE_S = 30 * 24 * 3600


class Naming(StrEnum):
    """How a market's statements name their claims."""

    OB_UK = "obuk"
    RFC7591 = "rfc7591"
    BRAZIL = "brazil"
    CDR = "cdr"


class WhichKey(StrEnum):
    """Which key signs."""

    CURRENT = "current"
    #: The key before the current one; rotate with `keep_old` false and it is published no more.
    RETIRED = "retired"
    #: A stranger's key under the kid of the current one, so that only the signature gives it away.
    FOREIGN = "foreign"


class NoSuchKey(LookupError):
    """There never was a key of that sort."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to mint. A None among `claims` or `header` leaves that member out; raw bytes are signed as they are."""

    software_id: str
    naming: Naming = Naming.OB_UK
    claims: Mapping[str, Any] = field(default_factory=dict)
    header: Mapping[str, Any] = field(default_factory=dict)
    key: WhichKey = WhichKey.CURRENT
    raw: bytes | None = None
    raw_header: bytes | None = None


@dataclass(frozen=True, slots=True)
class Minted:
    """A statement; `claims` is None where raw bytes were signed."""

    statement: str
    claims: dict[str, Any] | None


def mint(world: World, order: Order, *, keystore: str, at: float) -> Minted:
    """A statement about one software, as the directory knows it `at` (epoch seconds).

    Raises: UnknownSoftware; NoSuchKey.
    """
    software = world.software_of(order.software_id)
    key = _key(world, order.key)
    header = {"typ": "JWT", "alg": key.alg, "kid": key.kid, **order.header}
    head = order.raw_header
    if head is None:
        head = _json({name: value for name, value in header.items() if value is not None})
    if order.raw is not None:
        return Minted(_signed(key, head, order.raw, header["alg"]), None)
    organisation = world.organisation(software.org_id)
    claims = _CLAIMS[order.naming](world, software, organisation, keystore, at)
    claims.update(order.claims)
    claims = {name: value for name, value in claims.items() if not (name in order.claims and value is None)}
    return Minted(_signed(key, head, _json(claims), header["alg"]), claims)


def _key(world: World, which: WhichKey) -> SigningKey:
    if which is WhichKey.FOREIGN:
        return replace(world.foreign_key, kid=world.keys.current.kid)
    key = world.keys.current if which is WhichKey.CURRENT else world.keys.last
    if key is None:
        raise NoSuchKey("the directory has no retired key; rotate first")
    return key


def _signed(key: SigningKey, header: bytes, payload: bytes, alg: object) -> str:
    """Signed by the algorithm that the header names where the key can, by the key's own where it cannot."""
    if alg == "none":
        return f"{base64url.encode(header)}.{base64url.encode(payload)}."
    if isinstance(alg, str) and alg in fitting(key.private_key.public_key()):
        key = replace(key, alg=alg)
    return key.sign_raw(header, payload)


def _ob_uk(world: World, software: Software, organisation: Organisation, keystore: str, at: float) -> dict[str, Any]:
    return statement_claims(
        at=at,
        software_id=software.software_id,
        org_id=software.org_id,
        keystore=keystore,
        iss=world.issuer,
        jti=str(uuid4()),
        software_client_name=software.client_name,
        software_mode=software.mode,
        software_roles=list(software.roles),
        software_redirect_uris=list(software.redirect_uris),
        org_name=organisation.org_name,
        org_status=organisation.status,
        organisation_competent_authority_claims={
            "authority_id": "FCAGBR",
            "registration_id": organisation.registration_id,
            "status": "Active",
            "authorisations": [{"member_state": "GB", "roles": list(organisation.roles)}],
        },
    )


def _rfc7591(world: World, software: Software, organisation: Organisation, keystore: str, at: float) -> dict[str, Any]:
    return rfc7591_statement_claims(
        at=at,
        issuer=world.issuer,
        exp=int(at) + LIFE_S,
        jti=str(uuid4()),
        software_id=software.software_id,
        client_name=software.client_name,
        redirect_uris=list(software.redirect_uris),
        jwks_uri=f"{keystore}/{software.org_id}/{software.software_id}.jwks",
        org_id=organisation.org_id,
        org_name=organisation.org_name,
        org_status=organisation.status,
        software_roles=list(software.roles),
    )


def _brazil(world: World, software: Software, organisation: Organisation, keystore: str, at: float) -> dict[str, Any]:
    return brazil_statement_claims(
        at=at,
        software_id=software.software_id,
        org_id=software.org_id,
        keystore=keystore,
        roles=software.roles,
        iss=world.issuer,
        jti=str(uuid4()),
        software_client_name=software.client_name,
        software_mode=software.mode,
        software_redirect_uris=list(software.redirect_uris),
        org_name=organisation.org_name,
        org_status=organisation.status,
    )


def _cdr(world: World, software: Software, organisation: Organisation, keystore: str, at: float) -> dict[str, Any]:
    return cdr_statement_claims(
        at=at,
        software_id=software.software_id,
        org_id=software.org_id,
        keystore=keystore,
        iss=world.issuer,
        exp=int(at) + LIFE_S,
        jti=str(uuid4()),
        legal_entity_id=organisation.legal_entity_id,
        legal_entity_name=organisation.org_name,
        org_name=organisation.org_name,
        client_name=software.client_name,
        redirect_uris=list(software.redirect_uris),
    )


_CLAIMS: Mapping[Naming, Callable[[World, Software, Organisation, str, float], dict[str, Any]]] = {
    Naming.OB_UK: _ob_uk,
    Naming.RFC7591: _rfc7591,
    Naming.BRAZIL: _brazil,
    Naming.CDR: _cdr,
}


def _json(members: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(members), separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
