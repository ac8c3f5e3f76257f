"""Detail types that the settings declare: their words, and what is less."""

from __future__ import annotations

from typing import Any

import pytest

from dcrgw.core.authorization.detail_rules import DeclaredType, Less, Unsayable, is_text, unenriched
from dcrgw.core.authorization.details import AuthorizationDetail
from dcrgw.core.languages import chosen

TYPE = DeclaredType(
    "payment",
    texts={"en": "Pay {/amount/value} to {/to}: {/actions}", "pt": "Pague {/amount/value} a {/to}"},
    narrows={"/actions": Less.SUBSET, "/amount/value": Less.AT_MOST},
)
GRANTED = {"type": "payment", "to": "Shop", "actions": ["pay", "see"], "amount": {"value": "10.00", "currency": "GBP"}}


def detail(**changes: Any) -> AuthorizationDetail:
    members = {name: value for name, value in {**GRANTED, **changes}.items() if value is not None}
    return AuthorizationDetail("payment", members)


@pytest.mark.parametrize(
    ("languages", "text"),
    [
        (("pt-BR", "en"), "Pague 10.00 a Shop"),
        (("EN-gb",), "Pay 10.00 to Shop: pay, see"),
        (("de",), "Pay 10.00 to Shop: pay, see"),
        ((), "Pay 10.00 to Shop: pay, see"),
    ],
)
def test_words_are_in_the_persons_language(languages: tuple[str, ...], text: str) -> None:
    assert TYPE.text(detail(), languages) == text


def test_placeholder_in_a_value_stands_for_nothing() -> None:
    assert TYPE.text(detail(to="{/type}"), ()) == "Pay 10.00 to {/type}: pay, see"


@pytest.mark.parametrize("to", [None, {"a": 1}, [1], True])
def test_member_without_words_is_not_passed_over(to: Any) -> None:
    with pytest.raises(Unsayable):
        TYPE.text(detail(to=to), ())


@pytest.mark.parametrize(
    "changes",
    [
        {"actions": ["see"]},
        {"amount": {"value": "9.99", "currency": "GBP"}},
        {"amount": {"value": "10", "currency": "GBP"}},
        {"actions": ["pay"], "amount": {"value": "0.01", "currency": "GBP"}},
    ],
)
def test_less_is_less(changes: dict[str, Any]) -> None:
    assert TYPE.is_less(detail(**changes), detail())


@pytest.mark.parametrize(
    "changes",
    [
        {"actions": ["pay", "steal"]},
        {"actions": None},
        {"actions": "pay"},
        {"actions": []},
        {"amount": {"value": "10.01", "currency": "GBP"}},
        {"amount": {"value": "0", "currency": "GBP"}},
        {"amount": {"value": "-1", "currency": "GBP"}},
        {"amount": {"value": "NaN", "currency": "GBP"}},
        {"amount": {"value": True, "currency": "GBP"}},
        {"amount": {"value": "1_0", "currency": "GBP"}},
        {"amount": {"value": "1e0", "currency": "GBP"}},
        {"amount": {"value": " 1", "currency": "GBP"}},
        {"amount": {"value": "\u0663", "currency": "GBP"}},
        {"amount": {"value": "5", "currency": "EUR"}},
        {"amount": {"value": "5"}},
        {"amount": "5"},
        {"to": "Thief"},
        {"more": 1},
    ],
)
def test_more_or_other_is_not_less(changes: dict[str, Any]) -> None:
    assert not TYPE.is_less(detail(**changes), detail())


def test_type_without_a_rule_knows_no_less() -> None:
    assert not DeclaredType("payment").is_less(detail(actions=["see"]), detail())


@pytest.mark.parametrize(
    ("template", "is_one"), [("Pay {/a/b}", True), ("Pay", True), ("{a}", False), ("{", False), ("{/a b}", False)]
)
def test_braces_stand_around_pointers_only(template: str, is_one: bool) -> None:
    assert is_text(template) is is_one


def test_language_is_found_by_its_longest_part() -> None:
    assert chosen(("en", "pt", "pt-BR"), ("pt-BR-x-y",)) == "pt-BR"
    assert chosen(("en", "pt"), ("de", "PT-pt")) == "pt"


PLACES = ("/accounts", "/access/balances")


@pytest.mark.parametrize("open_", [None, [], {}, ""])
@pytest.mark.parametrize("chosen_", [["1", "2"], {"iban": "DE"}, None, 5])
def test_what_was_left_open_may_be_filled_in(open_: Any, chosen_: Any) -> None:
    asked = AuthorizationDetail("payment", {**GRANTED, "accounts": open_})
    returned = AuthorizationDetail("payment", {**GRANTED, "accounts": chosen_})
    plain, wanted = unenriched(returned, asked, PLACES)
    assert plain.canonical == wanted.canonical


def test_what_was_not_there_may_be_added() -> None:
    plain, wanted = unenriched(detail(accounts=["1"]), detail(), PLACES)
    assert plain.canonical == wanted.canonical


@pytest.mark.parametrize(
    ("asked", "returned"),
    [
        (detail(accounts=["1"]), detail(accounts=["2"])),
        (detail(accounts=["1"]), detail()),
        (detail(accounts=["1"]), detail(accounts=["1", "2"])),
        (detail(), detail(others=["1"])),
        (detail(), detail(access={"balances": ["1"]})),
        (detail(access={"balances": []}), detail(access={"balances": ["1"], "transactions": ["1"]})),
        (detail(accounts=0), detail(accounts=["1"])),
        (detail(accounts=False), detail(accounts=["1"])),
    ],
)
def test_nothing_else_may(asked: AuthorizationDetail, returned: AuthorizationDetail) -> None:
    plain, wanted = unenriched(returned, asked, PLACES)
    assert plain.canonical != wanted.canonical


def test_a_member_deep_within_may_be_filled_in() -> None:
    asked, returned = detail(access={"balances": [], "for": 1}), detail(access={"balances": ["1"], "for": 1})
    plain, wanted = unenriched(returned, asked, PLACES)
    assert plain.canonical == wanted.canonical
    assert returned.members["access"] == {"balances": ["1"], "for": 1}


@pytest.mark.parametrize(
    ("wanted", "granted", "is_less"),
    [
        ([], [], True),
        ([{"iban": "1", "name": "a"}], [{"name": "a", "iban": "1"}, {"iban": "2"}], True),
        ([{"iban": "3"}], [{"iban": "1"}], False),
        ([True], [1], False),
        ([1.0], [1], False),
    ],
)
def test_part_of_a_list_is_less_element_by_element(wanted: Any, granted: Any, is_less: bool) -> None:
    cheaper = detail(actions=wanted, amount={"value": "1", "currency": "GBP"})
    assert TYPE.is_less(cheaper, detail(actions=granted)) is is_less
