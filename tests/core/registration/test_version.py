"""Entity tags and If-Match."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.registration.version import entity_tag, is_expected


def test_entity_tag_is_strong_and_quoted() -> None:
    assert entity_tag(12) == '"12"'


def test_no_wish_takes_any_version() -> None:
    assert is_expected((), 3)


@pytest.mark.parametrize(
    "wish", [('"3"',), ("*",), (" * ",), ('"1", "3"',), ('"1"', '"3"'), ('"a,b" ,"3"',), (', ,"3",',), ('W/"3", "3"',)]
)
def test_matching_wish_is_met(wish: tuple[str, ...]) -> None:
    assert is_expected(wish, 3)


@pytest.mark.parametrize(
    "wish",
    [('"2"',), ('W/"3"',), ("3",), ("",), ('"3',), ('"2", 3',), ('*, "2"',), ('"3" "4"',), ("'3'",), ('"2,"3"',)],
)
def test_other_weak_or_unreadable_wish_is_not_met(wish: tuple[str, ...]) -> None:
    assert not is_expected(wish, 3)


@settings(max_examples=200)
@given(st.lists(st.text(alphabet='"*W/3, \t\\\udc80é', max_size=12), max_size=3), st.integers(1, 5))
def test_any_header_is_read_or_refused(wish: list[str], version: int) -> None:
    assert is_expected(wish, version) in {True, False}


@settings(max_examples=50)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 9))
def test_list_of_tags_is_met_by_its_members_alone(versions: list[int], version: int) -> None:
    wish = ",".join(entity_tag(each) for each in versions)
    assert is_expected([wish], version) == (version in versions)
