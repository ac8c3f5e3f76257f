"""Requests at the authorization endpoint: what a page tells, what goes back to the client, what is never believed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from granting_bank import CALLBACK, PAYMENT, VERIFIER, GrantingBank, asked, details, granting_bank, parameters_of
from small_bank import SOFTWARE_KEY, only

from dcrgw.core.authorization.server import Use
from dcrgw.core.evidence import Arrival
from dcrgw.core.jose import base64url
from dcrgw.core.registration.client import ClientStatus
from dcrgw.errors import Misconfigured, Rejected, Unavailable
from dcrgw.flows import authorise
from dcrgw.flows.interacting import Asking, Redirect
from dcrgw.testkit.keys import SigningKey

FOREIGN_KEY = SigningKey.generate("sig-1", "ES256")


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[GrantingBank]:
    async with granting_bank(tmp_path) as opened:
        yield opened


async def paged(bank: GrantingBank, **parameters: Any) -> tuple[str, int, str]:
    """The refusal that a page shows; nothing was sent anywhere."""
    with pytest.raises(Rejected) as caught:
        await bank.authorize(**parameters)
    return only(caught.value)


async def sent_back(bank: GrantingBank, **changes: Any) -> dict[str, str]:
    answer = await bank.authorize(**{**asked(), **changes})
    assert isinstance(answer, Redirect)
    assert re.match(re.escape(CALLBACK) + "[?#]", answer.url)
    return parameters_of(answer)


# -- no redirect before client and redirect_uri are proven --


@pytest.mark.parametrize("client_id", [None, "", "nobody", "../x", "x" * 500])
async def test_unknown_client_is_told_on_a_page(bank: GrantingBank, client_id: str | None) -> None:
    assert await paged(bank, **{**asked(), "client_id": client_id}) == ("authorize.client", 400, "invalid_client")


async def test_suspended_client_is_told_on_a_page(bank: GrantingBank) -> None:
    await bank.change(await bank.add("client-2"), status=ClientStatus.SUSPENDED)
    assert (await paged(bank, **asked("client-2")))[0] == "authorize.client"


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "https://evil.example/cb",
        "https://tpp.example/cb/",
        "https://tpp.example/CB",
        "https://tpp.example/cb?x=1",
        "https://tpp.example/cb#x",
        "https://tpp.example:443/cb",
        "https://tpp.example/%63b",
        "HTTPS://tpp.example/cb",
        "https://tpp.example/cb/../cb",
        "https://tpp.example/cb ",
        "//evil.example",
        "javascript:alert(1)",
    ],
)
@pytest.mark.parametrize("fault", [{}, {"response_type": "token"}, {"scope": "nothing"}])
async def test_redirect_uri_is_compared_byte_by_byte_before_all_else(
    bank: GrantingBank, uri: str | None, fault: dict[str, str]
) -> None:
    said = await paged(bank, **{**asked(), **fault, "redirect_uri": uri})
    assert said == ("authorize.redirect_uri", 400, "invalid_request")


async def test_redirect_uri_of_another_client_is_refused(bank: GrantingBank) -> None:
    await bank.add("client-2", redirect_uris=["https://other.example/cb"])
    assert (await paged(bank, **asked("client-2")))[0] == "authorize.redirect_uri"


async def test_parameter_that_comes_twice_is_refused_on_a_page(bank: GrantingBank) -> None:
    query = urlencode([*asked().items(), ("redirect_uri", "https://evil.example")])
    arrival = Arrival("uk", (), None, b"", query=query, method="GET")
    with pytest.raises(Rejected) as caught:
        await authorise.begin(arrival, bank.market, bank.ports, bank.begin())
    assert only(caught.value)[0] == "token.request.once"


async def test_request_may_be_posted(bank: GrantingBank) -> None:
    arrival = bank.form(asked())
    assert isinstance(await authorise.begin(arrival, bank.market, bank.ports, bank.begin()), Asking)


# -- what goes back to the client --


@pytest.mark.parametrize(
    ("changes", "check", "error"),
    [
        ({"response_type": None}, "authorize.response_type", "unsupported_response_type"),
        ({"response_type": "token"}, "authorize.response_type", "unsupported_response_type"),
        ({"response_type": "code token"}, "authorize.response_type", "unsupported_response_type"),
        ({"response_type": "code code"}, "authorize.response_type", "unsupported_response_type"),
        ({"response_type": "Code"}, "authorize.response_type", "unsupported_response_type"),
        ({"response_type": "code  id_token"}, "authorize.response_type", "unsupported_response_type"),
        ({"response_type": "code id_token"}, "authorize.client.registered", "unauthorized_client"),
        ({"response_mode": "fragment"}, "authorize.response_mode", "invalid_request"),
        ({"response_mode": "form_post"}, "authorize.response_mode", "invalid_request"),
        ({"code_challenge": None}, "authorize.code_challenge", "invalid_request"),
        ({"code_challenge": VERIFIER + "="}, "authorize.code_challenge", "invalid_request"),
        ({"code_challenge_method": "plain"}, "authorize.code_challenge_method", "invalid_request"),
        ({"code_challenge_method": None}, "authorize.code_challenge_method", "invalid_request"),
        ({"code_challenge_method": "s256"}, "authorize.code_challenge_method", "invalid_request"),
        ({"nonce": "x" * 513}, "authorize.texts", "invalid_request"),
        ({"scope": None}, "authorize.scope", "invalid_scope"),
        ({"scope": "openid fundsconfirmations"}, "token.scope.registered", "invalid_scope"),
        ({"scope": "openid  accounts"}, "token.scope.form", "invalid_scope"),
        ({"prompt": "none"}, "authorize.prompt.none", "login_required"),
        ({"prompt": "none login"}, "authorize.prompt", "invalid_request"),
        ({"prompt": "create"}, "authorize.prompt", "invalid_request"),
        ({"max_age": "-1"}, "authorize.max_age", "invalid_request"),
        ({"max_age": "soon"}, "authorize.max_age", "invalid_request"),
        ({"authorization_details": "{}"}, "details.shape", "invalid_authorization_details"),
        ({"authorization_details": "["}, "details.json", "invalid_authorization_details"),
        ({"authorization_details": '[{"type":"x"}]'}, "details.type.supported", "invalid_authorization_details"),
        (
            {"authorization_details": details({**PAYMENT, "amount": 0})},
            "details.rules",
            "invalid_authorization_details",
        ),
    ],
)
async def test_fault_goes_back_with_state_and_issuer(
    bank: GrantingBank, changes: dict[str, Any], check: str, error: str
) -> None:
    answer = await sent_back(bank, **changes)
    assert check in bank.failed
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "st", bank.market.issuer)


@pytest.mark.parametrize("state", ["x" * 513, "a\u202eb"])
async def test_state_that_is_no_state_does_not_come_back(bank: GrantingBank, state: str) -> None:
    assert "state" not in await sent_back(bank, state=state)


async def test_faults_come_all_at_once(bank: GrantingBank) -> None:
    await sent_back(bank, code_challenge=None, code_challenge_method=None, scope="x", max_age="x", prompt="x")
    assert bank.failed == [
        "authorize.code_challenge",
        "authorize.code_challenge_method",
        "token.scope.registered",
        "authorize.prompt",
        "authorize.max_age",
    ]


@pytest.mark.parametrize(
    ("members", "check"),
    [
        ({"response_types": ["code id_token"]}, "authorize.client.registered"),
        ({"grant_types": ["client_credentials"]}, "authorize.client.registered"),
        ({"authorization_details_types": ["accounts"]}, "details.type.registered"),
        ({"require_signed_request_object": True}, "authorize.request.signed"),
        ({"require_pushed_authorization_requests": True}, "authorize.request.pushed"),
        ({"id_token_signed_response_alg": "PS256"}, "authorize.id_token.alg"),
        ({"id_token_encrypted_response_alg": "RSA-OAEP"}, "authorize.id_token.alg"),
    ],
)
async def test_client_gets_what_it_registered_for(bank: GrantingBank, members: dict[str, Any], check: str) -> None:
    await bank.add("client-2", **members)
    await sent_back(bank, client_id="client-2", authorization_details=details(PAYMENT))
    assert bank.failed == [check]


@pytest.mark.parametrize(
    ("offers", "check"),
    [
        ({"pushed": Use.REQUIRED}, "authorize.request.pushed"),
        ({"signed_requests": Use.REQUIRED}, "authorize.request.signed"),
    ],
)
async def test_market_may_demand_how_it_is_asked(bank: GrantingBank, offers: dict[str, Use], check: str) -> None:
    bank.offers(**offers)
    await sent_back(bank)
    assert bank.failed == [check]


@pytest.mark.parametrize(
    ("failure", "error"),
    [(Unavailable("script", "slow"), "temporarily_unavailable"), (Misconfigured("x"), "server_error")],
)
async def test_our_own_failure_goes_back_without_its_reason(bank: GrantingBank, failure: Exception, error: str) -> None:
    class Broken(type(bank.details)):  # type: ignore[misc]
        async def judge(self, *_: object) -> Any:
            raise failure

    bank.details = Broken()
    answer = await sent_back(bank, authorization_details=details(PAYMENT))
    assert answer["error"] == error
    assert "slow" not in answer["error_description"]
    assert str(failure) in bank.report.facts["failure"]


async def test_what_the_person_is_shown_comes_from_the_bank(bank: GrantingBank) -> None:
    asking = await bank.ask(authorization_details=details({**PAYMENT, "ui_representation": "<b>free money</b>"}))
    assert [text.text for text in asking.interaction.texts] == ["payment of 50"]
    assert asking.client.client_id == "client-1"


async def test_wishes_of_the_client_are_carried(bank: GrantingBank) -> None:
    asking = await bank.ask(ui_locales="cy en-GB <x>", login_hint="mary", max_age="0", prompt="login consent")
    request = asking.interaction.request
    assert (request.ui_locales, request.login_hint, request.max_age) == (("cy", "en-GB"), "mary", 0)
    assert request.prompt == {"login", "consent"}


# -- signed request objects --


async def test_signed_object_is_the_whole_request(bank: GrantingBank) -> None:
    signed = bank.signed(scope="payments", authorization_details=[PAYMENT], max_age=10, typ=None)
    asking = await bank.authorize(
        client_id="client-1", request=signed, scope="openid", redirect_uri="https://evil.example"
    )
    assert isinstance(asking, Asking)
    request = asking.interaction.request
    assert (request.scope, request.redirect_uri, request.max_age) == (("payments",), CALLBACK, 10)
    assert [dict(each.members) for each in request.details] == [PAYMENT]


async def test_parameter_outside_a_signed_object_does_not_fill_a_gap(bank: GrantingBank) -> None:
    signed = bank.signed(code_challenge=None)
    answer = await bank.authorize(**{**asked(), "request": signed})
    assert isinstance(answer, Redirect)
    assert bank.failed == ["authorize.code_challenge"]


async def test_signed_object_may_be_pushed_and_is_burnt_by_it(bank: GrantingBank) -> None:
    bank.offers(signed_requests=Use.REQUIRED, pushed=Use.REQUIRED)
    signed = bank.signed()
    only_object = dict.fromkeys(set(asked()) - {"client_id"})
    pushed = await bank.push(request=signed, **only_object)
    asking = await bank.authorize(client_id="client-1", request_uri=pushed.request_uri)
    assert isinstance(asking, Asking)
    with pytest.raises(Rejected) as caught:
        await bank.push(request=signed, **only_object)
    assert only(caught.value) == ("authorize.object.unused", 400, "invalid_request_object")
    assert "code" in await bank.decide(await bank.sign_in(asking))


async def test_signed_object_authorizes_once(bank: GrantingBank) -> None:
    signed = bank.signed()
    first = await bank.authorize(client_id="client-1", request=signed)
    second = await bank.authorize(client_id="client-1", request=signed)
    assert isinstance(first, Asking)
    assert isinstance(second, Asking)
    assert "code" in await bank.decide(await bank.sign_in(first))
    signed_in = await bank.sign_in(second)
    with pytest.raises(Rejected) as caught:
        await bank.decide(signed_in)
    assert only(caught.value)[0] == "authorize.object.unused"


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"iss": "client-2"}, "authorize.object.client_id"),
        ({"iss": None}, "authorize.object.client_id"),
        ({"client_id": "client-2"}, "authorize.object.client_id"),
        ({"client_id": None}, "authorize.object.client_id"),
        ({"sub": "client-1"}, "authorize.object.client_id"),
        ({"aud": "https://other.example"}, "authorize.object.aud"),
        ({"aud": None}, "authorize.object.aud"),
        ({"aud": ["https://other.example"]}, "authorize.object.aud"),
        ({"exp": None}, "authorize.object.exp"),
        ({"exp": 1}, "authorize.object.exp"),
        ({"exp": "soon"}, "authorize.object.exp"),
        ({"nbf": None}, "authorize.object.nbf"),
        ({"nbf": 1}, "authorize.object.nbf"),
        ({"nbf": 99_999_999_999}, "authorize.object.nbf"),
        ({"exp": 99_999_999_999}, "authorize.object.nbf"),
        ({"iat": 99_999_999_999}, "authorize.object.iat"),
        ({"jti": ""}, "authorize.object.jti"),
        ({"jti": 5}, "authorize.object.jti"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "authorize.object.nested"),
        ({"request": "e30.e30.x"}, "authorize.object.nested"),
        ({"scope": ["openid"]}, "authorize.object.members"),
        ({"authorization_details": details(PAYMENT)}, "authorize.object.members"),
        ({"key": FOREIGN_KEY}, "authorize.object.jws.signature"),
        ({"header": {"kid": "other"}}, "authorize.object.jws.key_unknown"),
        ({"header": {"typ": "client-authentication+jwt"}}, "authorize.object.jws.type"),
        ({"header": {"jku": "https://evil.example"}}, "authorize.object.jws.header_member"),
    ],
)
async def test_bad_object_is_refused_on_a_page(bank: GrantingBank, changes: dict[str, Any], check: str) -> None:
    said = await paged(bank, client_id="client-1", request=bank.signed(**changes))
    assert said == (check, 400, "invalid_request_object")


async def test_object_of_an_algorithm_that_was_not_registered_is_refused(bank: GrantingBank) -> None:
    await bank.add("client-2", request_object_signing_alg="PS256")
    signed = bank.signed(iss="client-2", client_id="client-2")
    assert (await paged(bank, client_id="client-2", request=signed))[0] == "authorize.object.jws.algorithm"


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("no.jwt", "authorize.object.jws.parts"),
        ("a.b.c.d.e", "authorize.object.jws.parts"),
        (base64url.encode(b'{"alg":"none"}') + ".e30.", "authorize.object.jws.algorithm"),
        (base64url.encode(b'{"alg":"HS256","kid":"sig-1"}') + ".e30.AAAA", "authorize.object.jws.algorithm"),
    ],
)
async def test_unsigned_and_encrypted_objects_are_refused(bank: GrantingBank, text: str, check: str) -> None:
    assert await paged(bank, client_id="client-1", request=text) == (check, 400, "invalid_request_object")


async def test_object_of_another_client_cannot_be_used(bank: GrantingBank) -> None:
    await bank.add("client-2")
    assert (await paged(bank, client_id="client-2", request=bank.signed()))[0] == "authorize.object.client_id"


async def test_two_ways_of_asking_exclude_each_other(bank: GrantingBank) -> None:
    pushed = await bank.push()
    said = await paged(bank, client_id="client-1", request=bank.signed(), request_uri=pushed.request_uri)
    assert said == ("authorize.request.single", 400, "invalid_request")


async def test_market_that_takes_no_objects_says_so(bank: GrantingBank) -> None:
    bank.offers(signed_requests=Use.OFF)
    answer = await bank.authorize(client_id="client-1", request=bank.signed())
    assert isinstance(answer, Redirect)
    assert bank.failed == ["authorize.request.signed"]


async def test_client_assertion_passes_for_no_request(bank: GrantingBank) -> None:
    at = bank.clock.at
    assertion = {"iss": "client-1", "sub": "client-1", "aud": bank.market.issuer, "exp": at + 60, "jti": "j"}
    said = await paged(bank, client_id="client-1", request=SOFTWARE_KEY.sign(assertion))
    assert said[0] == "authorize.object.client_id"
