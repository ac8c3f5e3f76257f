"""Answers are held against rules; references are filled in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.compliance.conformance import judging
from dcrgw.compliance.conformance.filling import Lacking, Values, references
from dcrgw.compliance.conformance.pack import Expectation, Rule
from dcrgw.tpp.client import Answer

VALUES = Values(lambda: 1_000.5, {"tpp": {"uris": ["a", "b"], "name": "x"}})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def answer(status: int = 200, body: Any = None, **headers: str) -> Answer:
    content = b"" if body is None else json.dumps(body).encode()
    return Answer(status, {"Content-Type": "application/json", **headers}, content, 0.0, 1.0)


@pytest.mark.parametrize(
    ("value", "rule", "holds"),
    [
        ("x", {"is": "${tpp.name}"}, True),
        ("y", {"is": "${tpp.name}"}, False),
        (None, {"is": None}, True),
        (1, {"is": None}, False),
        ("x", {"is_not": "x"}, False),
        (1, {"type": "integer"}, True),
        (0, {"type": "integer"}, True),
        (True, {"type": "integer"}, False),
        (1.5, {"type": "integer"}, False),
        ("abc", {"pattern": "[a-z]+"}, True),
        ("abc\n", {"pattern": "[a-z]+"}, False),
        (7, {"pattern": ".*"}, False),
        ("abc", {"min": 4}, False),
        ([1, 2], {"max": 1}, False),
        (5, {"min": 5, "max": 5}, True),
        (["a"], {"within": "${tpp.uris}"}, True),
        (["a", "c"], {"within": "${tpp.uris}"}, False),
        (["a"], {"has": "${tpp.uris}"}, False),
        ("openid accounts", {"within": "openid accounts payments"}, True),
        ("openid teapots", {"within": "openid accounts"}, False),
        ("b", {"one_of": "${tpp.uris}"}, True),
        (["a", 1], {"each": {"type": "string"}}, False),
        ({"d": 1}, {"members": {"d": {"absent": True}}}, False),
    ],
)
def test_a_value_is_held_against_its_rule(value: Any, rule: dict[str, Any], holds: bool) -> None:
    found = list(judging.judged({"m": value}, "m", Rule.model_validate(rule), VALUES))
    assert (found == []) is holds


@pytest.mark.parametrize(("rule", "holds"), [({}, False), ({"optional": True}, True), ({"absent": True}, True)])
def test_a_missing_member_is_a_fault_unless_it_may_be(rule: dict[str, Any], holds: bool) -> None:
    assert (list(judging.judged({}, "m", Rule.model_validate(rule), VALUES)) == []) is holds


def test_headers_are_found_in_any_letters() -> None:
    wanted = Expectation.model_validate({"headers": {"cache-control": {"pattern": "no-store"}}})
    assert judging.differences(answer(**{"Cache-CONTROL": "no-store"}), wanted, VALUES) == []


def test_an_error_page_is_no_json_refusal() -> None:
    wanted = Expectation.model_validate({"status": [400], "body": "json", "errors": ["invalid_client_metadata"]})
    page = Answer(400, {"Content-Type": "text/html"}, b"<html>", 0.0, 1.0)
    assert len(judging.differences(page, wanted, VALUES)) == 3


@settings(max_examples=60)
@given(JSON, st.sampled_from(["string", "integer", "boolean", "array", "object"]))
def test_whatever_a_bank_answers_is_judged(value: Any, kind: str) -> None:
    rule = {"type": kind, "pattern": ".*", "min": 1, "has": ["a"], "within": ["a"], "each": {"min": 1}, "is": 3}
    for found in judging.judged({"m": value}, "m", Rule.model_validate(rule), VALUES):
        assert found


def test_references_become_values_of_their_type() -> None:
    assert VALUES.fill({"a": "${tpp.uris}", "b": ["${tpp.name}-1"], "${tpp.name}": 1}) == {
        "a": ["a", "b"],
        "b": ["x-1"],
        "x": 1,
    }
    assert (VALUES.fill("${now}"), VALUES.fill("${now-60}"), VALUES.fill("${now+5}")) == (1000, 940, 1005)
    assert VALUES.fill("${uuid:one}") == VALUES.fill("${uuid:one}") != VALUES.fill("${uuid}")
    assert VALUES.fill("${long:300}") == "a" * 300


@pytest.mark.parametrize("reference", ["tpp.nothing", "nobody", "tpp.name.more"])
def test_a_reference_without_a_value_says_its_name(reference: str) -> None:
    with pytest.raises(Lacking, match=reference):
        VALUES.fill(f"${{{reference}}}")


@settings(max_examples=60)
@given(JSON)
def test_values_without_references_stay(value: Any) -> None:
    if not list(references(value)):
        assert VALUES.fill(value) == value
