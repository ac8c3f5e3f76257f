"""Clients at Keycloak and Ory Hydra, by their administrations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from fake_admin import FakeHydra, FakeKeycloak

from dcrgw.adapters.upstream.hydra import HydraDesk, HydraSettings
from dcrgw.adapters.upstream.keycloak import KeycloakDesk, KeycloakSettings
from dcrgw.adapters.upstream.own_token import OwnClient, OwnToken
from dcrgw.core.upstream.client import UpstreamRef, WantedClient
from dcrgw.errors import Misconfigured, Rejected, Unavailable

METADATA: dict[str, Any] = {
    "client_name": "Acme",
    "grant_types": ["authorization_code", "client_credentials", "refresh_token"],
    "jwks_uri": "https://keys.example/acme.jwks",
    "redirect_uris": ["https://tpp.example/cb"],
    "response_types": ["code", "code id_token"],
    "scope": "openid accounts",
    "software_id": "sw-acme",
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "PS256",
}


def wanted(client_id: str = "client-1", **changes: Any) -> WantedClient:
    members = {name: value for name, value in {**METADATA, **changes}.items() if value is not None}
    return WantedClient("key-1", client_id, members)


def keycloak(at, secret: str | None = "s") -> KeycloakDesk:
    way = at.way(with_certificate=secret is None)
    token = OwnToken(way, at.discovery(way), OwnClient("dcrgw", secret), at.clock)
    return KeycloakDesk(way, token, KeycloakSettings("retail", f"{at.server.url}/admin/realms/bank"))


def hydra(at) -> HydraDesk:
    return HydraDesk(at.way(), HydraSettings("retail", at.server.url))


KINDS = pytest.mark.parametrize(
    ("fake", "desk_at"), [(FakeKeycloak, keycloak), (FakeHydra, hydra)], ids=["kc", "hydra"]
)


@KINDS
async def test_a_client_is_created_found_replaced_and_deleted(bench, fake, desk_at) -> None:
    at = await bench()
    at.server.also = fake()
    desk = desk_at(at)
    made = await desk.create(wanted())
    assert made.ref == UpstreamRef("client-1")
    assert {name: made.metadata.get(name) for name in METADATA} == METADATA
    assert made.secret is None
    assert await desk.find(wanted()) == made
    changed = wanted(scope="openid payments", redirect_uris=["https://tpp.example/other"], software_id=None)
    replaced = await desk.update(made.ref, changed)
    assert {name: replaced.metadata.get(name) for name in METADATA} == {
        **METADATA,
        "software_id": None,
        **{name: changed.metadata[name] for name in ("scope", "redirect_uris")},
    }
    await desk.delete(made.ref)
    assert await desk.read(made.ref) is None
    await desk.delete(made.ref)


@KINDS
async def test_asked_again_there_is_one_client_as_it_was_wanted_last(bench, fake, desk_at) -> None:
    at = await bench()
    at.server.also = fake()
    desk = desk_at(at)
    await desk.create(wanted())
    again = await desk.create(wanted(client_name="Acme again"))
    assert again.metadata["client_name"] == "Acme again"
    assert len(at.server.also.clients) == 1


@KINDS
async def test_a_client_that_somebody_deleted_there_is_made_anew(bench, fake, desk_at) -> None:
    at = await bench()
    at.server.also = fake()
    made = await desk_at(at).update(UpstreamRef("client-1"), wanted())
    assert made.metadata["client_name"] == "Acme"


@KINDS
async def test_clients_of_others_are_neither_listed_nor_touched(bench, fake, desk_at) -> None:
    at = await bench()
    at.server.also = fake()
    desk = desk_at(at)
    for number in range(5):
        await desk.create(wanted(f"client-{number}"))
    for each in list(at.server.also.clients.values())[2:4]:
        each.update({"owner": "console", "attributes": {}})
    listed = await desk.listed()
    assert [each.ref.client_id for each in listed] == ["client-0", "client-1", "client-4"]
    for act in (desk.read, desk.delete, lambda ref: desk.update(ref, wanted("client-2"))):
        with pytest.raises(Misconfigured):
            await act(UpstreamRef("client-2"))
    with pytest.raises(Misconfigured):
        await desk.create(wanted("client-2"))
    assert len(at.server.also.clients) == 5


@KINDS
async def test_a_secret_of_ours_is_kept_and_told(bench, fake, desk_at) -> None:
    at = await bench()
    at.server.also = fake()
    desk = desk_at(at)
    bridged = replace(wanted(token_endpoint_auth_method="client_secret_basic"), secret="of-the-gateway")
    made = await desk.create(bridged)
    assert made.secret == "of-the-gateway"
    assert (await desk.update(made.ref, bridged)).secret == "of-the-gateway"


@KINDS
async def test_a_no_about_redirect_uris_is_one(bench, fake, desk_at) -> None:
    at = await bench()
    at.server.also = fake()
    with pytest.raises(Rejected) as refused:
        await desk_at(at).create(wanted(redirect_uris=["javascript:alert(1)"]))
    assert [fault.check for fault in refused.value.faults] == ["upstream.redirect_uris"]


@KINDS
@pytest.mark.parametrize(
    ("status", "failure"), [(403, Misconfigured), (404, Misconfigured), (500, Unavailable), (200, Unavailable)]
)
async def test_no_answer_as_it_should_be_is_a_failure(bench, fake, desk_at, status, failure) -> None:
    at = await bench()
    at.server.also = fake()
    for path in ("/admin/realms/bank/clients", "/admin/clients"):
        for method in ("POST", "GET"):
            at.server.says[method, path] = lambda _: web.Response(
                status=status, body=b'{"a":1', content_type="application/json"
            )
    with pytest.raises(failure):
        await desk_at(at).create(wanted())
    with pytest.raises(failure):
        await desk_at(at).listed()


async def test_keycloak_is_asked_as_our_service_account_and_once_for_a_token(bench) -> None:
    at = await bench()
    at.server.also = FakeKeycloak()
    desk = keycloak(at)
    await desk.create(wanted())
    await desk.read(UpstreamRef("client-1"))
    assert at.server.paths("POST").count("/token") == 1
    assert at.server.last("POST", "/token").field("authorization") == "Basic ZGNyZ3c6cw=="
    at.seconds += 300
    await desk.read(UpstreamRef("client-1"))
    assert at.server.paths("POST").count("/token") == 2


async def test_without_a_secret_our_certificate_speaks_at_keycloak(bench) -> None:
    at = await bench()
    at.server.also = FakeKeycloak()
    await keycloak(at, secret=None).create(wanted())
    came = at.server.last("POST", "/token")
    assert (came.peer, came.field("authorization")) == ("gateway", None)
    assert b"client_id=dcrgw" in came.body


async def test_a_token_that_keycloak_ended_is_asked_for_once_more_and_no_more(bench) -> None:
    at = await bench()
    at.server.also = FakeKeycloak()
    desk = keycloak(at)
    await desk.create(wanted())
    at.server.also.tokens.append("another")
    assert await desk.read(UpstreamRef("client-1")) is not None
    at.server.says["GET", "/admin/realms/bank/clients"] = lambda _: web.Response(status=401)
    with pytest.raises(Misconfigured):
        await desk.read(UpstreamRef("client-1"))
    assert at.server.paths("POST").count("/token") == 3


async def test_our_account_refused_at_keycloak_is_our_fault_whatever_it_says(bench) -> None:
    at = await bench()
    at.server.also = FakeKeycloak()
    at.server.says["POST", "/token"] = lambda _: web.json_response({"error": "invalid_client"}, status=400)
    with pytest.raises(Misconfigured):
        await keycloak(at).create(wanted())


async def test_keycloak_is_not_left_to_take_any_certificate(bench) -> None:
    at = await bench()
    at.server.also = FakeKeycloak()
    method = {"token_endpoint_auth_method": "tls_client_auth"}
    with pytest.raises(Rejected):
        await keycloak(at).create(wanted(**method, tls_client_auth_san_dns="tpp.example"))
    made = await keycloak(at).create(wanted(**method, tls_client_auth_subject_dn="CN=tpp"))
    kept = next(iter(at.server.also.clients.values()))
    assert kept["clientAuthenticatorType"] == "client-x509"
    assert kept["attributes"]["x509.allow.regex.pattern.comparison"] == "false"
    assert made.metadata["tls_client_auth_subject_dn"] == "CN=tpp"


async def test_what_keycloak_does_not_keep_is_not_read_back(bench) -> None:
    at = await bench()
    drops = frozenset({"tls.client.certificate.bound.access.tokens", "redirectUris"})
    at.server.also = FakeKeycloak(drops=drops)
    made = await keycloak(at).create(wanted(tls_client_certificate_bound_access_tokens=True, scope="openid unknown"))
    assert "tls_client_certificate_bound_access_tokens" not in made.metadata
    assert "redirect_uris" not in made.metadata
    assert made.metadata["scope"] == "openid"


async def test_a_client_of_hydra_without_a_scope_gets_no_scopes_of_hydras_choice(bench) -> None:
    at = await bench()
    at.server.also = FakeHydra()
    made = await hydra(at).create(wanted(scope=None))
    assert made.metadata["scope"] == "openid"
