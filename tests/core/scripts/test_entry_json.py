"""An entry as administrators read and write it: hidden values never leave, and need not be sent again."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from entry_builders import SECRET, entry, members
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty
from dcrgw.core.scripts.entry_json import EntryRefused, difference, patched, read_entry, shown


def refused(before: Any = None, **changes: Any) -> set[str]:
    with pytest.raises(EntryRefused) as fault:
        read_entry(members(**changes), before=before)
    assert SECRET not in str(fault.value)
    return {each.member for each in fault.value.faults}


def test_what_is_shown_is_read_again_as_it_was() -> None:
    before = entry()
    again = read_entry(shown(before), before=before)
    assert again.configuration_properties == before.configuration_properties
    assert again.text == before.text
    assert again.revision == before.revision + 1


def test_neither_hidden_values_nor_references_are_shown() -> None:
    told = json.dumps(shown(entry()))
    assert SECRET not in told
    assert "WHERE_IT_IS" not in told
    assert "a b" in told


def test_script_without_an_inum_gets_one() -> None:
    assert read_entry(members(inum=None)).inum == read_entry(members(inum=None)).inum


@pytest.mark.parametrize(
    ("member", "value", "told"),
    [
        ("scriptType", "X", "scriptType"),
        ("name", 5, "name"),
        ("text", [], "text"),
        ("level", "1", "level"),
        ("level", True, "level"),
        ("enabled", "yes", "enabled"),
        ("markets", "uk", "markets"),
        ("cases", [1], "cases"),
        ("cases", [{"method": 5}], "cases[0].method"),
        ("configuration_properties", {}, "configuration_properties"),
        ("configuration_properties", [5], "configuration_properties[0]"),
        ("configuration_properties", [{"value2": SECRET}], "configuration_properties[0].value1"),
        ("configuration_properties", [{"value1": "a", "value2": 5}], "configuration_properties[0].value2"),
        ("configuration_properties", [{"value1": "a", "value2": "", "hide": 1}], "configuration_properties[0].hide"),
        ("configuration_properties", [{"value1": "a", "value2": SECRET, "x": 1}], "configuration_properties[0].x"),
        ("configuration_properties", [{"value1": "a"}], "configuration_properties[0].value2"),
    ],
)
def test_member_of_another_form_is_named(member: str, value: object, told: str) -> None:
    assert refused(**{member: value}) == {told}


def test_every_missing_member_is_named() -> None:
    assert refused(name=None, type=None, text=None) == {"name", "type", "text"}


def test_type_and_inum_of_an_entry_cannot_change() -> None:
    assert refused(entry(), inum="AAAA-0001", type="id_generator") == {"inum", "type"}


def test_merge_patch_is_that_of_the_rfc() -> None:
    target = {"title": "Goodbye!", "author": {"givenName": "John", "familyName": "Doe"}, "tags": ["example", "sample"]}
    patch = {"title": "Hello!", "phoneNumber": "+01", "author": {"familyName": None}, "tags": ["example"]}
    assert patched(target, patch) == {
        "title": "Hello!",
        "author": {"givenName": "John"},
        "tags": ["example"],
        "phoneNumber": "+01",
    }
    assert patched({"a": 1}, [1]) == [1]
    assert patched("x", {"a": {"b": None}}) == {"a": {}}


def test_difference_tells_members_and_lines_but_no_hidden_value() -> None:
    changed = entry(
        text="class ClientRegistration:\n    pass\n",
        level=5,
        revision=2,
        configuration_properties=(
            ScriptProperty("clientScopes", "c"),
            ScriptProperty("keyStorePassword", f"{SECRET}-new"),
            ScriptProperty("reference", "env:ELSEWHERE"),
        ),
    )
    found = difference(entry(), changed)
    assert {name for name, _, _ in found.members} == {
        "level",
        *(f"configuration_properties.{name}" for name in ("clientScopes", "keyStorePassword", "reference", "marked")),
    }
    assert "+    pass" in found.text.splitlines()
    assert SECRET not in str(found)
    assert "WHERE_IT_IS" not in str(found)
    assert "ELSEWHERE" not in str(found)


def with_property(value: str, hide: bool, revision: int = 1) -> ScriptEntry:
    return entry(configuration_properties=(ScriptProperty("apiKey", value, hide),), revision=revision)


def test_what_is_hidden_in_one_state_is_told_of_no_other() -> None:
    for old, new in [(False, True), (True, False)]:
        found = difference(with_property(SECRET, old), with_property(f"{SECRET}-new", new))
        assert SECRET not in str(found)
        assert ("configuration_properties.apiKey.hide", old, new) in found.members
    assert difference(with_property(SECRET, False), with_property(SECRET, True)).members == (
        ("configuration_properties.apiKey.hide", False, True),
    )


@pytest.mark.parametrize("hide", [None, True])
def test_a_hidden_value_that_is_kept_stays_hidden(hide: bool | None) -> None:
    before = with_property(SECRET, True)
    sent = {"value1": "apiKey", "value2": None, **({} if hide is None else {"hide": hide})}
    kept = read_entry({**members(), "configuration_properties": [sent]}, before=before)
    assert kept.configuration_properties == before.configuration_properties


def test_a_hidden_value_cannot_be_uncovered_by_keeping_it() -> None:
    sent = {"value1": "apiKey", "value2": None, "hide": False}
    with pytest.raises(EntryRefused, match=r"configuration_properties\[0\].hide"):
        read_entry({**members(), "configuration_properties": [sent]}, before=with_property(SECRET, True))
    fresh = read_entry({**members(), "configuration_properties": [{**sent, "value2": "x"}]}, before=entry())
    assert not fresh.configuration_properties[0].hide


def test_same_entries_do_not_differ() -> None:
    found = difference(entry(), entry(revision=2))
    assert (found.members, found.text) == ((), "")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from(
    ["inum", "name", "type", "text", "level", "enabled", "markets", "cases", "mode", "configuration_properties", "x"]
)


@settings(max_examples=200)
@given(st.dictionaries(_NAMES, _VALUES, max_size=6))
def test_any_json_is_an_entry_or_refused(changes: dict[str, Any]) -> None:
    with suppress(EntryRefused):
        assert read_entry({**members(), **changes}).text
