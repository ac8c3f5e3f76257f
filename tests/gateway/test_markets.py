"""Several markets in one gateway: each TPP lives its whole life in its own, and gets nowhere in another."""

from __future__ import annotations

import asyncio
import json
from itertools import permutations
from typing import Any

import pytest
from market_tpps import MarketTpp
from town import Town
from wrongs import ISS, META, RED, UNA, Wrong, is_refused

from dcrgw.errors import ErrorCode

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: One of each trust framework.
FRAMEWORKS = ("uk-3.2", "brazil", "australia")
#: Those that take one client of a software only.
ALONE = ("brazil", "australia")
#: Where a TPP is at home, and where it tries.
PAIRS = tuple(permutations(FRAMEWORKS, 2))


async def whole_life(tpp: MarketTpp) -> None:
    """Registration, token, reading, update, deletion, and nothing after."""
    await tpp.become_client()
    client_id = tpp.answer["client_id"]
    found = await tpp.manage("GET")
    assert (found.status, found.body["client_id"]) == (200, client_id)
    updated = await tpp.update()
    assert (updated.status, updated.body["client_id"]) == (200, client_id), updated.body
    assert (await tpp.grant()).status == 200
    assert (await tpp.manage("DELETE")).status == 204
    for reply in (await tpp.manage("GET"), await tpp.manage("DELETE")):
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert (await tpp.grant()).status == 401


@pytest.mark.parametrize("market", ["uk-3.1", *FRAMEWORKS, "generic"])
async def test_a_tpp_lives_its_whole_life(town: Town, market: str) -> None:
    await whole_life(MarketTpp(town, market))


async def test_tpps_of_every_framework_live_at_the_same_time(town: Town) -> None:
    async with asyncio.TaskGroup() as group:
        for market in FRAMEWORKS:
            group.create_task(whole_life(MarketTpp(town, market)))


@pytest.mark.parametrize(("home", "abroad"), PAIRS)
async def test_a_certificate_gets_nowhere_in_another_market(town: Town, home: str, abroad: str) -> None:
    before = town.clients()
    traveller, native = MarketTpp(town, home), MarketTpp(town, abroad)
    for body in (await native.body(), await traveller.body()):
        reply = await native.post(body, pair=traveller.pair)
        assert (reply.status, reply.body["error"]) == (401, "invalid_client")
        assert reply.checks == ["tls.path.anchored"]
    assert town.clients() == before


@pytest.mark.parametrize(("home", "abroad"), PAIRS)
async def test_a_statement_gets_nowhere_in_another_market(town: Town, home: str, abroad: str) -> None:
    native = MarketTpp(town, abroad)
    foreign = await MarketTpp(town, home).statement()
    reply = await native.post(await native.body(foreign))
    assert (reply.status, reply.body["error"]) == (400, "invalid_software_statement")
    assert reply.checks == ["statement.iss.known"]


@pytest.mark.parametrize(("home", "abroad"), PAIRS)
async def test_a_statement_in_anothers_name_is_not_proven(town: Town, home: str, abroad: str) -> None:
    native, parties = MarketTpp(town, abroad), town.session.parties
    issuers = {"primary": parties.world.issuer} | {each.name: each.world.issuer for each in parties.abroad}
    forged = await MarketTpp(town, home).statement(iss=issuers[native.index["directory"]])
    reply = await native.post(await native.body(forged))
    assert reply.status == 400
    assert reply.checks[0].startswith("statement.jws.")


async def test_a_token_gets_nowhere_in_another_market(town: Town) -> None:
    clients = {market: MarketTpp(town, market) for market in FRAMEWORKS}
    for tpp in clients.values():
        await tpp.become_client()
    for home, abroad in PAIRS:
        traveller, native = clients[home], clients[abroad]
        by_native = await native.manage("GET", token=traveller.token)
        assert by_native.status == 401
        with_own_certificate = await native.manage("GET", token=native.token, pair=traveller.pair)
        assert with_own_certificate.status == 401
    for tpp in clients.values():
        # A token of an OB UK client that was shown at another's client is over; a new one is not.
        granted = await tpp.grant()
        tpp.token = tpp.answer.get("registration_access_token") or granted.body["access_token"]
        assert (await tpp.manage("GET")).status == 200
        await tpp.leave()


