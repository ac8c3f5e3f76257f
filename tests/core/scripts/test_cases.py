"""Cases are read strictly, and what came out is compared as JSON."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.scripts.cases import CaseRefused, read_case
from dcrgw.core.scripts.trial import CaseRun, Trial


def run(expect: dict[str, Any], **came: Any) -> CaseRun:
    return CaseRun(read_case({"method": "createClient", "expect": expect}, "x"), **{"returned": True, **came})


def test_case_says_only_what_differs() -> None:
    case = read_case({"method": "createClient"}, "plain")
    assert (case.name, case.request, case.statement, case.facts) == ("plain", {}, {}, None)
    assert read_case({"method": "createClient", "statement": False}, "x").statement is None
    assert read_case({"method": "createClient", "name": "own"}, "x").name == "own"


def test_properties_become_text() -> None:
    case = read_case({"method": "createClient", "properties": {"a": True, "b": 5, "c": "d"}}, "x")
    assert case.properties == {"a": "true", "b": "5", "c": "d"}


@pytest.mark.parametrize(
    ("given_", "member"),
    [
        ({}, "method"),
        ({"method": 5}, "method"),
        ({"method": "a b"}, "method"),
        ({"method": "x", "colour": 1}, "colour"),
        ({"method": "x", "request": []}, "request"),
        ({"method": "x", "statement": True}, "statement"),
        ({"method": "x", "certificate": {"kind": "obwac", "pem": "x"}}, "certificate"),
        ({"method": "x", "without": ["scope"]}, "without"),
        ({"method": "x", "properties": {"a": []}}, "properties"),
        ({"method": "x", "expect": {"outcome": "fine"}}, "expect.outcome"),
        ({"method": "x", "expect": {"changes": 5}}, "expect.changes"),
        ({"method": "x", "expect": {"colour": 5}}, "expect.colour"),
    ],
)
def test_case_of_another_form_is_refused_by_member(given_: dict[str, Any], member: str) -> None:
    with pytest.raises(CaseRefused) as refused:
        read_case(given_, "x")
    assert {fault.member for fault in refused.value.faults} == {member}


@pytest.mark.parametrize(
    ("expect", "came"),
    [
        ({}, {}),
        ({"outcome": "passed"}, {}),
        ({"outcome": "refused"}, {"returned": False}),
        ({"outcome": "failed"}, {"failure": "raised"}),
        ({"returned": True}, {}),
        ({"returned": [1, {"a": None}]}, {"returned": [1, {"a": None}]}),
        ({"changes": {}}, {}),
        ({"changes": {"attributes": {"a": 1}}}, {"changes": {"attributes": {"a": 1, "b": 2}, "client_id": "x"}}),
        ({"refusal": {"error": "e"}}, {"refusal": {"error": "e", "status": 400}}),
        ({"log": "hello"}, {"printed": "oh, hello\n"}),
    ],
)
def test_case_that_comes_out_as_expected_holds(expect: dict[str, Any], came: dict[str, Any]) -> None:
    assert run(expect, **came).problems == ()


@pytest.mark.parametrize(
    ("expect", "came"),
    [
        ({}, {"failure": "raised"}),
        ({"outcome": "passed"}, {"returned": False}),
        ({"outcome": "passed"}, {"failure": "raised"}),
        ({"outcome": "failed"}, {}),
        ({"outcome": "refused"}, {}),
        ({"returned": 1}, {}),
        ({"returned": None}, {}),
        ({"changes": {}}, {"changes": {"client_id": "x"}}),
        ({"changes": {"attributes": {"a": 1}}}, {"changes": {"attributes": {"a": True}}}),
        ({"changes": {"attributes": {"a": 1}}}, {}),
        ({"changes": {"metadata": {"scope": "a"}}}, {"changes": {"metadata": {"scope": ["a"]}}}),
        ({"refusal": {"error": "e"}}, {"returned": False}),
        ({"refusal": {"error": "e"}}, {"refusal": {"error": "f"}}),
        ({"log": "hello"}, {"printed": ""}),
    ],
)
def test_case_that_comes_out_otherwise_says_so(expect: dict[str, Any], came: dict[str, Any]) -> None:
    found = run(expect, **came)
    assert found.problems
    assert Trial(runs=(found,)).faults[0].startswith("case x: ")


_TABLES = st.dictionaries(
    st.sampled_from(["method", "request", "statement", "certificate", "expect", "without", "properties", "x"]),
    st.none() | st.booleans() | st.text(max_size=3) | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@settings(max_examples=100)
@given(_TABLES)
def test_any_table_is_a_case_or_refused(table: dict[str, Any]) -> None:
    with suppress(CaseRefused):
        assert read_case(table, "x").method == table["method"]
