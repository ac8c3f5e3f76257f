"""HAR files of strangers make requests, or a sentence."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_bank import Bank

from dcrgw.compliance.making import NotMade, arrivals_of_har

MARKETS = {"uk": Bank().market}
URL = f"{MARKETS['uk'].base_url}/register"
_ANY = st.recursive(
    st.none() | st.integers() | st.text(max_size=8) | st.sampled_from(["POST", URL, "base64", "http://[::1", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "value"]), inner, max_size=2),
    max_leaves=5,
)
_REQUEST = st.fixed_dictionaries(
    {"method": st.just("POST") | _ANY, "url": st.just(URL) | _ANY},
    optional={
        "headers": _ANY,
        "postData": st.fixed_dictionaries({}, optional={"text": _ANY, "encoding": _ANY, "mimeType": _ANY}) | _ANY,
    },
)


def found(*requests: Any) -> list[Any]:
    document = json.dumps({"log": {"entries": [{"request": each} for each in requests]}}).encode()
    return list(arrivals_of_har(document, (), MARKETS))


@given(st.lists(_REQUEST | _ANY, max_size=3))
@settings(max_examples=80)
def test_whatever_stands_in_it_is_a_request_or_a_sentence(requests: list[Any]) -> None:
    with suppress(NotMade):
        found(*requests)


@pytest.mark.parametrize("text", [{"text": "\ud800"}, {"text": "abc", "encoding": "base64"}, {"text": 7}])
def test_a_body_that_cannot_be_read_is_a_sentence(text: dict[str, Any]) -> None:
    with pytest.raises(NotMade):
        found({"method": "POST", "url": URL, "postData": text})


def test_a_host_is_known_in_any_letters() -> None:
    text = {"text": "a.b.c"}
    assert len(found({"method": "POST", "url": URL.replace("https://", "HTTPS://").upper(), "postData": text})) == 0
    host = URL.split("/")[2]
    assert len(found({"method": "POST", "url": URL.replace(host, host.upper()), "postData": text})) == 1
