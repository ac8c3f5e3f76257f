"""Decisions in front of another server are kept without what opens a door, and decided again as they were."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from fronting_bank import FrontingBank, fronting_bank, jwt, known_to
from granting_bank import CALLBACK, PAYMENT, SECRET, VERIFIER, asked, details
from living_again import lived_again

from dcrgw.core.evidence import Arrival
from dcrgw.errors import GatewayError, Rejected
from dcrgw.flows.forwarding import authorise, introspect, push, revoke, token

FLOWS: dict[str, Any] = {
    "par": push.push,
    "authorize": authorise.begin,
    "token": token.exchange,
    "introspect": introspect.introspect,
    "revoke": revoke.revoke,
}
#: Some that a form would escape.
ACCESS, REFRESH, CODE = "opaque+access/token~1234==", "a-refresh-token-of-the-server", "a+code/of~the-server=="
RENEWED = "what-took-its-place-there"


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[FrontingBank]:
    async with fronting_bank(tmp_path) as opened:
        yield opened


async def kept(bank: FrontingBank, operation: str, arrival: Arrival, *secrets: str) -> Any:
    """Live through a decision, keep it, and decide it again: the same, and none of the secrets is in the file."""
    outcome, document = await lived_again(bank, operation, FLOWS[operation], arrival)
    for secret in (SECRET, *secrets):
        assert secret.encode() not in document
        assert urlencode({"": secret})[1:].encode() not in document
    return outcome


def posted(bank: FrontingBank, **form: Any) -> Arrival:
    return bank.form({"client_id": "client-1", "client_secret": SECRET, **form})


async def test_every_decision_is_kept_and_decided_again(bank: FrontingBank) -> None:
    pushed = await kept(bank, "par", posted(bank, **asked(), authorization_details=details(PAYMENT)))
    query = urlencode({"client_id": "client-1", "request_uri": pushed.request_uri})
    await kept(bank, "authorize", Arrival("uk", (), None, b"", query=query, method="GET"))
    id_token = jwt(aud="client-1", sub="mia") + "-a-signature-that-is-long"
    bank.gives(access_token=ACCESS, refresh_token=REFRESH, id_token=id_token, authorization_details=[PAYMENT])
    form = {"grant_type": "authorization_code", "code": CODE, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    secrets = ACCESS, REFRESH, CODE, id_token
    issued = await kept(bank, "token", posted(bank, **form), *secrets)
    assert issued["access_token"] == ACCESS
    bank.tells(scope="accounts", authorization_details=[PAYMENT])
    told = await kept(bank, "introspect", posted(bank, token=ACCESS), *secrets)
    assert told["active"] is True
    known_to(bank, ACCESS)
    bank.gives(access_token="renewed-access-token-1", refresh_token=RENEWED)
    renewal = {"grant_type": "refresh_token", "refresh_token": REFRESH}
    await kept(bank, "token", posted(bank, **renewal), *secrets, RENEWED)
    await kept(bank, "revoke", posted(bank, token=RENEWED), *secrets, RENEWED)


async def test_request_through_a_browser_is_decided_again(bank: FrontingBank) -> None:
    for changes in ({}, {"scope": "nobody's"}, {"redirect_uri": "https://evil.example/"}):
        query = urlencode({**asked(), **changes})
        await kept(bank, "authorize", Arrival("uk", (), None, b"", query=query, method="GET"))


async def test_what_the_server_refuses_or_garbles_is_so_again(bank: FrontingBank) -> None:
    form = {"grant_type": "client_credentials"}
    bank.gives({"error": "slow_down", "error_description": "later"}, status=400)
    assert isinstance(await kept(bank, "token", posted(bank, **form)), Rejected)
    bank.upstream.is_down = True
    await kept(bank, "token", posted(bank, **form))
    bank.upstream.is_down = False
    bank.gives(access_token=jwt(client_id="another") + "-a-signature-that-is-long")
    outcome = await kept(bank, "token", posted(bank, **form))
    assert isinstance(outcome, GatewayError)
