"""[[detail_type]]: what is refused, each under its key."""

from __future__ import annotations

from typing import Any

import pytest
from bank_configuration import faults, settings

RIGHT: dict[str, Any] = {"type": "payment", "schema": "payment.json"}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"type": "https://bank.example/Payment"},
        {"texts": {"en": "Pay {/amount/value} to {/to}"}},
        {"narrows": {"/actions": "subset", "/amount/value": "at_most"}},
        {"markets": ["uk"]},
    ],
)
def test_right_type_is_taken(change: dict[str, Any]) -> None:
    assert settings({"detail_type": [{**RIGHT, **change}]}).detail_types


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"type": ""}, "type"),
        ({"type": "x" * 257}, "type"),
        ({"type": "pay\u200bment"}, "type"),
        ({"texts": {"en": "Pay {amount}"}}, "texts.en"),
        ({"texts": {"en": " "}}, "texts.en"),
        ({"narrows": {"/amount": "less"}}, "narrows./amount"),
        ({"markets": ["us"]}, "markets[0]"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_wrong_type_is_refused_by_its_key(change: dict[str, Any], key: str) -> None:
    assert list(faults({"detail_type": [{**RIGHT, **change}]})) == [f"detail_type[0].{key}"]


def test_pointer_of_another_form_is_refused() -> None:
    assert faults({"detail_type": [{**RIGHT, "narrows": {"amount": "at_most"}}]})


@pytest.mark.parametrize(("one", "other"), [([], []), (["uk"], []), (["uk"], ["uk"])])
def test_type_is_declared_once_for_a_market(one: list[str], other: list[str]) -> None:
    twice = [{**RIGHT, "markets": one}, {**RIGHT, "markets": other}]
    assert list(faults({"detail_type": twice})) == ["detail_type[1].type"]
