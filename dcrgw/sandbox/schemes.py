"""The trust frameworks beside the OB UK directory: what each one's directory is like, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from dcrgw.sandbox.world import PSD2_ROLES, Organisation, Software, World, new_org_id, new_software_id
from dcrgw.testkit.brazilian_names import brazilian_dn
from dcrgw.testkit.certificates import Issued


@dataclass(frozen=True, slots=True)
class Scheme:
    """One trust framework. `name` is its directory's in the gateway's configuration."""

    name: str
    #: The exact `iss` of its statements.
    issuer: str
    #: Where the directory publishes its own keys.
    keys_path: str
    #: Kinds of a TPP's transport certificate and of the certificate of its signing key.
    certificate: str
    signing_certificate: str
    #: Roles that a regulator gives an organisation, and those of its software, unless a test says otherwise.
    organisation_roles: tuple[str, ...]
    roles: tuple[str, ...]
    #: The directory's kind in the gateway's configuration; where it publishes its list, and what stands there.
    kind: str = "scim"
    list_path: str | None = None
    listed: Callable[[World], Any] | None = None
    new_org_id: Callable[[], str] = new_org_id
    new_software_id: Callable[[], str] = new_software_id
    #: The subject of a TPP's certificate as its market's requests write it.
    subject_dn: Callable[[Issued], str] = lambda issued: issued.subject_dn


def _uuid() -> str:
    return str(uuid4())


def participants(world: World) -> list[Mapping[str, Any]]:
    """Open Finance Brasil's list of participants: organisations and their regulatory roles, no software."""
    return [_participant(each) for each in world.organisations.values()]


def _participant(organisation: Organisation) -> Mapping[str, Any]:
    return {
        "OrganisationId": organisation.org_id,
        "OrganisationName": organisation.org_name,
        "Status": organisation.status,
        "RegistrationNumber": organisation.registration_id,
        "OrgDomainRoleClaims": [
            {
                "OrganisationId": organisation.org_id,
                "AuthorisationDomain": "Open Banking",
                "AuthorisationDomainName": "Open Banking",
                "Role": role,
                "Status": "Active",
            }
            for role in organisation.roles
        ],
        "AuthorisationServers": [],
    }


def data_recipients(world: World) -> Mapping[str, Any]:
    """The CDR Register's data recipients: an organisation here is a brand, of a data recipient of its own."""
    return {"data": [_data_recipient(each, world) for each in world.organisations.values()]}


def _data_recipient(organisation: Organisation, world: World) -> Mapping[str, Any]:
    status = organisation.status.upper()
    return {
        "legalEntityId": organisation.legal_entity_id,
        "legalEntityName": organisation.org_name,
        "status": status,
        "dataRecipientBrands": [
            {
                "dataRecipientBrandId": organisation.org_id,
                "brandName": organisation.org_name,
                "status": status,
                "softwareProducts": [_software_product(each) for each in world.products_of(organisation.org_id)],
            }
        ],
    }


def _software_product(software: Software) -> Mapping[str, Any]:
    return {
        "softwareProductId": software.software_id,
        "softwareProductName": software.client_name,
        "status": "ACTIVE" if software.active else "INACTIVE",
    }


UK = Scheme(
    name="primary",
    issuer="OpenBanking Ltd",
    keys_path="/keystore/openbanking.jwks",
    certificate="obtransport",
    signing_certificate="obsigning",
    organisation_roles=PSD2_ROLES,
    roles=("AISP", "PISP"),
)
BRAZIL = Scheme(
    name="brazil",
    issuer="Open Banking Open Banking Brasil sandbox SSA issuer",
    keys_path="/openbanking.jwks",
    certificate="brcac",
    signing_certificate="brseal",
    organisation_roles=("DADOS", "PAGTO"),
    roles=("DADOS", "PAGTO"),
    kind="participants",
    list_path="/participants",
    listed=participants,
    new_org_id=_uuid,
    new_software_id=_uuid,
    subject_dn=lambda issued: brazilian_dn(issued.der),
)
AUSTRALIA = Scheme(
    name="cdr",
    issuer="cdr-register",
    keys_path="/cdr-register/v1/jwks",
    certificate="cdr",
    signing_certificate="cdr",
    organisation_roles=(),
    roles=("data-recipient-software-product",),
    kind="data-recipients",
    list_path="/cdr-register/v1/all/data-recipients",
    listed=data_recipients,
    new_org_id=_uuid,
    new_software_id=_uuid,
)
#: Those beside the first, each with its own directory, authorities and TPP.
ABROAD = (BRAZIL, AUSTRALIA)
