"""Languages: all say the same things, and everybody gets the best one there is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.endpoints.pages.wording import chosen, read_wordings

WORDINGS = read_wordings()


def fields(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("lang", WORDINGS)
def test_every_language_says_everything_with_the_same_values(lang: str) -> None:
    english = WORDINGS["en"].texts
    texts = WORDINGS[lang].texts
    assert texts.keys() == english.keys()
    assert {key: fields(text) for key, text in texts.items()} == {key: fields(text) for key, text in english.items()}
    assert all(text.strip() and not re.search(r"[<>&]", text) for text in texts.values())


def test_there_is_more_than_one_language() -> None:
    assert list(WORDINGS) == ["en", "pt"]


@pytest.mark.parametrize(
    ("wanted", "accepted", "expected"),
    [
        ((), "", "en"),
        ((), "pt-BR,pt;q=0.9,en;q=0.5", "pt"),
        ((), "en;q=0.5, pt", "pt"),
        ((), "fr, pt;q=0.1", "pt"),
        ((), "pt;q=0, en;q=0.1", "en"),
        ((), "PT-br", "pt"),
        (("pt",), "en", "pt"),
        (("fr", "pt-PT"), "en", "pt"),
        (("xx",), "pt", "pt"),
        ((), "pt;q=nonsense", "en"),
        ((), "*", "en"),
    ],
)
def test_the_best_language_is_chosen(wanted: tuple[str, ...], accepted: str, expected: str) -> None:
    assert chosen(WORDINGS, wanted, accepted).lang == expected


@settings(max_examples=100)
@given(st.lists(st.text(max_size=20), max_size=4), st.text(max_size=100))
def test_no_header_is_without_a_language(wanted: list[str], accepted: str) -> None:
    assert chosen(WORDINGS, wanted, accepted).lang in WORDINGS


def test_a_scope_without_words_is_named_itself() -> None:
    for wording in WORDINGS.values():
        assert "consents:read" in wording.scope("consents:read")
        assert "other" in wording.scope("other")
