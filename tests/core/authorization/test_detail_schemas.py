"""Schemas of detail types: what is taken for one, and what one says of a detail."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.authorization.detail_schema import MAX_BYTES, MAX_FAULTS, MAX_LISTED_VALUES, SchemaRefused, compiled
from dcrgw.core.authorization.details import AuthorizationDetail

PAYMENT = {
    "type": "object",
    "required": ["type", "instructedAmount"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "payment"},
        "instructedAmount": {"$ref": "#/$defs/amount"},
        "actions": {"type": "array", "items": {"enum": ["initiate"]}, "uniqueItems": True},
        "on": {"type": "string", "format": "date"},
    },
    "$defs": {
        "amount": {
            "type": "object",
            "required": ["amount", "currency"],
            "properties": {
                "amount": {"type": "string", "pattern": "^(?:0|[1-9][0-9]{0,12})(?:\\.[0-9]{1,5})?$"},
                "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            },
        }
    },
}
RIGHT = {"type": "payment", "instructedAmount": {"amount": "10.50", "currency": "GBP"}}


def pointers(schema: dict[str, Any], **members: Any) -> set[str]:
    detail = AuthorizationDetail("payment", {**RIGHT, **members})
    return {fault.pointer for fault in compiled(json.dumps(schema)).faults(detail, 3)}


def test_right_detail_has_no_fault() -> None:
    assert pointers(PAYMENT) == set()


def test_every_fault_is_told_with_its_place() -> None:
    found = pointers(
        PAYMENT, instructedAmount={"currency": "gbp"}, actions=["initiate", "steal"], on="tomorrow", **{"a/b": 1}
    )
    assert found == {
        "/3/instructedAmount/amount",
        "/3/instructedAmount/currency",
        "/3/actions/1",
        "/3/on",
        "/3/a~1b",
    }


@pytest.mark.parametrize("amount", ["-1", "1e999", "0.1+0.2", "01", "", "٣", "1\n", "１２", 5, None, "9" * 14])
def test_amount_of_another_form_is_refused(amount: Any) -> None:
    assert pointers(PAYMENT, instructedAmount={"amount": amount, "currency": "GBP"})


@pytest.mark.parametrize("currency", ["gbp", "GВP", "GBP ", "GBPX", "G\u200bB"])
def test_look_alike_of_a_currency_is_refused(currency: str) -> None:
    assert pointers(PAYMENT, instructedAmount={"amount": "1", "currency": currency})


def test_no_fault_echoes_a_value() -> None:
    detail = AuthorizationDetail("payment", {**RIGHT, "on": "SECRET", "instructedAmount": {"amount": "SECRET"}})
    assert "SECRET" not in str(compiled(json.dumps(PAYMENT)).faults(detail, 0))


def test_faults_of_one_detail_are_bounded() -> None:
    assert len(pointers(PAYMENT, **{f"x{i}": 1 for i in range(150)})) == MAX_FAULTS


@pytest.mark.parametrize("nested", [False, True])
def test_detail_of_very_many_values_is_told_by_its_first_error(nested: bool) -> None:
    few, many = ([0] * (most - 10) for most in (MAX_LISTED_VALUES, MAX_LISTED_VALUES + 20))
    assert len(pointers(PAYMENT, actions=few, on=[few[:1]])) == MAX_FAULTS
    assert len(pointers(PAYMENT, actions=0, on=[{"a": many}] if nested else many)) == 1


def test_where_not_all_is_wanted_the_first_error_is_told() -> None:
    wrong = AuthorizationDetail("payment", {**RIGHT, "on": "tomorrow", "actions": ["steal"]})
    schema = compiled(json.dumps(PAYMENT))
    assert len(schema.faults(wrong, 0)) == 2
    assert len(schema.faults(wrong, 0, in_full=False)) == 1
    assert schema.faults(AuthorizationDetail("payment", RIGHT), 0, in_full=False) == ()


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://elsewhere.example/schema.json"},
        {"$ref": "other.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#/const", "const": {"type": "string"}},
        {"properties": {"a": {"$id": "https://elsewhere.example/"}}},
        {"$defs": {"a": {"$anchor": "here"}}},
        {"$dynamicRef": "#x"},
        {"pattern": "(a)\\1"},
        {"pattern": "(?=a)"},
        {"pattern": "(((a{100}){100}){100}){100}"},
        {"pattern": "("},
        {"format": "iban"},
        {"format": "regex"},
        {"type": "strin"},
        {"required": "type"},
        {"$schema": "http://json-schema.org/draft-07/schema#"},
    ],
)
def test_what_is_no_schema_of_ours_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaRefused):
        compiled(json.dumps(schema))


@pytest.mark.parametrize("text", ["", "[]", "true", '{"a":1,"a":2}', "{" * 100, '{"x": NaN}', " " * (MAX_BYTES + 1)])
def test_text_that_is_no_object_is_no_schema(text: str) -> None:
    with pytest.raises(SchemaRefused):
        compiled(text)


def test_member_that_is_called_like_a_keyword_is_a_member() -> None:
    compiled(json.dumps({"properties": {"$ref": {"type": "string"}, "$id": True, "format": {"const": {"$ref": "x"}}}}))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"properties": {"a": {"$ref": "#"}}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}},
    ],
)
def test_schema_that_refers_to_itself_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaRefused, match="refers to itself"):
        compiled(json.dumps(schema))


def test_schema_that_unfolds_without_bound_is_refused() -> None:
    doubled = {f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}, {"$ref": f"#/$defs/d{i + 1}"}]} for i in range(30)}
    with pytest.raises(SchemaRefused):
        compiled(json.dumps({"$ref": "#/$defs/d0", "$defs": {**doubled, "d30": {"type": "string"}}}))


def test_chain_of_references_has_an_end() -> None:
    chain = {f"d{i}": {"$ref": f"#/$defs/d{i + 1}"} for i in range(1500)}
    with pytest.raises(SchemaRefused):
        compiled(json.dumps({"$ref": "#/$defs/d0", "$defs": {**chain, "d1500": True}}))


def test_pattern_that_blows_up_elsewhere_is_linear_here() -> None:
    schema = compiled(json.dumps({"properties": {"name": {"pattern": "^(a+)+$"}}}))
    began = time.process_time()
    assert schema.faults(AuthorizationDetail("x", {"type": "x", "name": "a" * 15_000 + "b"}), 0)
    # A backtracking engine would not be through this year; no figure is judged here.
    assert time.process_time() - began < 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**38), 10**38) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=16), JSON, max_size=4))
def test_whatever_a_stranger_sends_is_judged(members: dict[str, Any]) -> None:
    faults = compiled(json.dumps(PAYMENT)).faults(AuthorizationDetail("payment", members), 0)
    assert all(fault.pointer.startswith("/0") and fault.description for fault in faults)


KEYWORDS = st.sampled_from(["$ref", "$defs", "properties", "allOf", "not", "items", "pattern", "type", "$id", "enum"])


@settings(max_examples=60)
@given(st.recursive(JSON, lambda inner: st.dictionaries(KEYWORDS, inner, max_size=3), max_leaves=12))
def test_any_text_is_a_schema_or_is_refused(value: Any) -> None:
    # Nothing but SchemaRefused may leave: a crash would stop a gateway at its start.
    with suppress(SchemaRefused):
        assert compiled(json.dumps(value)).faults(AuthorizationDetail("x", {"type": "x"}), 0) is not None
