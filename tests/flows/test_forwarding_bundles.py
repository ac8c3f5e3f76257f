"""Decisions in front of another server are kept without what opens a door, and decided again from the file."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from fronting_bank import FrontingBank, fronting_bank, jwt, known_to
from granting_bank import CALLBACK, PAYMENT, SECRET, VERIFIER, asked, details
from living_again import lived_again
from small_bank import certificate
from test_presenting import OURS, bridged

from dcrgw.adapters.randomness import SystemRandomness
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.evidence import Arrival
from dcrgw.errors import GatewayError
from dcrgw.flows.forwarding.authorise import begin
from dcrgw.flows.forwarding.introspect import introspect
from dcrgw.flows.forwarding.push import push
from dcrgw.flows.forwarding.revoke import revoke
from dcrgw.flows.forwarding.token import exchange

FLOWS: dict[str, Any] = {"par": push, "authorize": begin, "token": exchange, "introspect": introspect, "revoke": revoke}

#: Tokens as other servers make them: with characters that forms and JSON spell in several ways.
ACCESS, REFRESH = "at/of+another-server/0123456789==", "rt/of+another-server/0123456789=="
SIGNATURE = "c2lnbmF0dXJlIHRoYXQgcHJvdmVzIHRoZSB0b2tlbg"
NAME = "urn:ietf:params:oauth:request_uri:of-another-server-0123456789"


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[FrontingBank]:
    async with fronting_bank(tmp_path) as opened:
        opened.randomness = SystemRandomness()  # type: ignore[assignment]
        opened.upstream.says["pushed_authorization_request_endpoint"] = lambda form: (
            201,
            {"request_uri": NAME, "expires_in": 60},
        )
        yield opened


async def kept(bank: FrontingBank, operation: str, arrival: Arrival, *secrets: str) -> Any:
    """Live through a decision, keep it, and decide it again: the same, and none of the secrets is in the file."""
    outcome, document = await lived_again(bank, operation, FLOWS[operation], arrival)
    texts = spelled_out(document)
    for secret in (*secrets, SIGNATURE):
        for spelling in (secret, token_hash(secret), quote(secret, safe=""), json.dumps(secret)[1:-1]):
            assert spelling not in texts
    return outcome


def spelled_out(document: bytes) -> str:
    """All texts of it, and what its base64 says."""
    text = document.decode()
    found = [each.rstrip("=") for each in re.findall(r'"([A-Za-z0-9_=-]{8,})"', text)]
    octets = [base64.urlsafe_b64decode(each[: len(each) // 4 * 4]) for each in found if "=" not in each]
    return "\n".join([text, *(each.decode("latin-1") for each in octets)])


def posted(bank: FrontingBank, **form: Any) -> Arrival:
    return bank.form({"client_id": "client-1", "client_secret": SECRET, **form})


CODE = "code-of-another-server/0123456789"
BY_CODE = {"grant_type": "authorization_code", "code": CODE, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}


async def test_every_decision_in_front_of_a_server_is_kept_and_decided_again(bank: FrontingBank) -> None:
    await kept(bank, "par", posted(bank, **asked(), authorization_details=details(PAYMENT)), SECRET, NAME)
    query = urlencode({"client_id": "client-1", "request_uri": NAME})
    await kept(bank, "authorize", Arrival("uk", (), None, b"", query=query, method="GET"))
    bank.gives(access_token=ACCESS, refresh_token=REFRESH, authorization_details=[PAYMENT])
    assert (await kept(bank, "token", posted(bank, **BY_CODE), SECRET, CODE, ACCESS, REFRESH))["access_token"] == ACCESS
    bank.tells(authorization_details=[PAYMENT])
    assert (await kept(bank, "introspect", posted(bank, token=ACCESS), SECRET, ACCESS))["active"] is True
    renewal = posted(bank, grant_type="refresh_token", refresh_token=REFRESH)
    bank.gives(access_token=jwt(client_id="client-1").replace(".MQ", f".{SIGNATURE}"))
    await kept(bank, "token", renewal, SECRET, REFRESH)
    await kept(bank, "revoke", posted(bank, token=REFRESH), SECRET, REFRESH)


async def test_what_went_too_far_is_kept_and_decided_again(bank: FrontingBank) -> None:
    await bank.send(authorization_details=details(PAYMENT))
    for members in (
        {"access_token": ACCESS, "refresh_token": REFRESH, "authorization_details": [PAYMENT, PAYMENT]},
        {"access_token": ACCESS, "authorization_details": "garbage"},
        {"access_token": jwt(authorization_details=[PAYMENT, PAYMENT]).replace(".MQ", f".{SIGNATURE}")},
    ):
        bank.gives(**members)
        assert isinstance(
            await kept(bank, "token", posted(bank, **BY_CODE), SECRET, CODE, ACCESS, REFRESH), GatewayError
        )


@pytest.mark.parametrize(
    "body",
    [
        f'{{"access_token": "{ACCESS}", "access_token": "{REFRESH}"}}',
        f'{{"access_token": "{ACCESS}", "token_type": "Bear',
        f"<html>{ACCESS}</html>",
        json.dumps({"access_token": ACCESS, "token_type": "Bearer"}).replace("/", "\\/"),
        json.dumps({"access_token": ACCESS, "token_type": "Bearer"}).replace("+", "\\u002b"),
        json.dumps({"error": "invalid_grant", "refresh_token": REFRESH}),
    ],
)
async def test_no_spelling_of_a_token_is_kept(bank: FrontingBank, body: str) -> None:
    await bank.send()
    said = bank.upstream

    async def forward(market: str, asked: Any) -> Any:
        from dcrgw.ports.upstream import Told

        cookie = ("Set-Cookie", f"session={ACCESS}; Secure")
        return Told(400 if "error" in body else 200, (cookie,), body.encode())

    said.forward = forward  # type: ignore[method-assign]
    await kept(bank, "token", posted(bank, **BY_CODE), SECRET, CODE, ACCESS, REFRESH)


async def test_no_spelling_of_a_form_is_kept(bank: FrontingBank) -> None:
    arrival = posted(bank, token=ACCESS)
    body = arrival.body.replace(b"=at%2Fof", b"=%61t%2fof").replace(SECRET.encode(), b"%61" + SECRET[1:].encode())
    spelled = Arrival("uk", arrival.chain, arrival.media_type, body)
    await kept(bank, "introspect", spelled, SECRET, SECRET[1:], ACCESS, ACCESS[1:].replace("/", "%2f"))


async def test_a_bridge_is_kept_without_its_secret_and_decided_again(bank: FrontingBank) -> None:
    await bridged(bank)
    bank.gives(access_token=ACCESS)
    arrival = bank.form({"client_id": "bridged", "grant_type": "client_credentials"}, certificate())
    answer = await kept(bank, "token", arrival, OURS, ACCESS, quote(OURS, safe=""))
    assert answer["access_token"] == ACCESS
    known_to(bank, ACCESS, client_id="bridged")
