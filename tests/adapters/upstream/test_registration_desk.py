"""Clients at a server of RFC 7591 and 7592: the whole life, and every kind of no."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from aiohttp import web
from fake_as import Came, oauth_error

from dcrgw.core.upstream.client import UpstreamRef, WantedClient
from dcrgw.errors import Misconfigured, Rejected, Unavailable

METADATA = {
    "redirect_uris": ["https://tpp.example/cb"],
    "token_endpoint_auth_method": "private_key_jwt",
    "software_id": "sw-acme",
}


def wanted(**changes: object) -> WantedClient:
    return WantedClient("key-1", "client-1", {**METADATA, **changes})


async def test_a_client_is_created_read_replaced_and_deleted(bench) -> None:
    at = await bench()
    desk = at.desk()
    made = await desk.create(wanted())
    assert made.ref.client_id == "client-1"
    assert made.metadata == METADATA
    read = await desk.read(made.ref)
    assert read == made
    replaced = await desk.update(made.ref, wanted(client_name="Acme"))
    assert replaced.metadata == {**METADATA, "client_name": "Acme"}
    assert replaced.ref.token != made.ref.token
    await desk.delete(replaced.ref)
    assert at.server.clients == {}
    assert await desk.read(replaced.ref) is None
    await desk.delete(replaced.ref)


async def test_the_initial_token_and_our_id_go_with_a_registration(bench) -> None:
    at = await bench()
    await at.desk().create(wanted())
    came = at.server.last("POST", "/reg")
    assert came.field("authorization") == "Bearer let-me-in"
    assert came.field("x-dcrgw-client-id") == "client-1"
    assert "client_id" not in came.json


async def test_where_the_server_chooses_the_id_is_its(bench) -> None:
    at = await bench(client_id_header="")
    made = await at.desk().create(wanted())
    assert made.ref.client_id in at.server.clients
    assert made.ref.client_id != "client-1"
    with pytest.raises(Misconfigured):
        await at.desk().find(wanted())


async def test_the_four_members_never_go_out_in_a_put(bench) -> None:
    at = await bench()
    desk = at.desk()
    made = await desk.create(wanted())
    four = {
        "registration_access_token": "x",
        "registration_client_uri": "x",
        "client_secret_expires_at": 0,
        "client_id_issued_at": 1,
    }
    await desk.update(made.ref, wanted(**four))
    sent = at.server.last("PUT", "/reg/client-1").json
    assert sent == {**METADATA, "client_id": "client-1"}


async def test_a_secret_that_the_server_made_is_told(bench) -> None:
    at = await bench()
    desk = at.desk()
    made = await desk.create(wanted(token_endpoint_auth_method="client_secret_basic"))
    assert made.secret == at.server.clients["client-1"]["client_secret"]
    assert "client_secret" not in made.metadata
    assert made.secret not in repr(made)
    same = WantedClient("k", "client-1", {**METADATA, "token_endpoint_auth_method": "client_secret_basic"}, made.secret)
    assert (await desk.update(made.ref, same)).secret == made.secret


def with_secret(secret: str) -> WantedClient:
    return replace(wanted(token_endpoint_auth_method="client_secret_basic"), secret=secret)


async def test_a_client_that_had_no_secret_gets_the_servers_own(bench) -> None:
    # RFC 7592 §2.2: an update names the secret that was issued, or none.
    at = await bench()
    desk = at.desk()
    made = await desk.create(wanted())
    updated = await desk.update(made.ref, with_secret("one-of-ours"))
    assert updated.secret == at.server.clients["client-1"]["client_secret"] != "one-of-ours"
    assert "client_secret" not in at.server.last("PUT", "/reg/client-1").json


async def test_a_secret_that_is_held_is_named_in_an_update(bench) -> None:
    at = await bench()
    desk = at.desk()
    made = await desk.create(with_secret("one-of-ours"))
    await desk.update(made.ref, with_secret(made.secret))
    assert at.server.last("PUT", "/reg/client-1").json["client_secret"] == made.secret


@pytest.mark.parametrize("takes_secrets", [True, False])
async def test_a_client_that_is_put_in_place_again_has_the_secret_that_its_tpp_holds_if_the_server_lets_it(
    bench, takes_secrets: bool
) -> None:
    at = await bench(takes_secrets=takes_secrets)
    found = await at.desk().find(with_secret("its-tpp-holds-it"))
    assert (found.secret == "its-tpp-holds-it") is takes_secrets
    assert at.server.clients["client-1"]["client_secret"] == found.secret


async def test_where_the_server_chooses_ids_no_secret_is_sent(bench) -> None:
    at = await bench(client_id_header="", takes_secrets=True)
    await at.desk().create(with_secret("one-of-ours"))
    assert "client_secret" not in at.server.last("POST", "/reg").json


async def test_asked_again_under_one_id_there_is_one_client(bench) -> None:
    at = await bench()
    desk = at.desk()
    first = await desk.create(wanted())
    found = await desk.find(wanted())
    assert found is not None
    assert list(at.server.clients) == ["client-1"]
    assert found.ref.token != first.ref.token
    await desk.delete(found.ref)


async def test_a_client_whose_token_was_lost_is_put_in_place_again(bench) -> None:
    at = await bench()
    desk = at.desk()
    made = await desk.create(wanted())
    at.server.tokens["client-1"] = "rotated-and-lost"
    replaced = await desk.update(made.ref, wanted(client_name="Acme"))
    assert at.server.clients["client-1"]["client_name"] == "Acme"
    assert (await desk.read(replaced.ref)) is not None


async def test_a_server_that_ignores_our_id_is_told_so_and_keeps_no_stray(bench) -> None:
    at = await bench(client_id_header="x-other")
    for _ in range(3):
        with pytest.raises(Misconfigured) as fault:
            await at.desk(client_id_header="x-dcrgw-client-id").create(wanted())
        assert "x-dcrgw-client-id" in str(fault.value)
    assert at.server.clients == {}


async def test_a_client_that_was_there_before_is_told_of_and_left(bench) -> None:
    at = await bench(client_id_header="x-other")

    def told(came: Came) -> web.Response:
        return web.json_response(json.loads(at.server._register(came).body), status=200)

    at.server.says["POST", "/reg"] = told
    with pytest.raises(Misconfigured) as fault:
        await at.desk(client_id_header="x-dcrgw-client-id").create(wanted())
    [client_id] = at.server.clients
    assert client_id in str(fault.value)
    assert at.server.paths("DELETE") == []


@pytest.mark.parametrize(
    ("status", "issued_s_ago", "is_new"),
    [(201, None, True), (201, 0, True), (200, None, False), (200, 0, False), (201, 86_400, False)],
)
async def test_a_client_that_was_there_before_is_known_as_such(bench, status, issued_s_ago, is_new) -> None:
    at = await bench(client_id_header="")
    issued = {} if issued_s_ago is None else {"client_id_issued_at": int(time.time()) - issued_s_ago}

    def told(came: Came) -> web.Response:
        made = json.loads(at.server._register(came).body)
        made.pop("client_id_issued_at", None)
        return web.json_response({**made, **issued}, status=status)

    at.server.says["POST", "/reg"] = told
    assert (await at.desk().create(wanted())).is_new is is_new


@pytest.mark.parametrize(("status", "error"), [(401, "invalid_token"), (404, "not_found"), (404, "invalid_request")])
async def test_a_client_that_it_does_not_know_is_not_gone_for_certain(bench, status: int, error: str) -> None:
    at = await bench()
    desk = at.desk()
    made = await desk.create(wanted())
    at.server.says["DELETE", "/reg/client-1"] = lambda _: oauth_error(status, error)
    assert await desk.delete(made.ref) is False
    del at.server.says["DELETE", "/reg/client-1"]
    assert await desk.delete(made.ref) is True


@pytest.mark.parametrize(
    ("error", "check"),
    [
        ("invalid_redirect_uri", "upstream.redirect_uris"),
        ("invalid_client_metadata", "upstream.metadata"),
        ("invalid_software_statement", "upstream.statement"),
        ("unapproved_software_statement", "upstream.approved"),
        ("invalid_request", "upstream.metadata"),
    ],
)
async def test_a_no_about_the_client_is_a_rejection_of_its_kind(bench, error: str, check: str) -> None:
    at = await bench()
    at.server.says["POST", "/reg"] = lambda _: oauth_error(400, error, "it must\nbe 'RS256'")
    with pytest.raises(Rejected) as refused:
        await at.desk().create(wanted())
    (fault,) = refused.value.faults
    assert fault.check == check
    assert fault.code in (error, "invalid_client_metadata")
    assert fault.description.isascii()
    assert fault.description.isprintable()


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (400, b"<html>No required SSL certificate was sent</html>", Misconfigured),
        (401, b'{"error":"invalid_token"}', Misconfigured),
        (403, b"", Misconfigured),
        (404, b"", Misconfigured),
        (409, b'{"error":"conflict"}', Rejected),
        (413, b"", Rejected),
        (415, b"", Misconfigured),
        (302, b"", Misconfigured),
        (429, b"", Unavailable),
        (500, b'{"error":"server_error"}', Unavailable),
        (503, b"", Unavailable),
        (299, b"{}", Unavailable),
        (201, b"<html>", Unavailable),
        (201, b'{"client_id":"client-1","client_id":"client-2"}', Unavailable),
        (201, b"[" * 40 + b"]" * 40, Unavailable),
        (201, b"[]", Unavailable),
        (201, b'{"client_id":7}', Unavailable),
        (201, b'{"client_id":"a b"}', Unavailable),
        (201, b'{"client_id":"client-1","registration_access_token":"a\\nb"}', Unavailable),
        (201, b'{"client_id":"client-1","registration_client_uri":"https://evil.example/reg"}', Misconfigured),
        (201, b'{"client_id":"client-1","registration_client_uri":7}', Misconfigured),
    ],
)
async def test_every_other_answer_has_its_failure(bench, status: int, body: bytes, failure: type[Exception]) -> None:
    at = await bench()
    at.server.says["POST", "/reg"] = lambda _: web.Response(
        status=status, body=body, content_type="application/json", headers={"Location": "https://evil.example/"}
    )
    with pytest.raises(failure):
        await at.desk().create(wanted())
    assert at.server.paths("POST") == ["/reg"]


async def test_a_yes_that_is_no_json_by_its_type_is_nothing_known(bench) -> None:
    at = await bench()
    at.server.says["POST", "/reg"] = lambda _: web.Response(status=201, text='{"client_id":"client-1"}')
    with pytest.raises(Unavailable):
        await at.desk().create(wanted())


async def test_an_overloaded_server_names_its_pause_within_a_bound(bench) -> None:
    at = await bench()
    at.server.says["POST", "/reg"] = lambda _: web.Response(status=429, headers={"Retry-After": "100000"})
    with pytest.raises(Unavailable) as failed:
        await at.desk().create(wanted())
    assert failed.value.retry_after_s == 60


async def test_a_401_in_front_of_the_server_is_no_client_that_is_gone(bench) -> None:
    at = await bench()
    desk = at.desk()
    made = await desk.create(wanted())
    at.server.says["DELETE", "/reg/client-1"] = lambda _: web.Response(status=401, text="who are you")
    with pytest.raises(Misconfigured):
        await desk.delete(made.ref)
    assert "client-1" in at.server.clients


async def test_an_answer_about_another_client_is_no_answer(bench) -> None:
    at = await bench()
    desk = at.desk()
    made = await desk.create(wanted())
    at.server.says["GET", "/reg/client-1"] = lambda _: web.json_response({"client_id": "client-2"})
    with pytest.raises(Unavailable):
        await desk.read(made.ref)


async def test_a_client_is_managed_at_the_server_and_nowhere_else(bench) -> None:
    at = await bench()
    for uri in ("https://evil.example/reg/client-1", f"{at.server.url}@evil.example/", "http://localhost/reg/client-1"):
        with pytest.raises(Misconfigured):
            await at.desk().read(UpstreamRef("client-1", uri, "token"))
    with pytest.raises(Misconfigured):
        await at.desk().read(UpstreamRef("client-1", None, "token"))
    assert at.server.arrived == []


async def test_places_of_the_issuer_are_reached_where_the_server_is(bench) -> None:
    at = await bench(issuer="https://bank.example/as")
    desk = at.desk()
    made = await desk.create(wanted())
    assert made.ref.uri == "https://bank.example/as/reg/client-1"
    assert await desk.read(made.ref) is not None
    assert at.server.paths() == ["/.well-known/openid-configuration", "/reg", "/reg/client-1"]


async def test_a_server_without_registration_says_what_is_off(bench) -> None:
    at = await bench(document={"registration_endpoint": None})
    with pytest.raises(Misconfigured):
        await at.desk().create(wanted())


async def test_secrets_that_expire_are_none_to_rely_on(bench) -> None:
    at = await bench()

    def expiring(came: Came) -> web.Response:
        told = json.loads(at.server._register(came).body)
        return web.json_response({**told, "client_secret_expires_at": 1_900_000_000}, status=201)

    at.server.says["POST", "/reg"] = expiring
    with pytest.raises(Misconfigured):
        await at.desk().create(wanted(token_endpoint_auth_method="client_secret_basic"))
    assert at.server.clients == {}
