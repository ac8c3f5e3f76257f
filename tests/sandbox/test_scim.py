"""The directory's SCIM list: filters read and matched, pages, attributes, hostile values refused with a 400."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.sandbox import scim
from dcrgw.sandbox.world import Keys, Organisation, Software, World
from dcrgw.testkit.keys import SigningKey

KEY = SigningKey.generate("sig-1", "ES256")
PATH = "urn:openbanking:softwarestatement:1.0:SoftwareStatements"


def directory() -> World:
    world = World("OpenBanking Ltd", Keys(KEY), KEY)
    world.put_organisation(Organisation("orgA", "A Ltd"))
    world.put_organisation(Organisation("orgB", "B Ltd", status="Revoked"))
    world.put_software(Software("soft1", "orgA", Keys(KEY)))
    world.put_software(Software("soft2", "orgA", Keys(KEY), active=False))
    world.put_software(Software("soft3", "orgB", Keys(KEY)))
    return world


def ids(**query: str) -> list[str]:
    return [found["id"] for found in scim.listing(directory(), query)["Resources"]]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (f'{PATH}[Id eq "soft1" and Active eq true]', ["orgA"]),
        (f'{PATH}[Id eq "soft2" and Active eq true]', []),
        (f'{PATH}[Id eq "soft3" and Active eq true]', ["orgB"]),
        (f'{PATH}[Id eq "SOFT1" and Active eq true]', []),
        # Two statements of one organisation must not answer for each other.
        (f'{PATH}[Id eq "soft2" and Active eq true] or id eq "orgB"', ["orgB"]),
        (f'{PATH}.Id eq "soft2"', ["orgA"]),
        ('urn:openbanking:organisation:1.0:OBOrganisationId eq "orgB"', ["orgB"]),
        ('urn:openbanking:organisation:1.0:Status eq "active"', ["orgA"]),
        ('not (id eq "orgA")', ["orgB"]),
        ('id eq "o\\"rg"', []),
    ],
)
def test_filter_finds_what_it_names(expression: str, found: list[str]) -> None:
    assert ids(filter=expression) == found


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "(" * 5000,
        "not (" * 1000 + "id pr" + ")" * 1000,
        'id eq "x',
        'Unheard eq "x"',
        f'{PATH}[Unheard eq "x"]',
        f'{PATH}[Active eq "yes please"]',
        f'{PATH}[Id eq "x" or Active eq true',
        "id eq \x00",
        "id ~ 1",
        "a" * 100_000,
    ],
)
def test_unreadable_filter_is_a_400(expression: str) -> None:
    with pytest.raises(scim.ScimRefused) as refused:
        scim.listing(directory(), {"filter": expression})
    assert refused.value.status == 400
    assert refused.value.body["scimType"] == "invalidFilter"
    assert refused.value.body["schemas"] == [scim.ERROR]


def test_quoted_value_cannot_leave_its_quotes() -> None:
    assert ids(filter=f'{PATH}[Id eq "x\\" or Active eq true or Id eq \\"x" and Active eq true]') == []


@settings(max_examples=150)
@given(st.text(alphabet=st.sampled_from('id eqprandot()[]"\\.:1urnSoftwareStatements\ud800é'), max_size=60))
def test_any_filter_is_answered_or_refused(expression: str) -> None:
    try:
        found = scim.listing(directory(), {"filter": expression})["totalResults"]
    except scim.ScimRefused:
        found = 0
    assert found <= 2


def test_list_has_the_wire_form() -> None:
    answer = scim.listing(directory(), {"filter": 'id eq "orgA"'})
    assert answer["schemas"] == [scim.LIST_RESPONSE]
    assert (answer["totalResults"], answer["startIndex"], answer["itemsPerPage"]) == (1, 1, 1)
    (found,) = answer["Resources"]
    assert found[scim.ORGANISATION]["OBOrganisationId"] == "orgA"
    first = found[scim.SOFTWARE]["SoftwareStatements"][0]
    assert (first["Id"], first["Active"], first["Roles"]) == ("soft1", True, ["AISP", "PISP"])
    assert found[scim.AUTHORITY]["Authorisations"][0] == {"MemberState": "GB", "Psd2Role": "AISP", "Active": True}


def test_pages_are_cut_and_counted() -> None:
    answer = scim.listing(directory(), {"startIndex": "2", "count": "5"})
    assert [found["id"] for found in answer["Resources"]] == ["orgB"]
    assert (answer["totalResults"], answer["startIndex"], answer["itemsPerPage"]) == (2, 2, 1)
    assert scim.listing(directory(), {"startIndex": "-3", "count": "-1"})["itemsPerPage"] == 0
    assert ids(startIndex="99") == []


@pytest.mark.parametrize("number", ["", "one", "1e3", "²", "9" * 5000])
def test_page_that_is_no_number_is_a_400(number: str) -> None:
    with pytest.raises(scim.ScimRefused) as refused:
        scim.listing(directory(), {"count": number})
    assert refused.value.body["scimType"] == "invalidValue"


def test_attributes_pick_members() -> None:
    picked = scim.find(directory(), "orgA", {"attributes": f"{scim.ORGANISATION}:Status, {PATH}.Id"})
    assert picked[scim.ORGANISATION] == {"Status": "Active"}
    assert scim.SOFTWARE in picked
    assert scim.AUTHORITY not in picked
    assert picked["id"] == "orgA"


def test_excluded_attributes_leave_members_out() -> None:
    rest = scim.find(directory(), "orgA", {"excludedAttributes": f"{scim.SOFTWARE},{scim.ORGANISATION}:Status,id"})
    assert scim.SOFTWARE not in rest
    assert "Status" not in rest[scim.ORGANISATION]
    assert rest["id"] == "orgA"


def test_unknown_organisation_is_a_404() -> None:
    with pytest.raises(scim.ScimRefused) as refused:
        scim.find(directory(), "nobody", {})
    assert refused.value.status == 404
