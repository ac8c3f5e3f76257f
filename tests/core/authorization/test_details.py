"""Authorization details by their shape and their types; what a type means is not judged here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from as_stories import client
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.authorization.details import MAX_DETAILS, AuthorizationDetail, judge, parsed, unmatched
from dcrgw.errors import ErrorCode

TYPES = ("payment", "https://scheme.example/consent")
PAYMENT = {"type": "payment"}


def failures(value: Any, *, registered: tuple[str, ...] = TYPES, supported: tuple[str, ...] = TYPES) -> list[str]:
    asking = client("tls_client_auth", members={"authorization_details_types": list(registered)})
    judged = judge(value, asking, supported)
    assert (judged.value is None) == bool(judged.failures)
    assert all(f.check.code is ErrorCode.INVALID_AUTHORIZATION_DETAILS for f in judged.failures)
    return [
        f"{f.check.id} {f.description.partition(':')[0].removeprefix('authorization_details').strip()}"
        for f in judged.failures
    ]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({}, ["details.shape "]),
        ("[]", ["details.shape "]),
        ([], ["details.shape "]),
        ([PAYMENT] * (MAX_DETAILS + 1), ["details.shape "]),
        ([PAYMENT, "payment"], ["details.shape /1"]),
        ([[PAYMENT]], ["details.shape /0"]),
        ([{}], ["details.shape /0/type"]),
        ([{"type": None}], ["details.shape /0/type"]),
        ([{"type": 5}], ["details.shape /0/type"]),
        ([{"type": ["payment"]}], ["details.shape /0/type"]),
        ([{"type": ""}], ["details.shape /0/type"]),
        ([{"type": "x" * 257}], ["details.shape /0/type"]),
        ([{"type": "pay\nment"}], ["details.shape /0/type"]),
        ([{**PAYMENT, "actions": "read"}], ["details.shape /0/actions"]),
        ([{**PAYMENT, "locations": [1]}], ["details.shape /0/locations"]),
        ([{**PAYMENT, "datatypes": []}], ["details.shape /0/datatypes"]),
        ([{**PAYMENT, "privileges": {}}], ["details.shape /0/privileges"]),
        ([{**PAYMENT, "identifier": 7}], ["details.shape /0/identifier"]),
        ([{"type": "Payment"}], ["details.type.supported /0/type", "details.type.registered /0/type"]),
        ([{"type": "../x"}], ["details.type.supported /0/type", "details.type.registered /0/type"]),
        ([{"type": "__init__"}], ["details.type.supported /0/type", "details.type.registered /0/type"]),
    ],
)
def test_malformed_or_unknown_detail_is_refused_by_index_and_pointer(value: Any, found: list[str]) -> None:
    assert failures(value) == found


def test_fault_of_the_whole_list_names_it_without_a_gap() -> None:
    (failure,) = judge([], client("tls_client_auth", members={"authorization_details_types": []}), TYPES).failures
    assert failure.description.startswith("authorization_details: ")


def test_one_bad_detail_of_fifty_refuses_all() -> None:
    assert failures([PAYMENT] * 30 + [{"type": "other"}] + [PAYMENT] * 19)[0] == "details.type.supported /30/type"


def test_faults_come_all_at_once() -> None:
    bad = [{**PAYMENT, "actions": "x", "identifier": 1}, {}, {"type": "other"}]
    assert failures(bad) == [
        "details.shape /0/actions",
        "details.shape /0/identifier",
        "details.shape /1/type",
        "details.type.supported /2/type",
        "details.type.registered /2/type",
    ]


def test_type_of_another_client_is_refused() -> None:
    assert failures([PAYMENT], registered=(TYPES[1],)) == ["details.type.registered /0/type"]
    assert failures([PAYMENT], registered=()) == ["details.type.registered /0/type"]


def test_where_no_type_is_supported_every_detail_is_refused() -> None:
    assert failures([PAYMENT], supported=()) == ["details.type.supported /0/type"]


def test_good_details_keep_every_member() -> None:
    value = [{**PAYMENT, "amount": {"value": 1.5}, "actions": ["a"]}, {"type": TYPES[1]}]
    asking = client("tls_client_auth", members={"authorization_details_types": list(TYPES)})
    found = judge(value, asking, TYPES).value
    assert found is not None
    assert [each.members for each in found] == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "payment",
        '[{"type":"payment","type":"payment"}]',
        '[{"type":"payment","amount":NaN}]',
        '[{"type":"payment","amount":1e999}]',
        '[{"type":"payment","amount":' + "9" * 5_000 + "}]",
        '[{"type":"payment","note":"\\ud800"}]',
        "[" * 10_000 + "]" * 10_000,
        '[{"a":' * 20 + "1" + "}]" * 20,
        "[" + ",".join(['{"type":"payment"}'] * 10_000) + "]",
        '[{"type":"' + "x" * 1_000_000 + '"}]',
    ],
)
def test_text_that_is_no_bounded_strict_json_is_refused(text: str) -> None:
    judged = parsed(text)
    assert [f.check.id for f in judged.failures] == ["details.json"]


def test_null_is_a_value_and_no_list() -> None:
    value = parsed("null").value
    assert value is not None
    assert failures(value) == ["details.shape "]


def test_json_twice_encoded_is_no_list() -> None:
    assert failures(parsed(json.dumps(json.dumps([PAYMENT]))).value) == ["details.shape "]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60)
@given(JSON)
def test_whatever_comes_is_judged_and_never_raises(value: Any) -> None:
    failures(value)


def detail(**members: Any) -> AuthorizationDetail:
    return AuthorizationDetail("payment", {"type": "payment", **members})


@pytest.mark.parametrize(
    ("wanted", "granted", "beyond", "left"),
    [
        ([detail(a=1)], [detail(a=1)], 0, 0),
        ([detail(a=1, b=2)], [detail(b=2, a=1)], 0, 0),
        ([detail(a=1)], [detail(a=1.0)], 1, 1),
        ([detail(a=1)], [detail(a=True)], 1, 1),
        ([detail(a=1), detail(a=1)], [detail(a=1)], 1, 0),
        ([], [detail()], 0, 1),
        ([detail(a=[1, 2])], [detail(a=[2, 1])], 1, 1),
    ],
)
def test_a_granted_detail_covers_the_same_one_once(wanted: list, granted: list, beyond: int, left: int) -> None:
    found = unmatched(tuple(wanted), tuple(granted))
    assert (len(found[0]), len(found[1])) == (beyond, left)
