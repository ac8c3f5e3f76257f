"""`code id_token`: the answer is signed by the ID token beside the code, and stands in the fragment."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from granting_bank import CALLBACK, OUR_KEY, PAYMENT, GrantingBank, asked, details, granting_bank, parameters_of

from dcrgw.core.authorization.interaction import Decision
from dcrgw.core.authorization.minting import half_hash
from dcrgw.core.jose import base64url, verification
from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.reader import JosePolicy, read
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.errors import Rejected
from dcrgw.flows.interacting import Asking, Redirect
from dcrgw.testkit.keys import jwks

HYBRID = {"client_id": "client-2", "response_type": "code id_token"}


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[GrantingBank]:
    async with granting_bank(tmp_path) as opened:
        await opened.add("client-2", response_types=["code id_token"])
        yield opened


def signed_by_us(token: str) -> dict[str, Any]:
    kid = str(json.loads(base64url.decode(token.partition(".")[0].encode()))["kid"])
    policy = JosePolicy(frozenset({"ES256"}), frozenset({"jwt"}))
    unverified = read(token, policy)
    verification.verify(unverified, key_set(jwks({**OUR_KEY.public_jwk(), "kid": kid})), policy)
    return json.loads(unverified.payload)


async def refused(bank: GrantingBank, **changes: Any) -> dict[str, str]:
    """An error in the fragment; the query is as it was registered."""
    answer = await bank.authorize(**{**asked(), **HYBRID, **changes})
    assert isinstance(answer, Redirect)
    assert answer.url.startswith(CALLBACK + "#")
    return parameters_of(answer)


async def test_answer_is_signed_by_the_id_token_beside_the_code(bank: GrantingBank) -> None:
    answer = await bank.decide(await bank.sign_in(await bank.ask(**HYBRID, state="ein Zustand é")))
    assert set(answer) == {"code", "id_token", "state", "iss"}
    claims, now = signed_by_us(answer["id_token"]), int(bank.clock.at)
    assert claims == {
        "iss": bank.market.issuer,
        "sub": "sub-of-mary",
        "aud": "client-2",
        "azp": "client-2",
        "iat": now,
        "exp": now + 300,
        "auth_time": now,
        "nonce": "no",
        "c_hash": half_hash(answer["code"]),
        "s_hash": half_hash("ein Zustand é"),
    }
    issued = await bank.redeem(answer["code"], client_id="client-2")
    later = signed_by_us(issued.id_token or "")
    assert {name: later[name] for name in ("iss", "sub", "aud", "nonce")} == {
        name: claims[name] for name in ("iss", "sub", "aud", "nonce")
    }
    assert later["at_hash"] == half_hash(issued.token)
    assert "c_hash" not in later


async def test_no_state_has_no_hash(bank: GrantingBank) -> None:
    answer = await bank.decide(await bank.sign_in(await bank.ask(**HYBRID, state=None)))
    assert "s_hash" not in signed_by_us(answer["id_token"])
    assert "state" not in answer


async def test_nothing_of_the_answer_stands_in_the_query(bank: GrantingBank) -> None:
    asking = await bank.ask(**HYBRID, redirect_uri="https://tpp.example/cb?fixed=1")
    parts = urlsplit((await bank.redirected(await bank.sign_in(asking))).url)
    assert (parts.query, parts.fragment.partition("=")[0]) == ("fixed=1", "code")


async def test_pushed_request_answers_in_the_fragment_too(bank: GrantingBank) -> None:
    pushed = await bank.push("client-2", response_type="id_token code", authorization_details=details(PAYMENT))
    asking = await bank.authorize(client_id="client-2", request_uri=pushed.request_uri)
    assert isinstance(asking, Asking)
    answer = await bank.redirected(await bank.sign_in(asking))
    assert urlsplit(answer.url).fragment.startswith("code=")


async def test_no_is_told_in_the_fragment(bank: GrantingBank) -> None:
    denied = await bank.redirected(await bank.ask(**HYBRID), Decision.DENY)
    parts = urlsplit(denied.url)
    assert (parts.query, parameters_of(denied)["error"]) == ("", "access_denied")


@pytest.mark.parametrize(
    ("changes", "check", "error"),
    [
        ({"nonce": None}, "authorize.nonce", "invalid_request"),
        ({"scope": "accounts"}, "authorize.id_token.openid", "invalid_scope"),
        ({"scope": None, "authorization_details": details(PAYMENT)}, "authorize.id_token.openid", "invalid_scope"),
        ({"response_mode": "query"}, "authorize.response_mode", "invalid_request"),
        ({"response_mode": "form_post"}, "authorize.response_mode", "invalid_request"),
        ({"response_mode": "jwt"}, "authorize.response_mode", "invalid_request"),
        ({"code_challenge": None}, "authorize.code_challenge", "invalid_request"),
        ({"code_challenge_method": "plain"}, "authorize.code_challenge_method", "invalid_request"),
        ({"response_type": "code id_token token"}, "authorize.response_type", "unsupported_response_type"),
        ({"response_type": "id_token"}, "authorize.response_type", "unsupported_response_type"),
        ({"prompt": "none"}, "authorize.prompt.none", "login_required"),
    ],
)
async def test_fault_goes_back_in_the_fragment(
    bank: GrantingBank, changes: dict[str, Any], check: str, error: str
) -> None:
    answer = await refused(bank, **changes)
    assert bank.failed == [check]
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "st", bank.market.issuer)


async def test_id_token_claims_no_more_than_is_known(bank: GrantingBank) -> None:
    wanted = {"id_token": {"acr": {"essential": True, "values": ["urn:openbanking:psd2:sca"]}, "email": None}}
    asking = await bank.ask(**HYBRID, claims=json.dumps(wanted), acr_values="urn:openbanking:psd2:sca", max_age="0")
    signed_in = await bank.sign_in(asking)
    bank.clock.at += 7
    claims = signed_by_us((await bank.decide(signed_in))["id_token"])
    assert not {"acr", "amr", "email"} & set(claims)
    # When the person signed in, not when they decided.
    assert (claims["auth_time"], claims["iat"]) == (int(bank.clock.at) - 7, int(bank.clock.at))


async def test_fragment_may_be_named(bank: GrantingBank) -> None:
    assert (await bank.ask(**HYBRID, response_mode="fragment")).interaction.request.to.in_fragment


async def test_client_gets_the_response_type_that_it_registered(bank: GrantingBank) -> None:
    plain = await bank.authorize(**{**asked(), "client_id": "client-2"})
    assert isinstance(plain, Redirect)
    assert bank.failed == ["authorize.client.registered"]
    await refused(bank, client_id="client-1")
    assert bank.failed == ["authorize.client.registered"]


async def test_response_type_that_was_given_up_meanwhile_is_not_answered(bank: GrantingBank) -> None:
    known = await bank.add("client-3", response_types=["code", "code id_token"])
    asking = await bank.sign_in(await bank.ask(client_id="client-3", response_type="code id_token"))
    await bank.change(known, metadata=ClientMetadata({**known.metadata.members, "response_types": ["code"]}))
    with pytest.raises(Rejected):
        await bank.decide(asking)
    assert bank.failed == ["authorize.request.current"]