@pytest.mark.parametrize(("market", "code"), [("brazil", META), ("australia", ISS)])
async def test_a_software_registers_once(town: Town, market: str, code: str) -> None:
    tpp = MarketTpp(town, market)
    await tpp.become_client()
    again = await MarketTpp(town, market).register()
    assert (again.status, again.body["error"], again.checks) == (400, code, ["registry.software.unregistered"])
    await tpp.leave()
    await tpp.become_client()
    await tpp.leave()


@pytest.mark.parametrize("market", ALONE)
async def test_two_at_once_make_one_client(town: Town, market: str) -> None:
    tpps = [MarketTpp(town, market) for _ in range(3)]
    replies = await asyncio.gather(*(tpp.register() for tpp in tpps))
    assert sorted(reply.status for reply in replies) == [201, 400, 400]
    (winner,) = [tpp for tpp in tpps if tpp.answer]
    granted = await winner.grant()
    winner.token = winner.token or granted.body["access_token"]
    await winner.leave()


async def test_brazil_answers_the_statements_claims_and_a_token_that_stays(town: Town) -> None:
    tpp = MarketTpp(town, "brazil")
    statement = await tpp.statement()
    reply = await tpp.post(await tpp.body(statement, unheard="dropped", webhook_uris=["https://tpp.example/hook"]))
    assert reply.status == 201, reply.body
    tpp.answer, tpp.token = reply.body, reply.body["registration_access_token"]
    assert reply.body["software_statement"] == statement
    assert reply.body["webhook_uris"] == ["https://tpp.example/hook"]
    assert reply.body["software_statement_roles"][0]["status"] == "Active"
    assert reply.body["scope"].split() == sorted(reply.body["scope"].split())
    assert "payments" in reply.body["scope"]
    assert "unheard" not in reply.body
    seen = [await tpp.manage("GET"), await tpp.update(statement=statement), await tpp.manage("GET")]
    assert {each.status for each in seen} == {200}
    # Open Finance Brasil forbids rotation: the token of the registration is the token for good.
    assert {each.body.get("registration_access_token", tpp.token) for each in seen} == {tpp.token}
    by_query = await tpp.manage("GET", url=f"{tpp.index['registration_endpoint']}?client_id={tpp.answer['client_id']}")
    assert by_query.status == 200
    sent_back = {
        name: value
        for name, value in seen[-1].body.items()
        if name not in ("registration_access_token", "registration_client_uri", "client_id_issued_at")
    }
    assert (await tpp.manage("PUT", json.dumps(sent_back).encode())).status == 200
    await tpp.leave()


async def test_brazil_knows_a_certificate_by_its_subject_in_dotted_form(town: Town) -> None:
    tpp = MarketTpp(town, "brazil")
    dn = tpp.index["transport_subject_dn"]
    assert "2.5.4.97=#0c" in dn
    assert "UID=" in dn
    by_certificate: dict[str, Any] = {
        "token_endpoint_auth_method": "tls_client_auth",
        "token_endpoint_auth_signing_alg": None,
        "tls_client_auth_subject_dn": dn,
    }
    refused = await tpp.register(**{**by_certificate, "tls_client_auth_subject_dn": dn.replace("=#0c", "=#0C2", 1)})
    assert refused.checks == ["rules.tls_client_auth.presented"]
    reply = await tpp.register(**by_certificate)
    assert reply.status == 201, reply.body
    form = {"grant_type": "client_credentials", "client_id": tpp.answer["client_id"]}
    async with town._http(tpp.pair).post(tpp.index["token_endpoint"], data=form) as answer:
        assert answer.status == 200
    await tpp.leave()


