"""The main job: from mutual TLS to 201, in every market, and what a repeated or raced request gets."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from town import MARKETS, UK, Town

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("market", MARKETS)
async def test_a_tpp_with_certificate_and_statement_becomes_a_client(town: Town, market: str) -> None:
    reply = await town.post(await town.body(market), market)
    assert reply.status == 201, reply.body
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["Pragma"] == "no-cache"
    assert "Server" not in reply.headers
    assert 1 <= len(reply.body["client_id"]) <= 36


async def test_the_answer_holds_metadata_statement_and_its_claims(town: Town) -> None:
    statement = await town.statement(software_extra={"kept": True})
    body = town.key().sign(town.claims(statement, nonsense="dropped")).encode()
    answer = (await town.post(body)).body
    payload = statement.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert answer["software_statement"] == statement
    assert answer["scope"] == "openid accounts payments"
    assert answer["redirect_uris"] == ["https://tpp.example/cb"]
    assert type(answer["client_id_issued_at"]) is int
    assert answer["software_extra"] == {"kept": True}
    for name in claims.keys() - {"iss", "iat", "exp", "nbf", "aud", "jti"}:
        assert answer[name] == claims[name], name
    assert not {"iss", "iat", "exp", "nbf", "aud", "jti", "client_secret", "nonsense", "attributes"} & answer.keys()


@pytest.mark.parametrize("market", ["uk-3.2", "uk-3.3", "uk-3.4"])
async def test_an_obwac_certificate_identifies_the_organisation(town: Town, market: str) -> None:
    assert (await town.post(await town.body(market, "obwac"), market, "obwac")).status == 201


async def test_a_revoked_organisation_is_refused(town: Town) -> None:
    before = town.clients()
    reply = await town.post(await town.body(UK, "revoked"), UK, "revoked")
    assert (reply.status, reply.body["error"]) == (400, "unapproved_software_statement")
    assert "standing.organisation.active" in reply.checks
    assert town.clients() == before


async def test_another_tpps_certificate_does_not_carry_the_statement(town: Town) -> None:
    index = town.index(UK, "obwac")
    stranger = (town.folder / index["transport_cert"], town.folder / index["transport_key"])
    reply = await town.post(await town.body(), pair=stranger)
    assert (reply.status, reply.body["error"]) == (400, "unapproved_software_statement")
    assert "rules.identity.organisation" in reply.checks


@pytest.mark.parametrize("market", ["uk-3.2", "generic"])
async def test_the_same_bytes_get_the_first_answer_again(town: Town, market: str) -> None:
    body = await town.body(market)
    first = await town.post(body, market)
    before = town.clients()
    again = await town.post(body, market)
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert town.clients() == before


async def test_the_same_bytes_get_the_first_answer_again_after_a_restart(town: Town) -> None:
    body = await town.body()
    first = await town.post(body)
    await town.start()
    assert (await town.post(body)).body == first.body


async def test_parallel_identical_requests_make_one_client(town: Town) -> None:
    body, before = await town.body(), town.clients()
    replies = await asyncio.gather(*(town.post(body) for _ in range(50)))
    assert {reply.status for reply in replies} == {201}
    assert len({reply.body["client_id"] for reply in replies}) == 1
    assert town.clients() == before + 1


async def test_a_jti_with_other_bytes_is_refused_even_after_a_restart(town: Town) -> None:
    jti = "0b6a1d0e-55f5-4c7e-8b5b-1c1f1f3b7c11"
    assert (await town.post(await town.body(jti=jti))).status == 201
    for _ in range(2):
        reply = await town.post(await town.body(jti=jti, scope="openid accounts"))
        assert (reply.status, reply.checks) == (400, ["registry.jti.unused"])
        await town.start()


async def test_a_refused_request_burns_no_jti(town: Town) -> None:
    jti = "1b6a1d0e-55f5-4c7e-8b5b-1c1f1f3b7c12"
    assert (await town.post(await town.body(jti=jti, scope="openid nonsense"))).status == 400
    assert (await town.post(await town.body(jti=jti))).status == 201


async def test_one_statement_registers_several_clients(town: Town) -> None:
    statement = await town.statement()
    replies = [await town.post(town.key().sign(town.claims(statement)).encode()) for _ in range(3)]
    assert {reply.status for reply in replies} == {201}
    assert len({reply.body["client_id"] for reply in replies}) == 3


async def test_a_market_that_wants_a_secret_makes_one_and_keeps_it_sealed(town: Town) -> None:
    answer = (await town.post(await town.body("generic", client_name="sealed"), "generic")).body
    assert answer["client_secret_expires_at"] == 0
    assert 22 <= len(answer["client_secret"]) <= 36
    for file in (town.folder / "bank").glob("registry.sqlite*"):
        assert answer["client_secret"].encode() not in file.read_bytes()
