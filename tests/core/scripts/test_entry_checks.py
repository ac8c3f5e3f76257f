"""An entry is judged member by member, every fault at once, and no fault holds a property's value."""

from __future__ import annotations

from typing import Any

import pytest
from entry_builders import SECRET, entry

from dcrgw.core.scripts.entry import ScriptProperty, inum_of
from dcrgw.core.scripts.entry_checks import INUM, entry_faults


def faulty(**changes: Any) -> set[str]:
    return {fault.member for fault in entry_faults(entry(**changes))}


def test_right_entry_has_no_fault() -> None:
    assert entry_faults(entry()) == ()


@pytest.mark.parametrize("inum", ["DAA9-B788", "6122281b-b55d-4dd0-8115-b098eeeee2b7", "@!1111!031C.4A65", "CABA-2222"])
def test_inums_of_the_seeds_are_taken(inum: str) -> None:
    assert faulty(inum=inum) == set()


@pytest.mark.parametrize(
    "inum", ["", "a", "errors", "DAA9", "-A-", "A--B", "../../x-y", "DAA9-B788/..", "x" * 65, "é-éé"]
)
def test_other_inums_are_faults(inum: str) -> None:
    assert faulty(inum=inum) == {"inum"}


@pytest.mark.parametrize("name", ["ab", "x" * 60, "urn:openbanking:account/1.0", "payment_initiation", "a-b.c"])
def test_names_of_the_seeds_are_taken(name: str) -> None:
    assert faulty(name=name) == set()


@pytest.mark.parametrize("name", ["a", "x" * 61, "a b", "a\n", "é" * 3, "a?b"])
def test_other_names_are_faults(name: str) -> None:
    assert faulty(name=name) == {"name"}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("type", "CLIENT_REGISTRATION"),
        ("level", 1_000_001),
        ("mode", "thread"),
        ("text", " \n"),
        ("text", "\0"),
        ("text", "#" * (256 * 1024 + 1)),
        ("description", "x" * 1001),
        ("markets", ("uk", "uk")),
    ],
)
def test_member_that_is_not_of_the_form_is_a_fault(member: str, value: object) -> None:
    assert faulty(**{member: value}) == {member}


def test_every_fault_is_told_at_once() -> None:
    assert faulty(inum="?", name="?", type="?", level=10**9, mode="?", text="") >= {
        *("inum", "name", "type", "level", "mode", "text")
    }


@pytest.mark.parametrize(
    ("properties", "member"),
    [
        ([("a", "1"), ("a", "2")], "configuration_properties"),
        ([("certProperty", SECRET)], "configuration_properties[0].value1"),
        ([(" ", SECRET)], "configuration_properties[0].value1"),
        ([("a", SECRET * 10_000)], "configuration_properties[0].value2"),
    ],
)
def test_property_that_is_not_of_the_form_is_a_fault_without_its_value(
    properties: list[tuple[str, str]], member: str
) -> None:
    faults = entry_faults(entry(configuration_properties=tuple(ScriptProperty(*each) for each in properties)))
    assert [fault.member for fault in faults] == [member]
    assert SECRET not in str(faults)


@pytest.mark.parametrize(
    ("each", "is_hidden"),
    [
        (ScriptProperty("clientScopes", "a"), False),
        (ScriptProperty("clientScopes", "a", hide=True), True),
        (ScriptProperty("keyStorePassword", "a"), True),
        (ScriptProperty("mySecret", "a"), True),
        (ScriptProperty("x", "file:/run/secrets/x"), True),
        (ScriptProperty("x", "env:NAME"), True),
        (ScriptProperty("x", "https://env:8"), False),
    ],
)
def test_what_is_marked_referred_to_or_named_like_a_secret_is_hidden(each: ScriptProperty, is_hidden: bool) -> None:
    assert each.is_hidden is is_hidden
    assert each.value2 not in repr(each)[len("ScriptProperty(value1=") + len(each.value1) :] or each.value2 == "a"


def test_made_inum_is_the_same_for_the_same_script_and_of_the_form() -> None:
    made = inum_of("client_registration", "registration")
    assert made == inum_of("client_registration", "registration") != inum_of("id_generator", "registration")
    assert INUM.fullmatch(made)


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "other"},
        {"level": 1},
        {"mode": "inline"},
        {"markets": ("uk",)},
        {"configuration_properties": ()},
    ],
)
def test_digest_tells_apart_what_runs_differently(changes: dict[str, Any]) -> None:
    assert entry(**changes).digest != entry().digest
    assert entry(revision=9, description="x", enabled=False).digest == entry().digest