async def test_australia_manages_by_a_token_of_its_scope(town: Town) -> None:
    tpp = MarketTpp(town, "australia")
    await tpp.become_client()
    other = await tpp.grant(scope="openid")
    reply = await tpp.manage("GET", token=other.body["access_token"])
    assert (reply.status, reply.body["error"], reply.checks) == (403, "insufficient_scope", ["management.token.scope"])
    assert reply.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="cdr:registration"'
    scoped = await tpp.grant(scope="cdr:registration")
    assert (await tpp.manage("GET", token=scoped.body["access_token"])).status == 200
    await tpp.leave()


@pytest.mark.parametrize(
    ("market", "media_type"),
    [("brazil", "application/jose"), ("brazil", "application/jwt"), ("australia", "application/json"),
     ("australia", "application/jose"), ("uk-3.2", "application/json")],
)  # fmt: skip
async def test_a_market_takes_its_own_media_type_alone(town: Town, market: str, media_type: str) -> None:
    tpp = MarketTpp(town, market)
    reply = await tpp.post(await tpp.body(), media_type=media_type)
    assert (reply.status, reply.checks) == (415, ["request.shape.media_type"])


_ELSEWHERE = {"redirect_uris": ["https://elsewhere.example"]}
_SUBSET, _SHAPE = ("rules.redirect_uris.subset",), ("request.shape.statement",)
_CODE_ALONE = {"response_types": ["code"], "authorization_signed_response_alg": None}


def _wrong(market: str, sends: str, error: ErrorCode, *checks: str, **told: Any) -> Wrong:
    return Wrong(0, sends, error, checks, market=market, **told)


#: docs/answers.md lists them.
BRAZIL = (
    _wrong("brazil", "a redirect URI that is not the statement's", RED, *_SUBSET, asked=_ELSEWHERE),
    _wrong("brazil", "no `redirect_uris`", META, "rules.metadata.required", "rules.redirect_uris.present",
           asked={"redirect_uris": None}),
    _wrong("brazil", "another `jwks_uri` than the statement's", META, "rules.jwks.of_statement",
           asked={"jwks_uri": "https://elsewhere.example"}),
    _wrong("brazil", "`jwks` by value", META, "rules.jwks.by_value", "rules.jwks.public", asked={"jwks": {"keys": []}}),
    _wrong("brazil", "`tls_client_auth_san_dns`", META, "rules.metadata.forbidden",
           asked={"tls_client_auth_san_dns": "tpp.example"}),
    _wrong("brazil", "a webhook that is not https", ErrorCode.INVALID_WEBHOOK_URIS, "rules.webhook_uris.form",
           asked={"webhook_uris": ["http://tpp.example"]}),
    _wrong("brazil", "no `software_statement`", META, *_SHAPE, asked={"software_statement": None}),
    _wrong("brazil", "a scope beyond the roles that are Active", META, "rules.scope.within_roles",
           ssa={"software_statement_roles": [{"role": "DADOS", "status": "Active"}]},
           asked={"scope": "openid payments"}),
    _wrong("brazil", "roles that are no list of role and status", ISS, "statement.roles.form",
           ssa={"software_statement_roles": ["DADOS"]}),
)  # fmt: skip
AUSTRALIA = (
    _wrong("australia", "no `software_statement`", META, *_SHAPE, asked={"software_statement": None}),
    _wrong("australia", "`aud` that is not the issuer", META, "request.aud.ours", asked={"aud": "bank"}),
    _wrong("australia", "`iss` that is not the statement's `software_id`", ISS, "request.iss.software",
           asked={"iss": "another"}),
    _wrong("australia", "a redirect URI that is not the statement's", RED, *_SUBSET, asked=_ELSEWHERE),
    _wrong("australia", "`tls_client_auth`", META, "rules.auth_method.offered",
           asked={"token_endpoint_auth_method": "tls_client_auth", "token_endpoint_auth_signing_alg": "PS256"}),
    _wrong("australia", "`code` without `authorization_signed_response_alg`", META, "rules.response_types.members",
           asked=_CODE_ALONE),
    _wrong("australia", "no `authorization_code` among the grants", META, "rules.grant_types.needed",
           asked={"grant_types": ["client_credentials"], "response_types": []}),
    _wrong("australia", "a statement of another role", UNA, "statement.roles.admitted",
           ssa={"software_roles": "data-holder"}),
    _wrong("australia", "a statement without `exp`", ISS, "statement.claims.required", "statement.exp.past",
           ssa={"exp": None}),
)  # fmt: skip


