"""What of a request's headers scripts may see: none that is a secret by its name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from dcrgw.core.evidence import Arrival
from dcrgw.endpoints.asking import seen_by_scripts

SECRET = (
    "Authorization",
    "Cookie",
    "Set-Cookie",
    "X-Api-Key",
    "X-Auth-Token",
    "X-Client-Secret",
    "Proxy-Authorization",
)


def test_secrets_are_left_out_and_the_rest_is_told() -> None:
    headers = {**dict.fromkeys(SECRET, "s3cret"), "X-FAPI-Interaction-Id": "i-1", "Accept": "application/json"}
    seen = seen_by_scripts(make_mocked_request("POST", "/register?a=s3cret", headers=headers))
    facts = Arrival("uk", (), None, b"", **seen).http_facts()
    assert facts["headers"] == {"X-FAPI-Interaction-Id": "i-1", "Accept": "application/json"}
    assert (facts["method"], facts["path"]) == ("POST", "/register")
    assert "s3cret" not in repr(facts)


@pytest.mark.parametrize(
    ("sent", "seen"),
    [(b"caf\xc3\xa9", "caf\u00e9"), (b"\xff\xfe", "\ufffd" * 2), (b"a\xed\xa0\x80", "a" + "\ufffd" * 3)],
)
def test_bytes_that_are_no_text_are_told_as_such(sent: bytes, seen: str) -> None:
    headers = CIMultiDict({"User-Agent": sent.decode("utf-8", "surrogateescape")})
    told = seen_by_scripts(cast(Any, SimpleNamespace(path="/register", remote=None, headers=headers)))
    assert told["headers"] == (("User-Agent", seen),)
    told["headers"][0][1].encode()
