"""What SCIM filters are resolved against: the attributes of a third party provider, and how they compare."""

from __future__ import annotations

from typing import Annotated

from scim2_models import URN, CaseExact, ComplexAttribute, Extension, Resource

ORGANISATION = "urn:openbanking:organisation:1.0"
SOFTWARE = "urn:openbanking:softwarestatement:1.0"
AUTHORITY = "urn:openbanking:competentauthorityclaims:1.0"

#: Ids and URLs differ by letter case.
Exact = Annotated[str | None, CaseExact.true]


class SoftwareStatement(ComplexAttribute):
    """One software product of an organisation."""

    id: Exact = None
    client_id: Exact = None
    active: bool | None = None
    mode: str | None = None
    redirect_uri: Annotated[list[str] | None, CaseExact.true] = None
    roles: list[str] | None = None


class SoftwareExtension(Extension):
    """An organisation's software."""

    __schema__ = URN(SOFTWARE)
    software_statements: list[SoftwareStatement] | None = None


class OrganisationExtension(Extension):
    """The organisation itself."""

    __schema__ = URN(ORGANISATION)
    # SCIM names are matched without regard to case or underscores: OBOrganisationId.
    ob_organisation_id: Exact = None
    organisation_common_name: str | None = None
    status: str | None = None


class Authorisation(ComplexAttribute):
    """One role that a competent authority allows."""

    member_state: str | None = None
    psd2_role: str | None = None
    active: bool | None = None


class AuthorityExtension(Extension):
    """The competent authority's word."""

    __schema__ = URN(AUTHORITY)
    authority_id: str | None = None
    member_state: str | None = None
    registration_id: str | None = None
    authorisations: list[Authorisation] | None = None


class ThirdPartyProvider(Resource[OrganisationExtension | SoftwareExtension | AuthorityExtension]):
    """What filters are resolved against; the wire form is made by `resource`."""

    __schema__ = URN("urn:openbanking:thirdpartyprovider:1.0")
