"""Janssen's entries become ours, and ours become Janssen's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from entry_builders import JANSSEN, SECRET, entry

from dcrgw.core.scripts.entry_json import EntryRefused, read_entry
from dcrgw.core.scripts.janssen import from_janssen, to_janssen


def test_shipped_entry_of_janssen_is_taken_as_it_is() -> None:
    imported = from_janssen(JANSSEN)
    assert imported.file == "Registration.py"
    taken = read_entry({**imported.members, "text": "pass\n"})
    assert (taken.inum, taken.name, taken.type, taken.level, taken.enabled) == (
        *("DAA9-B788", "client_registration", "client_registration", 100),
        True,
    )
    assert {each.value1: each.value2 for each in taken.configuration_properties} == {
        "clientScopes": "TPPReadAccess",
        "trustKeyStorePassword": SECRET,
        "keyId": "file:/run/secrets/kid",
    }
    assert taken.module_properties == ()


def test_password_that_was_not_hidden_is_warned_of_and_hidden() -> None:
    imported = from_janssen(JANSSEN)
    assert any("trustKeyStorePassword" in warning for warning in imported.warnings)
    assert SECRET not in str(imported.warnings)
    hidden = {each["value1"] for each in imported.members["configuration_properties"] if each["hide"]}  # type: ignore[union-attr,index,call-overload]
    assert hidden == {"trustKeyStorePassword"}


def test_unknown_members_are_named() -> None:
    warnings = from_janssen({**JANSSEN, "colour": "red"}).warnings
    assert any(warning.startswith("colour ") for warning in warnings)
    assert not any("scriptError" in warning for warning in from_janssen(JANSSEN).warnings)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"programmingLanguage": "JAVA"}, "programmingLanguage"),
        ({"programmingLanguage": "RUBY"}, "programmingLanguage"),
        ({"scriptType": "NO_SUCH"}, "scriptType"),
        ({"scriptType": None}, "scriptType"),
    ],
)
def test_what_cannot_run_here_is_refused_by_name(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(EntryRefused) as fault:
        from_janssen({**JANSSEN, **changes})
    assert {each.member for each in fault.value.faults} == {told}


def test_java_is_refused_with_the_class_to_write() -> None:
    with pytest.raises(EntryRefused, match="ClientRegistration"):
        from_janssen({**JANSSEN, "programmingLanguage": "JAVA"})


def test_text_in_a_file_of_the_server_is_looked_for_at_its_path() -> None:
    located = [{"value1": "location_type", "value2": "file"}, {"value1": "location_path", "value2": "/opt/x.py"}]
    assert from_janssen({**JANSSEN, "script": "old", "moduleProperties": located}).file == "/opt/x.py"


def test_export_has_janssens_names_keeps_references_and_leaves_hidden_values_out() -> None:
    exported, left_out = to_janssen(entry())
    assert exported["scriptType"] == "CLIENT_REGISTRATION"
    assert SECRET not in json.dumps(exported)
    assert "env:WHERE_IT_IS" in json.dumps(exported)
    assert left_out == ("keyStorePassword", "marked")
    # What stays hidden here would otherwise be shown where it is imported and given anew.
    assert {each["value1"] for each in exported["configurationProperties"] if each["hide"]} == {*left_out}


def test_exported_entry_is_imported_as_it_was_but_for_what_was_left_out() -> None:
    before = entry()
    exported, left_out = to_janssen(before)
    members = from_janssen(exported).members
    again = read_entry(members, before=before)
    assert left_out
    assert (again.inum, again.name, again.text, again.level) == (before.inum, before.name, before.text, before.level)
    assert [each.value1 for each in again.configuration_properties] == [
        each.value1 for each in before.configuration_properties
    ]
