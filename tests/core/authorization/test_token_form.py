from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.core.authorization.form import MAX_PARAMETERS, MEDIA_TYPE, decoded, read

#: No control characters, no half surrogate pairs.
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)


def failed(body: bytes, media_type: str | None = MEDIA_TYPE, query: str = "") -> set[str]:
    return {finding.check.id for finding in read(body, media_type, query).failures}


@settings(max_examples=60)
@given(st.dictionaries(TEXTS, TEXTS, max_size=MAX_PARAMETERS))
def test_form_that_a_client_encodes_reads_back(parameters: dict[str, str]) -> None:
    assert read(urlencode(parameters).encode(), MEDIA_TYPE, "").value == parameters


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    judgement = read(body, MEDIA_TYPE, "")
    assert (judgement.value is None) == bool(judgement.failures)


def test_parameter_without_value_counts_as_absent() -> None:
    assert read(b"scope=&grant_type=client_credentials&x", MEDIA_TYPE, "").value == {"grant_type": "client_credentials"}


def test_empty_form_is_a_form() -> None:
    assert read(b"", MEDIA_TYPE, "").value == {}


@pytest.mark.parametrize("media_type", [MEDIA_TYPE, MEDIA_TYPE.upper(), f"{MEDIA_TYPE}; charset=UTF-8"])
def test_media_type_ignores_case_and_parameters(media_type: str) -> None:
    assert failed(b"a=b", media_type) == set()


@pytest.mark.parametrize("media_type", [None, "", "application/json", "text/plain", f"{MEDIA_TYPE}x"])
def test_other_media_type_is_refused(media_type: str | None) -> None:
    assert failed(b"a=b", media_type) == {"token.request.media_type"}


def test_parameters_in_the_url_are_refused() -> None:
    assert failed(b"a=b", query="client_id=x") == {"token.request.query"}


@pytest.mark.parametrize("body", [b"a=b&a=c", b"a=b&a=b", b"a=&a=b", b"a=b&%61=c"])
def test_repeated_parameter_is_refused(body: bytes) -> None:
    assert failed(body) == {"token.request.once"}


@pytest.mark.parametrize(
    "body", [b"a=%", b"a=%0", b"a=%zz", b"a=%ff", b"a=%0a", b"a=%00", b"a=\x80", b"a=b c", b"a=\n"]
)
def test_malformed_form_is_refused(body: bytes) -> None:
    assert failed(body) == {"token.request.form"}


def test_form_is_bounded() -> None:
    assert failed(b"a=" + b"x" * 40_000) == {"token.request.size"}
    assert failed(b"&".join(b"p%d=1" % index for index in range(MAX_PARAMETERS + 1))) == {"token.request.size"}


def test_plus_is_a_blank_and_percent_2b_a_plus() -> None:
    assert decoded(b"a+b%2Bc") == "a b+c"
