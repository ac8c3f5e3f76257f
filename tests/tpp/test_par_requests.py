"""What `dcrgw tpp par` and `authorize` ask for where nothing was named."""

from __future__ import annotations

import pytest

from dcrgw.tpp.authorization import begin
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.setup import Setup

BANK = Setup(authorization_endpoint="https://bank.example/authorize")
DETAILS = '[{"type": "payment_initiation"}]'


@pytest.mark.parametrize(
    ("registered", "details", "scope", "asked"),
    [
        (["code"], None, None, "openid"),
        (["code"], DETAILS, None, None),
        (["code id_token"], DETAILS, None, "openid"),
        (["code id_token"], None, None, "openid"),
        (["code id_token"], DETAILS, "openid payments", "openid payments"),
    ],
)
def test_openid_is_asked_for_where_an_id_token_comes_or_nothing_else_is_wanted(
    registered: list[str], details: str | None, scope: str | None, asked: str | None
) -> None:
    information = {"client_id": "c", "redirect_uris": ["https://tpp.example/cb"], "response_types": registered}
    assert begin(BANK, KnownClient(None, information), scope=scope, details=details).scope == asked
