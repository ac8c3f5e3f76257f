"""Lists of participants: what they say of a software, and what is no list."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.adapters.directory import listings
from dcrgw.adapters.directory.listings import ListUnreadable, Participants, standing
from dcrgw.core.registration.standing import Standing

ORGANISATION = {
    "OrganisationId": "org-1",
    "Status": "Active",
    "OrgDomainRoleClaims": [
        {"Role": "DADOS", "Status": "Active"},
        {"Role": "PAGTO", "Status": "Inactive"},
    ],
}
RECIPIENT = {
    "legalEntityId": "company",
    "status": "ACTIVE",
    "dataRecipientBrands": [
        {
            "dataRecipientBrandId": "org-1",
            "status": "ACTIVE",
            "softwareProducts": [
                {"softwareProductId": "app", "status": "ACTIVE"},
                {"softwareProductId": "old", "status": "REMOVED"},
            ],
        }
    ],
}


def participants(*organisations: Any) -> Participants:
    return listings.read_participants(json.dumps(list(organisations)).encode())


def recipients(*listed: Any) -> Participants:
    return listings.read_data_recipients(json.dumps({"data": list(listed)}).encode())


def word(listed: Participants, software_id: str = "app", org_id: str | None = "org-1") -> Standing:
    return standing(listed, software_id, org_id, observed_at=1.0, source="https://directory.example/list")


def with_status(level: str, status: str) -> dict[str, Any]:
    brand = dict(RECIPIENT["dataRecipientBrands"][0])  # type: ignore[arg-type]
    product = {"softwareProductId": "app", "status": "ACTIVE"}
    if level == "product":
        product["status"] = status
    if level == "brand":
        brand["status"] = status
    recipient = {**RECIPIENT, "dataRecipientBrands": [{**brand, "softwareProducts": [product]}]}
    return {**recipient, "status": status} if level == "recipient" else recipient


def test_participants_tell_organisation_and_roles_and_no_software() -> None:
    found = word(participants(ORGANISATION))
    assert (found.found, found.organisation_active, found.software_active) == (True, True, None)
    assert found.software_roles == {"DADOS"}
    assert not word(participants({**ORGANISATION, "Status": "Inactive"})).organisation_active
    silent = {name: value for name, value in ORGANISATION.items() if name != "OrgDomainRoleClaims"}
    assert word(participants(silent)).software_roles is None
    assert word(participants({**ORGANISATION, "OrgDomainRoleClaims": []})).software_roles == frozenset()


@pytest.mark.parametrize("org_id", ["org-2", "ORG-1", None])
def test_an_organisation_that_is_not_listed_is_not_found(org_id: str | None) -> None:
    assert not word(participants(ORGANISATION), org_id=org_id).found
    assert not word(recipients(RECIPIENT), org_id=org_id).found


def test_data_recipients_tell_brand_and_product() -> None:
    found = word(recipients(RECIPIENT))
    assert (found.found, found.organisation_active, found.software_active) == (True, True, True)
    assert word(recipients(RECIPIENT), "old").software_active is False
    assert not word(recipients(RECIPIENT), "another").found


@pytest.mark.parametrize("status", ["SUSPENDED", "REVOKED", "SURRENDERED", "INACTIVE", "REMOVED", "UNHEARD_OF"])
def test_only_active_is_a_yes_on_every_level(status: str) -> None:
    assert word(recipients(with_status("product", status))).software_active is False
    assert not word(recipients(with_status("brand", status))).organisation_active
    assert not word(recipients(with_status("recipient", status))).organisation_active


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b"null",
        b'[{"Status":"Active"}]',
        b'[{"OrganisationId":1,"Status":"Active"}]',
        b'{"data":{}}',
    ],
)
def test_what_is_no_list_is_not_read(body: bytes) -> None:
    for kind in listings.LISTS.values():
        with pytest.raises(ListUnreadable):
            kind.read(body)


def test_what_is_listed_twice_is_not_believed() -> None:
    with pytest.raises(ListUnreadable):
        participants(ORGANISATION, {**ORGANISATION, "Status": "Inactive"})
    with pytest.raises(ListUnreadable):
        recipients(RECIPIENT, RECIPIENT)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*ORGANISATION, "data", *RECIPIENT, "Role", "softwareProducts"]), inner)
    ),
    max_leaves=10,
)


@given(JSON)
@settings(max_examples=60)
def test_any_json_is_a_list_or_none(value: Any) -> None:
    body = json.dumps(value).encode()
    for kind in listings.LISTS.values():
        try:
            read = kind.read(body)
        except ListUnreadable:
            continue
        assert all(isinstance(each, listings.Participant) for each in read.values())
