"""Who calls at another server's endpoints: proven there, or bridged by the gateway."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from fronting_bank import FrontingBank, form_of, fronting_bank
from granting_bank import ACCOUNTS, PAYMENT, SECRET, asked, client, details
from small_bank import SOFTWARE_KEY, certificate, only

from dcrgw.core.authorization.credentials import JWT_BEARER
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.upstream.client import UPSTREAM_SECRET
from dcrgw.errors import Misconfigured, Rejected
from dcrgw.ports.registry import AuditRecord, Change
from dcrgw.testkit.statements import NOW

OURS = "only the gateway and the server know: %&+ü"


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[FrontingBank]:
    async with fronting_bank(tmp_path) as bank:
        yield bank


async def bridged(bank: FrontingBank, **members: Any) -> RegisteredClient:
    """A client by tls_client_auth, which the server lacks."""
    method = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": subject()}
    added = client("bridged", **{**method, **members})
    kept = replace(added, secrets={UPSTREAM_SECRET: OURS})
    await bank.registry.commit(Change(AuditRecord("r", "i", NOW, "create", "uk", "registered", "tpp"), client=kept))
    return kept


def subject() -> str:
    return certificate().certificate.subject.rfc4514_string()


def assertion(client_id: str = "bridged", **changes: Any) -> dict[str, str]:
    claims = {"iss": client_id, "sub": client_id, "aud": "https://localhost:8443", "jti": "a-1", "exp": NOW + 60}
    signed = SOFTWARE_KEY.sign({**claims, **changes}, header={"typ": "JWT"})
    return {"client_assertion_type": JWT_BEARER, "client_assertion": signed}


def shown_pair(header: str) -> list[str]:
    kind, _, pair = header.partition(" ")
    assert kind == "Basic"
    return [unquote_plus(each) for each in base64.b64decode(pair).decode().split(":")]


async def test_a_method_that_the_server_has_is_proven_there(bank: FrontingBank) -> None:
    await bank.by_own_right()
    sent = bank.upstream.last("token_endpoint")
    assert form_of(sent)["client_secret"] == SECRET
    await bank.by_own_right(client_secret="wrong")
    assert form_of(bank.upstream.last("token_endpoint"))["client_secret"] == "wrong"


async def test_a_bridged_client_is_shown_by_the_gateways_secret(bank: FrontingBank) -> None:
    await bridged(bank)
    await bank.by_own_right(client_id="bridged", client_secret=None)
    sent = bank.upstream.last("token_endpoint")
    assert form_of(sent) == {"grant_type": "client_credentials", "client_id": "bridged"}
    assert shown_pair(dict(sent.headers)["Authorization"]) == ["bridged", OURS]


async def test_a_bridge_by_post_stands_in_the_form(bank: FrontingBank) -> None:
    bank.stands_behind = replace(bank.stands_behind, auth_methods=frozenset({"client_secret_post"}))
    await bridged(bank)
    await bank.by_own_right(client_id="bridged", client_secret=None)
    sent = bank.upstream.last("token_endpoint")
    assert form_of(sent)["client_secret"] == OURS
    assert "Authorization" not in dict(sent.headers)


async def test_a_bridged_clients_certificate_is_judged_whole(bank: FrontingBank) -> None:
    await bridged(bank, tls_client_auth_subject_dn="CN=somebody,O=else")
    with pytest.raises(Rejected) as refused:
        await bank.by_own_right(client_id="bridged", client_secret=None)
    assert only(refused.value)[0] == "client.authenticated"
    assert "client.certificate.name" in bank.failed
    assert bank.upstream.heard == []


async def test_a_bridged_clients_assertion_is_proven_here_serves_once_and_goes_no_further(bank: FrontingBank) -> None:
    bank.stands_behind = replace(bank.stands_behind, auth_methods=frozenset({"client_secret_basic"}))
    await bridged(bank, token_endpoint_auth_method="private_key_jwt")
    aud = bank.market.issuer
    await bank.by_own_right(client_id=None, client_secret=None, **assertion(aud=aud))
    assert form_of(bank.upstream.last("token_endpoint")).keys() == {"grant_type", "client_id"}
    with pytest.raises(Rejected) as refused:
        await bank.by_own_right(client_id=None, client_secret=None, **assertion(aud=aud))
    assert only(refused.value)[0] == "client.authenticated"
    assert "client.assertion.jti.unused" in bank.failed
    assert len(bank.upstream.heard) == 1


async def test_a_refused_request_uses_up_no_assertion(bank: FrontingBank) -> None:
    bank.stands_behind = replace(bank.stands_behind, auth_methods=frozenset({"client_secret_basic"}))
    await bridged(bank, token_endpoint_auth_method="private_key_jwt")
    shown = assertion(aud=bank.market.issuer)
    with pytest.raises(Rejected):
        await bank.by_own_right(client_id=None, client_secret=None, scope="admin", **shown)
    await bank.by_own_right(client_id=None, client_secret=None, **shown)


@pytest.mark.parametrize(
    "shown",
    [
        {"client_secret": SECRET},
        {"client_secret": OURS},
        {"client_assertion_type": JWT_BEARER, "client_assertion": "e30.e30.AAAA"},
    ],
)
async def test_a_bridged_client_has_no_other_way(bank: FrontingBank, shown: dict[str, str]) -> None:
    await bridged(bank)
    with pytest.raises(Rejected):
        await bank.by_own_right(**{"client_id": "bridged", "client_secret": None, **shown})
    assert bank.upstream.heard == []


async def test_a_bridge_stays_one_though_the_server_learnt_the_method(bank: FrontingBank) -> None:
    await bridged(bank)
    bank.stands_behind = replace(bank.stands_behind, auth_methods=bank.stands_behind.auth_methods | {"tls_client_auth"})
    await bank.by_own_right(client_id="bridged", client_secret=None)
    assert "Authorization" in dict(bank.upstream.last("token_endpoint").headers)


async def test_a_refused_secret_of_the_gateway_is_the_banks_fault(bank: FrontingBank) -> None:
    await bridged(bank)
    bank.gives({"error": "invalid_client"}, status=401)
    with pytest.raises(Misconfigured):
        await bank.by_own_right(client_id="bridged", client_secret=None)
    with pytest.raises(Rejected):
        await bank.by_own_right()


@pytest.mark.parametrize("status", [ClientStatus.PENDING, ClientStatus.SUSPENDED, ClientStatus.DELETED])
async def test_who_is_not_active_does_not_reach_the_server(bank: FrontingBank, status: ClientStatus) -> None:
    known = await bank.registry.client("uk", "client-1")
    assert known is not None
    await bank.change(known, status=status)
    for call in (bank.by_own_right(), bank.push(), bank.introspect("t"), bank.revoke("t")):
        with pytest.raises(Rejected) as refused:
            await call
        assert only(refused.value)[0] == "client.authenticated"
    assert bank.upstream.heard == []


async def test_another_tpps_certificate_does_not_reach_the_server(bank: FrontingBank) -> None:
    theirs = certificate("other", software_id="another-software-id-1", org_id="0015800001041ZZZZZ")
    with pytest.raises(Rejected) as refused:
        await bank.by_own_right(theirs)
    assert only(refused.value)[0] == "client.authenticated"
    assert bank.upstream.heard == []


async def test_withheld_tokens_of_a_bridged_client_are_revoked(bank: FrontingBank) -> None:
    await bridged(bank)
    bank.gives(authorization_details=[PAYMENT])
    with pytest.raises(Misconfigured):
        await bank.by_own_right(client_id="bridged", client_secret=None)
    sent = bank.upstream.last("revocation_endpoint")
    assert form_of(sent) == {"token": "at-1", "client_id": "bridged"}
    assert shown_pair(dict(sent.headers)["Authorization"]) == ["bridged", OURS]
    assert bank.report.facts["withheld"].endswith("revoked at the authorization server")


async def test_withheld_tokens_of_another_client_are_left_and_told(bank: FrontingBank) -> None:
    bank.gives(authorization_details=[PAYMENT])
    with pytest.raises(Misconfigured):
        await bank.by_own_right()
    assert [each.endpoint for each in bank.upstream.heard] == ["token_endpoint"]
    assert bank.report.facts["withheld"].endswith("left to the authorization server")


async def test_a_pushed_request_of_a_bridged_client_goes_on_without_its_proof(bank: FrontingBank) -> None:
    bank.stands_behind = replace(bank.stands_behind, auth_methods=frozenset({"client_secret_basic"}))
    await bridged(bank, token_endpoint_auth_method="private_key_jwt")
    shown = assertion(aud=bank.market.issuer)
    await bank.push("bridged", client_secret=None, authorization_details=details(ACCOUNTS), **shown)
    sent = form_of(bank.upstream.last("pushed_authorization_request_endpoint"))
    assert sent == {**asked("bridged"), "authorization_details": details(ACCOUNTS)}
