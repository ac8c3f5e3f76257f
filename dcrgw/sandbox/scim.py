"""OBThirdPartyProviders: the directory's records as SCIM resources, listed, filtered and paged (RFC 7644 §3.4.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scim2_models import SCIMException, ScimFilter

from dcrgw.sandbox.scim_model import AUTHORITY, ORGANISATION, SOFTWARE, ThirdPartyProvider
from dcrgw.sandbox.world import Organisation, Software, World

CONTENT_TYPE = "application/scim+json"
LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"

#: Most resources in one answer; asking for more gets this many (RFC 7644 §3.4.2.4).
PAGE_MAX = 100


class ScimRefused(Exception):
    """A SCIM error answer: its HTTP status, `scimType` (RFC 7644 §3.12) and one sentence."""

    def __init__(self, status: int, detail: str, scim_type: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"schemas": [ERROR], "status": str(status), "detail": detail}
        if scim_type:
            self.body["scimType"] = scim_type


def resource(organisation: Organisation, products: Iterable[Software]) -> dict[str, Any]:
    """One organisation as the directory shows it."""
    return {
        "schemas": [str(ThirdPartyProvider.__schema__), ORGANISATION, SOFTWARE, AUTHORITY],
        "id": organisation.org_id,
        ORGANISATION: {
            "OBOrganisationId": organisation.org_id,
            "OrganisationCommonName": organisation.org_name,
            "Status": organisation.status,
        },
        SOFTWARE: {"SoftwareStatements": [_software_statement(software) for software in products]},
        AUTHORITY: {
            "AuthorityId": "FCAGBR",
            "MemberState": "GB",
            "RegistrationId": organisation.registration_id,
            "Authorisations": [
                {"MemberState": "GB", "Psd2Role": role, "Active": organisation.status == "Active"}
                for role in organisation.roles
            ],
        },
    }


def _software_statement(software: Software) -> dict[str, Any]:
    return {
        "Id": software.software_id,
        "ClientId": software.software_id,
        "Active": software.active,
        "Mode": software.mode,
        "RedirectUri": list(software.redirect_uris),
        "Roles": list(software.roles),
    }


def find(world: World, org_id: str, query: Mapping[str, str]) -> dict[str, Any]:
    """GET /{id}. Raises: ScimRefused (404) for an organisation that nobody knows."""
    organisation = world.organisations.get(org_id)
    if organisation is None:
        raise ScimRefused(404, "no such third party provider")
    return _picked(resource(organisation, world.products_of(org_id)), query)


def listing(world: World, query: Mapping[str, str]) -> dict[str, Any]:
    """GET on the collection. Raises: ScimRefused (400) for a filter or a page that cannot be read."""
    start, count = _whole_number(query, "startIndex", 1), _whole_number(query, "count", PAGE_MAX)
    # RFC 7644 §3.4.2.4: a startIndex below 1 means 1, a negative count means 0.
    start, count = max(start, 1), min(max(count, 0), PAGE_MAX)
    found = _matching(world, query.get("filter"))
    page = found[start - 1 : start - 1 + count]
    return {
        "schemas": [LIST_RESPONSE],
        "totalResults": len(found),
        "startIndex": start,
        "itemsPerPage": len(page),
        "Resources": [_picked(each, query) for each in page],
    }


def _matching(world: World, expression: str | None) -> list[dict[str, Any]]:
    everybody = [resource(each, world.products_of(each.org_id)) for each in world.organisations.values()]
    if expression is None:
        return everybody
    try:
        scim_filter = ScimFilter[ThirdPartyProvider](expression)
        return [each for each in everybody if scim_filter.match(ThirdPartyProvider.model_validate(each), strict=True)]
    except (SCIMException, ValueError) as error:
        # The library names the fault and the column; nothing here is secret.
        raise ScimRefused(400, f"the filter cannot be read: {error}", "invalidFilter") from error


def _whole_number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if len(text) > 9 or not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
        raise ScimRefused(400, f"{name} is not a whole number", "invalidValue")
    return int(text)


def _picked(found: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """The resource with the `attributes` asked for, or without the `excludedAttributes`; schemas and id always stay."""
    if "attributes" in query:
        return _keep(found, _names(query["attributes"]))
    if "excludedAttributes" in query:
        unwanted = _names(query["excludedAttributes"])
        return {
            member: {name: each for name, each in value.items() if f"{member}:{name}".lower() not in unwanted}
            if isinstance(value, dict)
            else value
            for member, value in found.items()
            if member in ("schemas", "id") or member.lower() not in unwanted
        }
    return found


def _keep(found: dict[str, Any], wanted: frozenset[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {"schemas": found["schemas"], "id": found["id"]}
    for urn in (ORGANISATION, SOFTWARE, AUTHORITY):
        if urn.lower() in wanted:
            kept[urn] = found[urn]
            continue
        named = {name: value for name, value in found[urn].items() if f"{urn}:{name}".lower() in wanted}
        if named:
            kept[urn] = named
    return kept


def _names(text: str) -> frozenset[str]:
    """Attribute names, lower case; a sub-attribute (SoftwareStatements.Id) counts as its attribute."""
    found = set()
    for name in text.split(","):
        urn, colon, attribute = name.strip().lower().rpartition(":")
        # A URN alone ends in its version, `:1.0`, which is no sub-attribute.
        found.add(urn + colon + (attribute if attribute[:1].isdigit() else attribute.partition(".")[0]))
    return frozenset(found)
