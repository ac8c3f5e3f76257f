"""What scripts say of tokens and of certificates: additions count, what is decided stays."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from granting_bank import SECRET, GrantingBank, client, granting_bank
from small_bank import certificate

from dcrgw.core.jose import base64url
from dcrgw.errors import Misconfigured, Rejected
from dcrgw.scripting.typed_calls import registered_facts

DN = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=an older name"}
FORM: dict[str, Any] = {"grant_type": "client_credentials", "scope": "accounts"}


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[GrantingBank]:
    async with granting_bank(tmp_path) as made:
        yield made


async def granted(bank: GrantingBank) -> str:
    return (await bank.token(**FORM)).token


async def test_additions_are_told(bank: GrantingBank) -> None:
    token = await granted(bank)
    plain = await bank.introspect(token)
    bank.scripts.introspect = lambda answer: {**answer, "openbanking_intent_id": "i-1"}
    assert await bank.introspect(token) == {**plain, "openbanking_intent_id": "i-1"}


@pytest.mark.parametrize(
    "change",
    [
        {"active": False},
        {"scope": "accounts payments"},
        {"exp": 9_999_999_999},
        {"client_id": "other"},
        {"sub": "other"},
        {"cnf": {"x5t#S256": "other"}},
        {"aud": "other"},
        {"authorization_details": []},
        {"nbf": 1},
        {"iss": None},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_what_only_the_server_knows_stays(change: dict[str, Any], bank: GrantingBank) -> None:
    token = await granted(bank)
    bank.scripts.introspect = lambda answer: {**answer, **change}
    with pytest.raises(Misconfigured, match=next(iter(change))):
        await bank.introspect(token)
    assert bank.failed == ["script.introspection"]
    bank.scripts.introspect = lambda answer: {name: v for name, v in answer.items() if name not in change}
    if next(iter(change)) in ("active", "scope", "exp", "client_id", "sub", "cnf", "iss"):
        with pytest.raises(Misconfigured):
            await bank.introspect(token)


async def test_of_an_inactive_token_no_script_is_asked(bank: GrantingBank) -> None:
    bank.scripts.introspect = lambda answer: {**answer, "active": True}
    assert await bank.introspect("nonsense") == {"active": False}


@pytest.mark.parametrize("says_so", [True, False])
async def test_tokens_of_clients_that_say_so_take_the_additions_over(says_so: bool, bank: GrantingBank) -> None:
    bank.offers(jwt_audience="https://api.bank.example")
    known = client()
    await bank.change(known, attributes={"run_introspection_script_before_jwt_creation": says_so})
    bank.scripts.introspect = lambda claims: {**claims, "tier": "gold"}
    claims = json.loads(base64url.decode((await granted(bank)).split(".")[1].encode()))
    assert ("tier" in claims) is says_so
    assert claims["client_id"] == "client-1"


async def test_script_that_goes_too_far_in_a_token_issues_none(bank: GrantingBank) -> None:
    bank.offers(jwt_audience="https://api.bank.example")
    known = client()
    await bank.change(known, attributes={"run_introspection_script_before_jwt_creation": True})
    bank.scripts.introspect = lambda claims: {**claims, "scope": "payments"}
    with pytest.raises(Misconfigured):
        await granted(bank)


# isCertValidForClient.


async def by_certificate(bank: GrantingBank, shown: Any = None) -> Any:
    return await bank.token(shown, **FORM, client_id="client-2", client_secret=None)


async def test_certificate_of_another_subject_is_taken_where_the_script_vouches(bank: GrantingBank) -> None:
    await bank.add("client-2", **DN)
    bank.scripts.vouches = True
    assert (await by_certificate(bank)).scope == ("accounts",)
    (call,) = bank.scripts.vouched
    assert (call.client.client_id, call.certificate) == ("client-2", certificate().der)
    assert "script.certificate" in [finding.check.id for finding in bank.report.findings]


@pytest.mark.parametrize("says", [False, None])
async def test_silence_and_no_are_no_yes(says: bool | None, bank: GrantingBank) -> None:
    await bank.add("client-2", **DN)
    bank.scripts.vouches = says
    with pytest.raises(Rejected) as refused:
        await by_certificate(bank)
    assert refused.value.faults[0].status == 401
    assert "client.certificate.name" in bank.failed


async def test_right_subject_asks_nobody(bank: GrantingBank) -> None:
    await bank.add("client-2", **{**DN, "tls_client_auth_subject_dn": subject()})
    assert (await by_certificate(bank)).scope == ("accounts",)
    assert bank.scripts.vouched == []


async def test_no_script_vouches_for_another_tpp(bank: GrantingBank) -> None:
    await bank.add("client-2", **DN)
    bank.scripts.vouches = True
    with pytest.raises(Rejected):
        await by_certificate(bank, certificate("stranger", software_id="another-software-id-00", org_id="another"))
    assert bank.scripts.vouched == []


async def test_no_script_vouches_for_a_missing_secret(bank: GrantingBank) -> None:
    bank.scripts.vouches = True
    with pytest.raises(Rejected):
        await bank.token(**FORM, client_secret="another")
    assert bank.scripts.vouched == []


@pytest.mark.parametrize("name", ["tls_client_auth_san_dns", "tls_client_auth_san_uri"])
async def test_other_names_of_a_certificate_are_not_vouched_for(name: str, bank: GrantingBank) -> None:
    await bank.add("client-2", token_endpoint_auth_method="tls_client_auth", **{name: "elsewhere.example"})
    bank.scripts.vouches = True
    with pytest.raises(Rejected):
        await by_certificate(bank)
    assert bank.scripts.vouched == []


def subject() -> str:
    return x509.load_der_x509_certificate(certificate().der).subject.rfc4514_string()


def test_facts_of_a_client_tell_no_secret() -> None:
    assert SECRET not in json.dumps(registered_facts(client()))
