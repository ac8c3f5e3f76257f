"""Whatever JSON a stranger signs, the answer is a judgement and never an exception."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from registration_pipeline import Story, play
from test_metadata import JSON

from dcrgw.core.registration.dates import Window, numeric_date
from dcrgw.testkit.statements import request_claims, statement_claims

_STATEMENT = st.dictionaries(st.sampled_from([*statement_claims(), "exp", "nbf", "aud"]), JSON, min_size=1, max_size=6)
_REQUEST = st.dictionaries(st.sampled_from([*request_claims("x"), "nbf", "jwks"]), JSON, min_size=1, max_size=6)


@given(changes=_STATEMENT)
@settings(max_examples=100)
def test_any_claims_of_a_statement_are_judged(changes: dict[str, Any]) -> None:
    ending = play(Story(statement=changes))
    assert ending.failed or ending.metadata is not None


@given(changes=_REQUEST)
@settings(max_examples=100)
def test_any_claims_of_a_request_are_judged(changes: dict[str, Any]) -> None:
    ending = play(Story(request=changes))
    assert ending.failed or ending.metadata is not None


@given(value=JSON | st.integers(-(10**39), 10**39) | st.floats())
def test_any_date_is_judged(value: Any) -> None:
    window = Window(1_795_000_000, 10)
    faults = (window.not_future("x", value), window.not_past("x", value), window.not_older("x", value, 60))
    if numeric_date(value) is None:
        assert None not in faults
