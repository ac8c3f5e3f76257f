"""From the request to the token and its end: what is granted, once, to whom; and what a thief gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from granting_bank import ACCOUNTS, CALLBACK, OUR_KEY, PAYMENT, GrantingBank, details, granting_bank
from small_bank import certificate, only, thumbprint

from dcrgw.core.authorization.interaction import Decision
from dcrgw.core.authorization.minting import half_hash
from dcrgw.core.authorization.requests import REQUEST_URI
from dcrgw.core.authorization.server import ResourceServer
from dcrgw.core.jose import base64url, verification
from dcrgw.core.jose.keys import key_set
from dcrgw.core.jose.reader import JosePolicy, read
from dcrgw.core.registration.client import ClientStatus
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.errors import Rejected
from dcrgw.flows.interacting import Asking, Redirect
from dcrgw.testkit.keys import jwks


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[GrantingBank]:
    async with granting_bank(tmp_path) as opened:
        yield opened


def proven(token: str, typ: str) -> dict[str, Any]:
    """The claims of a token that our key signed."""
    published = {**OUR_KEY.public_jwk(), "kid": kid_of(token)}
    policy = JosePolicy(frozenset({"ES256"}), frozenset({typ.lower()}))
    unverified = read(token, policy)
    assert unverified.header.typ == typ
    verification.verify(unverified, key_set(jwks(published)), policy)
    return json.loads(unverified.payload)


def kid_of(token: str) -> str:
    return str(json.loads(base64url.decode(token.partition(".")[0].encode()))["kid"])


async def refused(bank: GrantingBank, asking: Any) -> tuple[str, int, str]:
    with pytest.raises(Rejected) as caught:
        await asking
    return only(caught.value)


# -- the whole way --


async def test_approved_request_gives_code_tokens_and_id_token(bank: GrantingBank) -> None:
    answer = await bank.decide(await bank.sign_in(await bank.ask(authorization_details=details(PAYMENT))))
    assert (answer["state"], answer["iss"]) == ("st", bank.market.issuer)
    issued = await bank.redeem(answer["code"])
    assert issued.scope == ("openid", "accounts")
    assert [dict(each.members) for each in issued.details] == [PAYMENT]
    assert issued.refresh_token
    claims = proven(issued.id_token or "", "JWT")
    assert claims == {
        "iss": bank.market.issuer,
        "sub": "sub-of-mary",
        "aud": "client-1",
        "azp": "client-1",
        "iat": int(bank.clock.at),
        "exp": int(bank.clock.at) + 300,
        "auth_time": int(bank.clock.at),
        "nonce": "no",
        "at_hash": half_hash(issued.token),
    }


async def test_access_token_is_bound_to_the_certificate_that_redeemed(bank: GrantingBank) -> None:
    issued = await bank.redeem(await bank.code())
    told = await bank.introspect(issued.token)
    assert told["cnf"] == {"x5t#S256": thumbprint(certificate())}
    assert (told["active"], told["sub"], told["client_id"]) == (True, "sub-of-mary", "client-1")


async def test_pushed_request_is_asked_once_and_reloads_until_it_completes(bank: GrantingBank) -> None:
    pushed = await bank.push()
    assert pushed.request_uri.startswith(REQUEST_URI)
    first = await bank.authorize(client_id="client-1", request_uri=pushed.request_uri)
    again = await bank.authorize(client_id="client-1", request_uri=pushed.request_uri)
    assert isinstance(first, Asking)
    assert isinstance(again, Asking)
    assert "code" in await bank.decide(await bank.sign_in(again))
    other = bank.sign_in(first)
    assert (await refused(bank, bank.decide(await other)))[0] == "interaction.open"
    used = bank.authorize(client_id="client-1", request_uri=pushed.request_uri)
    assert await refused(bank, used) == ("authorize.request_uri", 400, "invalid_request_uri")


async def test_denial_ends_the_request_without_a_sign_in(bank: GrantingBank) -> None:
    pushed = await bank.push()
    asking = await bank.authorize(client_id="client-1", request_uri=pushed.request_uri)
    assert isinstance(asking, Asking)
    answer = await bank.decide(asking, Decision.DENY)
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "st", bank.market.issuer)
    again = bank.authorize(client_id="client-1", request_uri=pushed.request_uri)
    assert (await refused(bank, again))[0] == "authorize.request_uri"


async def test_redirect_uri_with_a_query_keeps_it(bank: GrantingBank) -> None:
    asking = await bank.ask(redirect_uri="https://tpp.example/cb?fixed=1")
    answer = await bank.decide(await bank.sign_in(asking))
    assert answer["fixed"] == "1"


async def test_client_without_openid_gets_no_id_token(bank: GrantingBank) -> None:
    issued = await bank.redeem(await bank.code(scope="accounts"))
    assert issued.id_token is None


async def test_client_that_registered_no_refresh_tokens_gets_none(bank: GrantingBank) -> None:
    await bank.add("client-2", grant_types=["authorization_code"])
    code = await bank.code(client_id="client-2")
    assert (await bank.redeem(code, client_id="client-2")).refresh_token is None


# -- pushed requests --


async def test_request_uri_of_another_client_is_refused(bank: GrantingBank) -> None:
    await bank.add("client-2")
    pushed = await bank.push()
    foreign = bank.authorize(client_id="client-2", request_uri=pushed.request_uri)
    assert await refused(bank, foreign) == ("authorize.request_uri", 400, "invalid_request_uri")


@pytest.mark.parametrize(
    "uri", ["https://evil.example/request.jwt", f"{REQUEST_URI}guess", "urn:ietf:params:oauth:request_uri", "x"]
)
async def test_request_uri_that_is_not_ours_is_refused(bank: GrantingBank, uri: str) -> None:
    assert (await refused(bank, bank.authorize(client_id="client-1", request_uri=uri)))[0] == "authorize.request_uri"


async def test_expired_request_uri_is_refused(bank: GrantingBank) -> None:
    pushed = await bank.push()
    bank.clock.at += pushed.lifetime_s
    late = bank.authorize(client_id="client-1", request_uri=pushed.request_uri)
    assert (await refused(bank, late))[0] == "authorize.request_uri"


async def test_person_may_take_longer_than_the_request_uri_lives(bank: GrantingBank) -> None:
    pushed = await bank.push()
    asking = await bank.authorize(client_id="client-1", request_uri=pushed.request_uri)
    bank.clock.at += 300
    assert isinstance(asking, Asking)
    assert "code" in await bank.decide(await bank.sign_in(asking))


async def test_pushing_a_request_uri_is_refused(bank: GrantingBank) -> None:
    pushed = await bank.push()
    again = bank.push(request_uri=pushed.request_uri)
    assert await refused(bank, again) == ("par.request_uri", 400, "invalid_request")


async def test_pushing_needs_the_client_itself(bank: GrantingBank) -> None:
    assert (await refused(bank, bank.push(client_secret="wrong")))[2] == "invalid_client"


async def test_pushed_faults_come_all_at_once(bank: GrantingBank) -> None:
    with pytest.raises(Rejected) as caught:
        await bank.push(code_challenge=None, response_type="token", scope="nothing", authorization_details="[{}]")
    assert {fault.check for fault in caught.value.faults} == {
        "authorize.response_type",
        "authorize.code_challenge",
        "token.scope.registered",
        "details.shape",
    }


async def test_registration_that_changed_since_the_push_counts(bank: GrantingBank) -> None:
    known = await bank.add("client-2")
    pushed = await bank.push("client-2")
    await bank.change(known, metadata=ClientMetadata({**known.metadata.members, "scope": "openid"}))
    asking = bank.authorize(client_id="client-2", request_uri=pushed.request_uri)
    assert (await refused(bank, asking))[0] == "authorize.request.current"


async def test_required_push_refuses_plain_parameters(bank: GrantingBank) -> None:
    await bank.add("client-2", require_pushed_authorization_requests=True)
    answer = await bank.authorize(client_id="client-2", redirect_uri=CALLBACK, response_type="code")
    assert isinstance(answer, Redirect)
    assert bank.failed[0] == "authorize.request.pushed"


# -- the person --


async def test_wrong_password_asks_again(bank: GrantingBank) -> None:
    asking = await bank.ask()
    assert (await refused(bank, bank.sign_in(asking, password="guess")))[0] == "customer.authenticated"
    assert "code" in await bank.decide(await bank.sign_in(asking))


async def test_nobody_approves_without_signing_in(bank: GrantingBank) -> None:
    assert (await refused(bank, bank.decide(await bank.ask())))[0] == "interaction.signed_in"


async def test_another_browser_cannot_go_on(bank: GrantingBank) -> None:
    asking = await bank.ask()
    assert asking.ticket is not None
    stranger = replace(asking, ticket=replace(asking.ticket, key="stolen"))
    assert (await refused(bank, bank.sign_in(stranger)))[0] == "interaction.open"
    assert (await refused(bank, bank.decide(stranger, Decision.DENY)))[0] == "interaction.open"


async def test_key_of_before_the_sign_in_is_worth_nothing_after_it(bank: GrantingBank) -> None:
    before = await bank.ask()
    after = await bank.sign_in(before)
    assert (await refused(bank, bank.decide(before)))[0] == "interaction.open"
    assert "code" in await bank.decide(after)


async def test_person_who_waits_too_long_is_told_so(bank: GrantingBank) -> None:
    asking = await bank.sign_in(await bank.ask())
    bank.clock.at += bank.server.interaction_lifetime_s
    assert (await refused(bank, bank.decide(asking)))[0] == "interaction.open"


async def test_decision_is_taken_once(bank: GrantingBank) -> None:
    asking = await bank.sign_in(await bank.ask())
    answers = await asyncio.gather(bank.decide(asking), bank.decide(asking), return_exceptions=True)
    assert sorted(isinstance(answer, Rejected) for answer in answers) == [False, True]


async def test_client_suspended_meanwhile_gets_nothing(bank: GrantingBank) -> None:
    known = await bank.add("client-2")
    asking = await bank.sign_in(await bank.ask(client_id="client-2"))
    await bank.change(known, status=ClientStatus.SUSPENDED)
    assert (await refused(bank, bank.decide(asking)))[0] == "interaction.open"


async def test_pairwise_client_knows_the_customer_by_another_name(bank: GrantingBank) -> None:
    await bank.add("client-2", subject_type="pairwise")
    code = await bank.code(client_id="client-2")
    claims = proven((await bank.redeem(code, client_id="client-2")).id_token or "", "JWT")
    assert claims["sub"] != "sub-of-mary"
    again = await bank.code(client_id="client-2")
    other = proven((await bank.redeem(again, client_id="client-2")).id_token or "", "JWT")
    assert other["sub"] == claims["sub"]


# -- codes --


async def test_replayed_code_ends_what_it_got(bank: GrantingBank) -> None:
    code = await bank.code()
    issued = await bank.redeem(code)
    assert await refused(bank, bank.redeem(code)) == ("token.code.unused", 400, "invalid_grant")
    assert await bank.introspect(issued.token) == {"active": False}
    assert (await refused(bank, bank.refresh(issued.refresh_token)))[0] == "token.refresh.known"


async def test_replayed_code_is_known_long_after(bank: GrantingBank) -> None:
    code = await bank.code()
    issued = await bank.redeem(code)
    bank.clock.at += 5_000
    assert (await refused(bank, bank.redeem(code)))[0] == "token.code.unused"
    assert (await refused(bank, bank.refresh(issued.refresh_token)))[0] == "token.refresh.known"


async def test_of_two_redeemers_at_once_none_keeps_a_token(bank: GrantingBank) -> None:
    code = await bank.code()
    answers = await asyncio.gather(bank.redeem(code), bank.redeem(code), return_exceptions=True)
    issued = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(issued) == 1
    assert await bank.introspect(issued[0].token) == {"active": False}


async def test_code_of_another_client_is_unknown_and_stays_good(bank: GrantingBank) -> None:
    await bank.add("client-2")
    code = await bank.code()
    assert await refused(bank, bank.redeem(code, client_id="client-2")) == ("token.code.known", 400, "invalid_grant")
    assert (await bank.redeem(code)).token


@pytest.mark.parametrize(
    ("changes", "check", "error"),
    [
        ({"code_verifier": "w" * 43}, "token.code.verifier", "invalid_grant"),
        ({"code_verifier": None}, "token.code.present", "invalid_request"),
        ({"code_verifier": "short"}, "token.code.present", "invalid_request"),
        ({"redirect_uri": "https://tpp.example/cb/"}, "token.code.redirect_uri", "invalid_grant"),
        ({"redirect_uri": "https://tpp.example/cb?fixed=1"}, "token.code.redirect_uri", "invalid_grant"),
        ({"redirect_uri": None}, "token.code.present", "invalid_request"),
        ({"code": "guess"}, "token.code.known", "invalid_grant"),
        ({"code": None}, "token.code.present", "invalid_request"),
    ],
)
async def test_code_without_its_proof_is_refused_and_not_used_up(
    bank: GrantingBank, changes: dict[str, Any], check: str, error: str
) -> None:
    code = await bank.code()
    assert await refused(bank, bank.redeem(**{"code": code, **changes})) == (check, 400, error)
    assert (await bank.redeem(code)).token


async def test_expired_code_is_refused(bank: GrantingBank) -> None:
    code = await bank.code()
    bank.clock.at += bank.server.code_lifetime_s
    assert (await refused(bank, bank.redeem(code)))[0] == "token.code.current"


async def test_scope_of_a_code_shrinks_with_the_registration(bank: GrantingBank) -> None:
    known = await bank.add("client-2")
    code = await bank.code(client_id="client-2")
    await bank.change(known, metadata=ClientMetadata({**known.metadata.members, "scope": "accounts"}))
    assert (await bank.redeem(code, client_id="client-2")).scope == ("accounts",)


# -- refresh tokens --


async def test_refresh_token_serves_again_and_again(bank: GrantingBank) -> None:
    issued = await bank.redeem(await bank.code())
    for _ in range(2):
        renewed = await bank.refresh(issued.refresh_token)
        assert renewed.refresh_token is None
        assert (await bank.introspect(renewed.token))["active"] is True


async def test_refresh_narrows_scope_for_one_token_only(bank: GrantingBank) -> None:
    issued = await bank.redeem(await bank.code())
    assert (await bank.refresh(issued.refresh_token, scope="accounts")).scope == ("accounts",)
    assert (await bank.refresh(issued.refresh_token)).scope == ("openid", "accounts")
    wider = bank.refresh(issued.refresh_token, scope="payments")
    assert await refused(bank, wider) == ("token.scope.narrowed", 400, "invalid_scope")


async def test_refresh_token_of_another_client_is_unknown(bank: GrantingBank) -> None:
    await bank.add("client-2")
    issued = await bank.redeem(await bank.code())
    foreign = bank.refresh(issued.refresh_token, client_id="client-2")
    assert await refused(bank, foreign) == ("token.refresh.known", 400, "invalid_grant")


async def test_rotated_refresh_token_ends_the_grant_when_it_comes_again(bank: GrantingBank) -> None:
    bank.offers(rotates_refresh_tokens=True)
    first = await bank.redeem(await bank.code())
    second = await bank.refresh(first.refresh_token)
    assert second.refresh_token not in (None, first.refresh_token)
    assert (await refused(bank, bank.refresh(first.refresh_token)))[0] == "token.refresh.unused"
    assert (await refused(bank, bank.refresh(second.refresh_token)))[0] == "token.refresh.known"
    assert await bank.introspect(second.token) == {"active": False}


async def test_rotation_does_not_prolong(bank: GrantingBank) -> None:
    bank.offers(rotates_refresh_tokens=True, refresh_token_lifetime_s=1_000)
    first = await bank.redeem(await bank.code())
    bank.clock.at += 900
    second = await bank.refresh(first.refresh_token)
    bank.clock.at += 100
    assert (await refused(bank, bank.refresh(second.refresh_token)))[0] == "token.refresh.current"


# -- authorization details --


async def test_details_are_carried_to_every_token(bank: GrantingBank) -> None:
    bank.offers(jwt_audience="https://api.bank.example")
    issued = await bank.redeem(await bank.code(authorization_details=details(PAYMENT, ACCOUNTS)))
    assert proven(issued.token, "at+jwt")["authorization_details"] == [PAYMENT, ACCOUNTS]
    renewed = await bank.refresh(issued.refresh_token)
    assert (await bank.introspect(renewed.token))["authorization_details"] == [PAYMENT, ACCOUNTS]
    assert (await bank.introspect(issued.refresh_token or ""))["authorization_details"] == [PAYMENT, ACCOUNTS]


@pytest.mark.parametrize(
    ("wanted", "is_less"),
    [
        ([PAYMENT], True),
        ([{**PAYMENT, "amount": 20}], True),
        ([{"currency": "GBP", "amount": 50, "type": "payment"}], True),
        ([PAYMENT, PAYMENT], False),
        ([PAYMENT, {**PAYMENT, "amount": 1}], False),
        ([{**PAYMENT, "amount": 51}], False),
        ([{**ACCOUNTS, "actions": ["read", "write"]}], False),
        ([ACCOUNTS], False),
    ],
)
async def test_token_request_narrows_details_only(
    bank: GrantingBank, wanted: list[dict[str, Any]], is_less: bool
) -> None:
    code = await bank.code(authorization_details=details(PAYMENT))
    if not is_less:
        beyond = bank.redeem(code, authorization_details=details(*wanted))
        assert await refused(bank, beyond) == ("details.narrowed", 400, "invalid_authorization_details")
        return
    issued = await bank.redeem(code, authorization_details=details(*wanted))
    assert [dict(each.members) for each in issued.details] == wanted
    renewed = await bank.refresh(issued.refresh_token)
    assert [dict(each.members) for each in renewed.details] == [PAYMENT]


async def test_client_credentials_take_details_too(bank: GrantingBank) -> None:
    issued = await bank.token(grant_type="client_credentials", authorization_details=details(ACCOUNTS))
    assert (await bank.introspect(issued.token))["authorization_details"] == [ACCOUNTS]
    bad = bank.token(grant_type="client_credentials", authorization_details=details({**PAYMENT, "amount": 0}))
    assert await refused(bank, bad) == ("details.rules", 400, "invalid_authorization_details")


async def test_bad_detail_goes_back_to_the_client_with_its_pointer(bank: GrantingBank) -> None:
    answer = await bank.authorize(
        client_id="client-1",
        redirect_uri=CALLBACK,
        response_type="code",
        code_challenge="A" * 43,
        code_challenge_method="S256",
        authorization_details=details(PAYMENT, {**PAYMENT, "amount": -1}),
    )
    assert isinstance(answer, Redirect)
    assert "error=invalid_authorization_details" in answer.url
    assert "%2F1%2Famount" in answer.url


# -- JWT access tokens, introspection, revocation, ends --


async def test_jwt_access_token_says_what_rfc_9068_wants(bank: GrantingBank) -> None:
    bank.offers(jwt_audience="https://api.bank.example")
    issued = await bank.redeem(await bank.code())
    claims = proven(issued.token, "at+jwt")
    assert claims.pop("jti")
    assert claims == {
        "iss": bank.market.issuer,
        "sub": "sub-of-mary",
        "aud": "https://api.bank.example",
        "client_id": "client-1",
        "iat": int(bank.clock.at),
        "exp": int(bank.clock.at) + 300,
        "auth_time": int(bank.clock.at),
        "scope": "openid accounts",
        "cnf": {"x5t#S256": thumbprint(certificate())},
    }
    own = await bank.token(grant_type="client_credentials")
    assert proven(own.token, "at+jwt")["sub"] == "client-1"


async def test_client_hears_of_its_own_tokens_only(bank: GrantingBank) -> None:
    await bank.add("client-2")
    issued = await bank.redeem(await bank.code())
    for token in (issued.token, issued.refresh_token or "", "guess"):
        assert await bank.introspect(token, client_id="client-2") == {"active": False}
    assert (await bank.introspect(issued.refresh_token or ""))["active"] is True


async def test_resource_server_hears_of_every_access_token(bank: GrantingBank) -> None:
    api = certificate("api")
    issued = await bank.redeem(await bank.code())
    asking = {"client_id": None, "client_secret": None, "shown": api}
    with pytest.raises(Rejected):
        await bank.introspect(issued.token, **asking)
    bank.offers(resource_servers=(ResourceServer("api", thumbprint(api)),))
    assert (await bank.introspect(issued.token, **asking))["scope"] == "openid accounts"
    assert await bank.introspect(issued.refresh_token or "", **asking) == {"active": False}
    assert await bank.introspect("guess", **asking) == {"active": False}


async def test_resource_server_whose_certificate_does_not_hold_hears_of_nothing(bank: GrantingBank) -> None:
    api = certificate("api")
    issued = await bank.redeem(await bank.code())
    bank.offers(resource_servers=(ResourceServer("api", thumbprint(api)),))
    bank.clock.at += 400 * 86_400
    asking = bank.introspect(issued.token, client_id=None, client_secret=None, shown=api)
    assert (await refused(bank, asking))[:2] == ("tls.leaf.dates", 401)


async def test_expired_token_is_inactive(bank: GrantingBank) -> None:
    issued = await bank.redeem(await bank.code())
    bank.clock.at += 300
    assert await bank.introspect(issued.token) == {"active": False}


async def test_introspection_needs_a_token(bank: GrantingBank) -> None:
    assert await refused(bank, bank.introspect("")) == ("token.shown", 400, "invalid_request")


async def test_revoked_access_token_is_inactive_and_its_grant_lives(bank: GrantingBank) -> None:
    issued = await bank.redeem(await bank.code())
    await bank.revoke(issued.token)
    assert await bank.introspect(issued.token) == {"active": False}
    assert (await bank.refresh(issued.refresh_token)).token


async def test_revoked_refresh_token_takes_the_grant_with_it(bank: GrantingBank) -> None:
    issued = await bank.redeem(await bank.code())
    await bank.revoke(issued.refresh_token, token_type_hint="access_token")
    assert await bank.introspect(issued.token) == {"active": False}
    assert (await refused(bank, bank.refresh(issued.refresh_token)))[0] == "token.refresh.known"


async def test_revoking_what_is_not_ones_own_changes_nothing(bank: GrantingBank) -> None:
    await bank.add("client-2")
    issued = await bank.redeem(await bank.code())
    for token in (issued.token, issued.refresh_token, "guess"):
        await bank.revoke(token, client_id="client-2")
    assert (await bank.introspect(issued.token))["active"] is True
    assert (await bank.refresh(issued.refresh_token)).token


@pytest.mark.parametrize("status", [ClientStatus.SUSPENDED, ClientStatus.DELETED])
async def test_client_that_ends_takes_all_with_it(bank: GrantingBank, status: ClientStatus) -> None:
    known = await bank.add("client-2")
    issued = await bank.redeem(await bank.code(client_id="client-2"), client_id="client-2")
    pushed = await bank.push("client-2")
    changed = await bank.change(known, status=status)
    if status is ClientStatus.SUSPENDED:
        await bank.change(changed, status=ClientStatus.ACTIVE)
        late = bank.refresh(issued.refresh_token, client_id="client-2")
        assert (await refused(bank, late))[0] == "token.refresh.known"
        asking = bank.authorize(client_id="client-2", request_uri=pushed.request_uri)
        assert (await refused(bank, asking))[0] == "authorize.request_uri"
    else:
        asking = bank.authorize(client_id="client-2", request_uri=pushed.request_uri)
        assert (await refused(bank, asking))[0] == "authorize.client"
    api = certificate("api")
    bank.offers(resource_servers=(ResourceServer("api", thumbprint(api)),))
    assert await bank.introspect(issued.token, api, client_id=None, client_secret=None) == {"active": False}


async def test_market_without_people_has_client_credentials_alone(bank: GrantingBank) -> None:
    code = await bank.code()
    bank.offers(grant_types=("client_credentials",))
    assert (await refused(bank, bank.redeem(code)))[0] == "token.grant.supported"
