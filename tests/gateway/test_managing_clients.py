"""GET, PUT and DELETE of a registration, from mutual TLS to the registry, in every market."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import ssl
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from as_clients import ask, findings
from managed import Managed, managed
from town import MARKETS, UK, Reply, Town

pytestmark = pytest.mark.asyncio(loop_scope="module")
each_market = pytest.mark.parametrize("market", MARKETS)


def unauthorised(reply: Reply) -> None:
    """The one answer to everybody who may not manage a client."""
    assert (reply.status, reply.body["error"]) == (401, "invalid_token"), reply.body
    assert reply.checks == ["management.authorised"]
    assert reply.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
    assert reply.headers["Cache-Control"] == "no-store"


def refused(reply: Reply, status: int, check: str, error: str = "invalid_client_metadata") -> None:
    assert (reply.status, reply.body["error"]) == (status, error), reply.body
    assert check in reply.checks


def audit(town: Town, client_id: str) -> list[tuple[str, str]]:
    """(operation, decision) of a client, oldest first."""
    with closing(sqlite3.connect(f"file:{town.folder}/bank/registry.sqlite?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT operation, decision FROM audit WHERE client_id = ? ORDER BY sequence", (client_id,))
        return rows.fetchall()


@each_market
async def test_a_client_reads_its_registration(town: Town, market: str) -> None:
    client = await managed(town, market)
    reply = await client.call("GET")
    assert reply.status == 200, findings(town)
    assert reply.body == client.answer
    assert reply.headers["Etag"] == '"1"'
    assert (reply.headers["Cache-Control"], reply.headers["Pragma"]) == ("no-store", "no-cache")
    assert (await client.call("GET", url=client.by_query)).body == client.answer


@each_market
async def test_a_registration_says_where_it_is_managed_where_the_market_has_members_for_it(
    town: Town, market: str
) -> None:
    client = await managed(town, market)
    if client.is_plain:
        assert client.answer["registration_client_uri"] == client.url
        assert len(client.answer["registration_access_token"]) >= 43
        reply = await client.call("GET", headers={"X-Forwarded-Host": "evil.example"})
        assert reply.body["registration_client_uri"] == client.url
    else:
        assert not {"registration_client_uri", "registration_access_token"} & client.answer.keys()


async def test_a_registration_access_token_is_kept_as_hash_and_shown_again_to_the_same_bytes(town: Town) -> None:
    body = await town.body("generic", client_name="repeats")
    first, again = await town.post(body, "generic"), await town.post(body, "generic")
    token = first.body["registration_access_token"]
    assert again.body == first.body
    assert (first.headers["Etag"], again.headers["Etag"]) == ('"1"', '"1"')
    for file in (town.folder / "bank").glob("registry.sqlite*"):
        assert token.encode() not in file.read_bytes()


@each_market
async def test_an_update_replaces_the_registration(town: Town, market: str) -> None:
    client = await managed(town, market)
    reply = await client.put(await client.body(scope="openid"))
    assert reply.status == 200, (reply.body, findings(town))
    assert reply.headers["Etag"] == '"2"'
    assert reply.body["scope"] == "openid"
    assert reply.body["client_id_issued_at"] == client.answer["client_id_issued_at"]
    assert (await client.call("GET")).body == reply.body


@each_market
async def test_what_an_update_leaves_out_is_defaulted_and_not_kept(town: Town, market: str) -> None:
    client = await managed(town, market, grant_types=["client_credentials", "authorization_code"], response_types=None)
    shorter = await client.put(await client.body(redirect_uris=None, response_types=None, scope="openid accounts"))
    assert shorter.status == 200, (shorter.body, findings(town))
    assert shorter.body["response_types"] == (["code"] if client.is_plain else ["code id_token"])
    # Omitted redirect URIs mean all of the statement's.
    assert set(shorter.body["redirect_uris"]) >= set(client.answer["redirect_uris"])
    if client.is_plain:
        assert "client_name#ja-Jpan-JP" in client.answer
        without = await client.put(await client.body(**{"client_name#ja-Jpan-JP": None}))
        assert "client_name#ja-Jpan-JP" not in without.body


@each_market
async def test_the_answer_of_a_registration_can_be_sent_back(town: Town, market: str) -> None:
    client = await managed(town, market, "client_secret_basic")
    reply = await client.put(client.sent_back())
    assert reply.status == 200, (reply.body, findings(town))
    assert reply.body == client.answer
    assert reply.headers["Etag"] == '"2"'


@each_market
@pytest.mark.parametrize(
    "member",
    ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"],
)
async def test_what_only_the_server_sets_is_refused_by_name(town: Town, market: str, member: str) -> None:
    client = await managed(town, market)
    reply = await client.put(client.sent_back(**{member: 0}))
    refused(reply, 400, "update.members.settable")
    assert member in reply.body["error_description"]
    assert (await client.call("GET")).headers["Etag"] == '"1"'


@each_market
async def test_another_client_id_in_the_body_is_refused(town: Town, market: str) -> None:
    client = await managed(town, market)
    refused(await client.put(client.sent_back(client_id="another")), 400, "update.client_id.same")
    missing = await client.put(client.sent_back(client_id=None))
    assert missing.status == (400 if client.is_plain else 200)


@each_market
async def test_a_client_cannot_choose_its_secret(town: Town, market: str) -> None:
    client = await managed(town, market, "client_secret_basic")
    refused(await client.put(client.sent_back(client_secret="x" * 36)), 400, "update.client_secret.same")
    assert (await client.call("GET")).body == client.answer


@each_market
async def test_a_secret_comes_and_goes_with_the_method(town: Town, market: str) -> None:
    client = await managed(town, market, "tls_client_auth")
    assert "client_secret" not in client.answer
    basic = {"token_endpoint_auth_method": "client_secret_basic", "token_endpoint_auth_signing_alg": None}
    made = (await client.put(await client.body(**basic))).body
    assert made["client_secret_expires_at"] == 0
    if not client.is_plain:
        assert (await ask(town, made, market)).status == 200
    kept = (await client.put(await client.body(**basic, scope="openid accounts"))).body
    assert kept["client_secret"] == made["client_secret"]
    gone = (await client.put(await client.body(tls_client_auth_subject_dn=_dn(client)))).body
    assert not {"client_secret", "client_secret_expires_at"} & gone.keys()


@each_market
async def test_an_update_ends_no_token(town: Town, market: str) -> None:
    client = await managed(town, market)
    other = await client.new_token()
    assert (await client.put()).status == 200
    assert (await client.call("GET")).status == 200
    assert (await client.call("GET", token=other)).status == 200


@each_market
async def test_a_refused_update_changes_nothing(town: Town, market: str) -> None:
    client = await managed(town, market)
    for changes in ({"redirect_uris": ["https://evil.example/cb"]}, {"token_endpoint_auth_method": "none"}):
        assert (await client.put(await client.body(**changes))).status == 400
    reply = await client.call("GET")
    assert (reply.body, reply.headers["Etag"]) == (client.answer, '"1"')
    assert ("update", "refused") in audit(town, client.client_id)


@each_market
async def test_a_weaker_method_than_the_market_offers_is_refused(town: Town, market: str) -> None:
    client = await managed(town, market)
    refused(await client.put(await client.body(token_endpoint_auth_method="none")), 400, "rules.auth_method.offered")


@pytest.mark.parametrize("market", ["uk-3.2", "uk-3.3", "uk-3.4"])
async def test_a_signed_update_is_judged_like_a_signed_registration(town: Town, market: str) -> None:
    client = await managed(town, market)
    jti = "0b6a1d0e-55f5-4c7e-8b5b-1c1f1f3b7d21"
    assert (await client.put(await client.body(scope="nonsense", jti=jti))).status == 400
    assert (await client.put(await client.body(jti=jti))).status == 200
    refused(await client.put(await client.body(jti=jti, scope="openid")), 400, "registry.jti.unused")
    refused(await client.put(await client.body(aud="another")), 400, "request.aud.ours")
    forged = (await client.body())[:-4] + b"AAAA"
    refused(await client.put(forged), 400, "request.jws.signature")
    refused(await client.put(b"{}", media_type="application/json"), 415, "request.shape.media_type")


async def test_the_same_signed_update_gets_the_same_answer(town: Town) -> None:
    client = await managed(town)
    body = await client.body(scope="openid accounts")
    first, again = await client.put(body), await client.put(body)
    assert (first.status, again.status) == (200, 200)
    assert (again.body, again.headers["Etag"]) == (first.body, '"2"')


async def test_a_statement_of_another_software_is_refused(town: Town) -> None:
    client = await managed(town)
    made = await town.manage("POST", "/software", org_id=town.index()["org_id"])
    statement = (await town.manage("POST", "/statements", software_id=made["software_id"]))["statement"]
    refused(
        await client.put(town.key().sign(town.claims(statement)).encode()),
        400,
        "update.software.same",
        "unapproved_software_statement",
    )


@each_market
async def test_an_older_statement_is_refused_and_the_stored_one_is_not(town: Town, market: str) -> None:
    newest = await town.statement(market)
    client = await managed(town, market, software_statement=newest)
    issued = town.gateway.reports[-1].at
    older = await town.statement(market, iat=int(issued) - 600)
    refused(
        await client.put(await client.body(software_statement=older)),
        400,
        "update.statement.not_older",
        "unapproved_software_statement",
    )
    assert (await client.put(await client.body(software_statement=newest))).status == 200


@each_market
async def test_a_deleted_client_is_gone(town: Town, market: str) -> None:
    client = await managed(town, market, "client_secret_basic")
    other = await managed(town, market)
    reply = await client.call("DELETE")
    assert (reply.status, reply.body) == (204, {})
    assert reply.headers["Cache-Control"] == "no-store"
    assert "Content-Type" not in reply.headers
    for method in ("DELETE", "GET", "PUT"):
        unauthorised(await client.call(method, await client.body()))
    assert (await ask(town, client.answer, market)).status == 401
    assert (await other.call("GET")).status == 200
    assert ("delete", "deleted") in audit(town, client.client_id)


@each_market
async def test_a_client_is_deleted_by_query_too(town: Town, market: str) -> None:
    client = await managed(town, market)
    assert (await client.call("DELETE", url=client.by_query)).status == 204
    unauthorised(await client.call("GET"))


@each_market
async def test_unknown_foreign_and_deleted_clients_answer_alike(town: Town, market: str) -> None:
    client, other, gone = [await managed(town, market) for _ in range(3)]
    spent = await gone.new_token()
    assert (await gone.call("DELETE")).status == 204
    unknown = f"{client.endpoint}/{'0' * 32}"
    for method in ("GET", "PUT", "DELETE", "POST", "PATCH"):
        replies = [
            await client.call(method, url=unknown, token=await client.new_token()),
            await client.call(method, url=other.url, token=await client.new_token()),
            await client.call(method, url=gone.url, token=await client.new_token()),
            await gone.call(method, token=spent),
            await client.call(method, token="x" * 43),
        ]
        for reply in replies:
            unauthorised(reply)
        # Each has its own report, which tells more to the holder of the certificate alone.
        assert len({json.dumps({**reply.body, "report": ""}) for reply in replies}) == 1
        assert len({tuple(sorted(reply.headers.keys())) for reply in replies}) == 1
    assert (await other.call("GET")).body == other.answer


async def test_an_access_token_ends_when_it_is_used_on_another_client(town: Town) -> None:
    client, other = await managed(town), await managed(town)
    unauthorised(await client.call("GET", url=other.url))
    unauthorised(await client.call("GET"))
    assert findings(town)[0] == "management.token.known"
    client.token = await client.new_token()
    assert (await client.call("GET")).status == 200


async def test_a_registration_access_token_survives_a_mistyped_id(town: Town) -> None:
    client = await managed(town, "generic")
    unauthorised(await client.call("GET", url=f"{client.endpoint}/mistyped"))
    assert (await client.call("GET")).status == 200


@each_market
async def test_a_token_of_another_market_is_refused(town: Town, market: str) -> None:
    client, foreign = await managed(town, market), await managed(town, "uk-3.3" if market == UK else UK)
    unauthorised(await client.call("GET", token=foreign.token))
    assert (await foreign.call("GET")).status == 200


@each_market
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic YTpi"}])
async def test_a_request_without_a_token_is_asked_for_one(town: Town, market: str, headers: dict[str, str]) -> None:
    client = await managed(town, market)
    for method in ("GET", "PUT", "DELETE", "POST", "PATCH"):
        reply = await client.call(method, token="", headers=headers)
        assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert reply.checks == ["management.token.present"]


@each_market
async def test_a_token_comes_in_one_header_and_nowhere_else(town: Town, market: str) -> None:
    client = await managed(town, market)
    assert (await client.call("GET", token="", headers={"Authorization": f"bEARER {client.token}"})).status == 200
    for url in (f"{client.url}?access_token={client.token}", f"{client.by_query}&access_token={client.token}"):
        refused(await client.call("GET", url=url), 401, "management.token.single", "invalid_token")
    form = await client.call(
        "GET", f"access_token={client.token}".encode(), media_type="application/x-www-form-urlencoded"
    )
    refused(form, 401, "management.token.single", "invalid_token")
    for header in ("Bearer", f"Bearer {client.token} x"):
        reply = await client.call("GET", token="", headers={"Authorization": header})
        refused(reply, 401, "management.token.form", "invalid_token")
    assert await _status_with_two_tokens(client) == 401


@each_market
async def test_a_client_is_named_once(town: Town, market: str) -> None:
    client = await managed(town, market)
    for url in (f"{client.url}?client_id={client.client_id}", f"{client.by_query}&client_id={client.client_id}"):
        refused(await client.call("GET", url=url), 400, "management.address.single")
    assert (await client.call("GET", url=f"{client.endpoint}/")).status == 404
    assert (await client.call("GET", url=f"{client.url}/x")).status == 404
    assert (await client.call("GET", url=client.endpoint)).status == 405
    unauthorised(await client.call("GET", url=f"{client.endpoint}?client_id="))
    unauthorised(await client.call("GET", url=f"{client.endpoint}?client_id=%FF%00"))


@each_market
@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused_once_the_caller_is_known(town: Town, market: str, method: str) -> None:
    client = await managed(town, market)
    reply = await client.call(method, b"{}")
    refused(reply, 405, "management.method.offered")
    assert reply.headers["Allow"] == "DELETE, GET, PUT"
    assert (await client.call(method, url=client.by_query)).status == 405
    unauthorised(await client.call(method, token="x"))
    assert (await client.call("HEAD")).status == 405


@each_market
async def test_a_listener_without_client_certificates_manages_nobody(town: Town, market: str) -> None:
    client = await managed(town, market)
    _, port = town.gateway.addresses["public"]
    reply = await client.call("GET", url=f"https://localhost:{port}/{market}/register/{client.client_id}")
    assert (reply.status, reply.body["error"]) == (401, "invalid_client")


@each_market
async def test_if_match_guards_a_version(town: Town, market: str) -> None:
    client = await managed(town, market)
    for method in ("GET", "PUT", "DELETE"):
        for wish in ('"7"', 'W/"1"', "1"):
            reply = await client.call(method, await client.body(), headers={"If-Match": wish})
            refused(reply, 412, "management.version.expected")
    assert (await client.put(headers={"If-Match": '"1"'})).headers["Etag"] == '"2"'
    assert (await client.put(headers={"If-Match": '"1"'})).status == 412
    assert (await client.put(headers={"If-Match": "*"})).headers["Etag"] == '"3"'
    unauthorised(await client.call("PUT", token="x", headers={"If-Match": '"7"'}))
    assert (await client.call("DELETE", headers={"If-Match": '"3"'})).status == 204


@each_market
async def test_parallel_updates_never_mix(town: Town, market: str) -> None:
    client = await managed(town, market)
    wishes = [("openid accounts", "https://tpp.example/cb"), ("openid", "https://tpp.example/cb2")] * 5
    bodies = [await client.body(scope=scope, redirect_uris=[uri]) for scope, uri in wishes]
    replies = await asyncio.gather(*(client.put(body) for body in bodies))
    assert {reply.status for reply in replies} <= {200, 409}, [reply.body for reply in replies]
    taken = [reply for reply in replies if reply.status == 200]
    assert taken
    for reply in replies:
        if reply.status == 409:
            assert reply.checks == ["registry.client.unchanged"]
    now = await client.call("GET")
    assert (now.body["scope"], now.body["redirect_uris"][0]) in wishes
    assert now.headers["Etag"] == f'"{1 + len(taken)}"'
    assert sum(decision == "updated" for _, decision in audit(town, client.client_id)) == len(taken)


@each_market
async def test_parallel_updates_of_one_version_have_one_winner(town: Town, market: str) -> None:
    client = await managed(town, market)
    bodies = [await client.body(scope=scope) for scope in ("openid", "openid accounts") * 4]
    replies = await asyncio.gather(*(client.put(body, headers={"If-Match": '"1"'}) for body in bodies))
    assert sorted(reply.status for reply in replies) == [200, *[412] * 7]


@each_market
async def test_a_deletion_among_updates_stays(town: Town, market: str) -> None:
    client = await managed(town, market)
    bodies = [await client.body(scope=scope) for scope in ("openid", "openid accounts") * 4]
    calls = [client.put(body) for body in bodies]
    calls.insert(4, client.call("DELETE"))
    replies = await asyncio.gather(*calls)
    assert replies[4].status == 204, replies[4].body
    assert {reply.status for reply in replies} <= {200, 204, 401, 409}
    unauthorised(await client.call("GET"))


@each_market
async def test_parallel_deletions_delete_once(town: Town, market: str) -> None:
    client = await managed(town, market)
    replies = await asyncio.gather(*(client.call("DELETE") for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [204, 401, 401, 401, 401]


@each_market
async def test_the_registrations_bytes_still_lead_to_the_updated_client(town: Town, market: str) -> None:
    body = await town.body(
        market, token_endpoint_auth_method="private_key_jwt", token_endpoint_auth_signing_alg="PS256"
    )
    first = await town.post(body, market)
    client = Managed(town, market, first.body, first.body.get("registration_access_token", ""))
    client.token = await client.new_token()
    assert (await client.put(await client.body(scope="openid"))).status == 200
    again = await town.post(body, market)
    assert (again.status, again.body["client_id"], again.headers["Etag"]) == (201, client.client_id, '"2"')


@pytest.mark.parametrize("market", ["uk-3.2", "uk-3.3", "uk-3.4"])
async def test_an_updates_bytes_register_nobody(town: Town, market: str) -> None:
    client = await managed(town, market)
    body = await client.body()
    assert (await client.put(body)).status == 200
    refused(await town.post(body, market), 400, "registry.jti.unused")


@each_market
async def test_every_decision_is_reported_with_its_evidence(town: Town, market: str) -> None:
    client = await managed(town, market)
    body = await client.body()
    for method, operation in (("GET", "read"), ("PUT", "update"), ("DELETE", "delete")):
        await client.call(method, body)
        report, evidence = town.gateway.recent.kept[-1]
        assert (report.operation, report.facts["client_id"]) == (operation, client.client_id)
        assert evidence.arrival.body == (body if method == "PUT" else b"")
        assert (evidence.arrival.method, evidence.arrival.client_id) == (method, client.client_id)
        asked = {entry.port for entry in evidence.journal.entries}
        assert {"registry.client", "registry.commit"} <= asked
        assert client.token not in repr(evidence)
    operations = [row for row in audit(town, client.client_id) if row[0] in {"read", "update", "delete"}]
    assert operations == [("read", "read"), ("update", "updated"), ("delete", "deleted")]


async def test_a_strangers_upload_is_never_waited_for(town: Town) -> None:
    client = await managed(town)
    reply = await client.call("PUT", b"x" * 1000, token="x", headers={"Expect": "100-continue"})
    unauthorised(reply)
    assert town.gateway.recent.kept[-1][1].arrival.body == b""


@each_market
@pytest.mark.parametrize(
    "rest", [b"/\xff", b"/\xc3\xa9", b"/a|b", b"/.x", b"?client_id=\xff", b"?client_id=%zz", b"?&&=&client_id", b"?%"]
)
async def test_any_bytes_for_an_id_are_the_callers_fault(town: Town, market: str, rest: bytes) -> None:
    client = await managed(town, market)
    url = urlsplit(client.endpoint)
    tls = ssl.create_default_context(cafile=str(town.folder / "ca.pem"))
    tls.load_cert_chain(*_pair(client))
    reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=tls)
    target = url.path.encode() + rest
    writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n")
    writer.write(f"Authorization: Bearer {client.token}\r\n\r\n".encode())
    status = int((await reader.readline()).split(b" ")[1])
    await reader.read()
    writer.close()
    await writer.wait_closed()
    assert 400 <= status < 500


def _dn(client: Managed) -> str:
    return client.town.index(client.market)["transport_subject_dn"]


def _pair(client: Managed) -> tuple[Path, Path]:
    index = client.town.index(client.market)
    return client.town.folder / index["transport_cert"], client.town.folder / index["transport_key"]


async def _status_with_two_tokens(client: Managed) -> int:
    headers = [("Authorization", f"Bearer {client.token}")] * 2
    async with client.town._http(_pair(client)).get(client.url, headers=headers) as answer:
        assert (await answer.json())["errors"][0]["check"] == "management.token.single"
        return answer.status
