"""Decisions about grants are kept without what opens a door, and decided again from the file as they were."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from granting_bank import (
    CALLBACK,
    PAYMENT,
    SECRET,
    VERIFIER,
    GrantingBank,
    asked,
    client,
    details,
    granting_bank,
    parameters_of,
)
from living_again import lived_again

from dcrgw.adapters.randomness import SystemRandomness
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.evidence import Arrival
from dcrgw.errors import GatewayError, Rejected
from dcrgw.flows.authorise import begin
from dcrgw.flows.decide import decide, word
from dcrgw.flows.exchange import exchange
from dcrgw.flows.interacting import Redirect
from dcrgw.flows.introspect import introspect
from dcrgw.flows.push import push
from dcrgw.flows.revoke import revoke

FLOWS: dict[str, Any] = {
    "par": push,
    "authorize": begin,
    "decide": decide,
    "token": exchange,
    "introspect": introspect,
    "revoke": revoke,
}


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[GrantingBank]:
    async with granting_bank(tmp_path) as opened:
        opened.offers(jwt_audience="https://api.bank.example")
        opened.randomness = SystemRandomness()  # type: ignore[assignment]  # real secrets, long enough to be hidden
        await opened.change(client(), metadata=client(response_types=["code", "code id_token"]).metadata)
        yield opened


async def kept(bank: GrantingBank, operation: str, arrival: Arrival, *secrets: str) -> Any:
    """Live through a decision, keep it, and decide it again: the same, and none of the secrets is in the file."""
    outcome, document = await lived_again(bank, operation, FLOWS[operation], arrival)
    assert isinstance(outcome, Rejected) or not isinstance(outcome, GatewayError), outcome
    for secret in secrets:
        assert secret.encode() not in document
    return outcome


def posted(bank: GrantingBank, **form: Any) -> Arrival:
    return bank.form({"client_id": "client-1", "client_secret": SECRET, **form})


async def test_every_decision_of_a_grant_is_kept_and_decided_again(bank: GrantingBank) -> None:
    request = {**asked(), "response_type": "code id_token", "authorization_details": details(PAYMENT)}
    pushed = await kept(bank, "par", posted(bank, **request), SECRET)
    query = urlencode({"client_id": "client-1", "request_uri": pushed.request_uri})
    asking = await kept(bank, "authorize", Arrival("uk", (), None, b"", query=query, method="GET"))
    signed_in = await bank.sign_in(asking)
    key = signed_in.ticket.key
    redirect = await kept(bank, "decide", word(signed_in.ticket, "approve", bank.market), key, token_hash(key))
    code, id_token = (parameters_of(redirect)[name] for name in ("code", "id_token"))
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    issued = await kept(bank, "token", posted(bank, **form), SECRET, code, id_token)
    secrets = issued.token, issued.refresh_token, issued.id_token
    told = await kept(bank, "introspect", posted(bank, token=issued.token), *secrets)
    assert told["active"] is True
    renewal = {"grant_type": "refresh_token", "refresh_token": issued.refresh_token}
    renewed = await kept(bank, "token", posted(bank, **renewal), *secrets)
    await kept(bank, "revoke", posted(bank, token=issued.refresh_token), *secrets, renewed.token)
    refused = await kept(bank, "token", posted(bank, **renewal), *secrets)
    assert isinstance(refused, Rejected)


async def test_what_was_decided_wrongly_is_decided_wrongly_again(bank: GrantingBank) -> None:
    asking = await bank.ask()
    assert asking.ticket is not None
    for said in ("approve", "perhaps"):
        assert isinstance(await kept(bank, "decide", word(asking.ticket, said, bank.market)), Rejected)
    assert isinstance(await kept(bank, "decide", word(asking.ticket, "deny", bank.market), asking.ticket.key), Redirect)