@pytest.mark.parametrize("wrong", [*BRAZIL, *AUSTRALIA], ids=lambda wrong: f"{wrong.market} {wrong.sends}")
async def test_what_a_market_refuses_has_its_code(town: Town, wrong: Wrong) -> None:
    tpp = MarketTpp(town, wrong.market)
    body = await tpp.body(await tpp.statement(**wrong.ssa), **wrong.asked)
    reply = await is_refused(town, wrong, body, media_type=tpp.index["request_media_type"])
    foreign = ("OB UK", "OB Directory", "Open Finance" if wrong.market == "australia" else "CDR")
    assert not [each for each in reply.body["errors"] if each["spec"].startswith(foreign)]


@pytest.mark.parametrize("market", ALONE)
async def test_who_is_no_longer_listed_is_refused(town: Town, market: str) -> None:
    tpp = MarketTpp(town, market)
    org_id, software_id = tpp.index["org_id"], tpp.index["software_id"]
    statement = await tpp.statement()
    await town.manage("PATCH", f"/organisations/{org_id}", status="Suspended")
    try:
        reply = await tpp.post(await tpp.body(statement))
        assert (reply.status, reply.body["error"]) == (400, "unapproved_software_statement")
        assert reply.checks == ["standing.organisation.active"]
    finally:
        await town.manage("PATCH", f"/organisations/{org_id}", status="Active")
    if market == "australia":
        await town.manage("PATCH", f"/software/{software_id}", active=False)
        assert (await tpp.post(await tpp.body(statement))).checks == ["standing.software.active"]
        await town.manage("PATCH", f"/software/{software_id}", active=True)
    else:
        await town.manage("PATCH", f"/organisations/{org_id}", roles=["DADOS"])
        assert (await tpp.post(await tpp.body(statement))).checks == ["standing.roles.held"]
        await town.manage("PATCH", f"/organisations/{org_id}", roles=["DADOS", "PAGTO"])


@pytest.mark.parametrize("market", ALONE)
@pytest.mark.parametrize("mode", ["500", "garbage", "empty", "down"])
async def test_a_list_that_cannot_be_had_is_no_answer(town: Town, market: str, mode: str) -> None:
    tpp = MarketTpp(town, market)
    await town.break_down("list", mode, market=market)
    try:
        reply = await tpp.register()
        assert (reply.status, reply.body["error"]) == (503, "temporarily_unavailable")
        assert int(reply.headers["Retry-After"]) > 0
    finally:
        await town.break_down("list", "none", market=market)
        await tpp.town.start()


async def test_discovery_tells_each_markets_own(town: Town) -> None:
    found = {}
    for market in FRAMEWORKS:
        tpp = MarketTpp(town, market)
        async with town._http(tpp.pair).get(tpp.index["well_known"]) as answer:
            found[market] = await answer.json()
    assert found["australia"]["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert "cdr:registration" in found["australia"]["scopes_supported"]
    assert "payments" in found["brazil"]["scopes_supported"]
    assert found["brazil"]["token_endpoint_auth_signing_alg_values_supported"] == ["PS256"]
    assert {"token_endpoint", "registration_endpoint"} <= found["brazil"]["mtls_endpoint_aliases"].keys()
    assert len({each["issuer"] for each in found.values()}) == len(FRAMEWORKS)
