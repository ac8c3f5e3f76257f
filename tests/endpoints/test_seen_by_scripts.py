"""What of a request's headers scripts may see: none that is a secret by its name."""

from __future__ import annotations

from aiohttp.test_utils import make_mocked_request

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
