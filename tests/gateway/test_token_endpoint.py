"""The token endpoint, from mutual TLS to a token, by every method in every market."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
import time
from contextlib import closing
from urllib.parse import urlencode

import aiohttp
import pytest
from as_clients import JWT_BEARER, METHODS, ask, claims_of, findings, hs256, proof, registered, send
from town import MARKETS, UK, Town

from dcrgw.testkit.keys import SigningKey

pytestmark = pytest.mark.asyncio(loop_scope="module")


def alike(reply) -> None:
    """What every failed authentication looks like."""
    assert reply.status == 401, reply.body
    assert reply.body["error"] == "invalid_client"
    assert reply.checks == ["client.authenticated"]
    assert reply.headers["Cache-Control"] == "no-store"


def certificate_of(town: Town, tpp: str, market: str = UK):
    index = town.index(market, tpp)
    return town.folder / index["transport_cert"], town.folder / index["transport_key"]


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("method", METHODS)
async def test_a_client_gets_a_token_by_its_method(town: Town, method: str, market: str) -> None:
    client = await registered(town, method, market)
    assert ("client_secret" in client) == method.startswith("client_secret")
    reply = await ask(town, client, market)
    assert reply.status == 200, (reply.body, findings(town))
    assert (reply.body["token_type"], reply.body["expires_in"]) == ("Bearer", 300)
    assert len(reply.body["access_token"]) >= 43
    assert "openid" not in reply.body["scope"].split(" ")
    assert (reply.headers["Cache-Control"], reply.headers["Pragma"]) == ("no-store", "no-cache")


@pytest.mark.parametrize("market", ["uk-3.2", "uk-3.3", "uk-3.4"])
async def test_an_obwac_client_gets_a_token(town: Town, market: str) -> None:
    client = await registered(town, "private_key_jwt", market, "obwac")
    assert (await ask(town, client, market, "obwac")).status == 200


async def test_a_token_is_kept_as_hash_and_bound_to_the_certificate(town: Town) -> None:
    client = await registered(town, "tls_client_auth")
    token = (await ask(town, client)).body["access_token"]
    for file in (town.folder / "bank").glob("registry.sqlite*"):
        assert token.encode() not in file.read_bytes()
    with closing(sqlite3.connect(f"file:{town.folder}/bank/registry.sqlite?mode=ro", uri=True)) as db:
        bound, facts = db.execute(
            "SELECT x5t_s256, (SELECT facts FROM audit WHERE operation = 'token' ORDER BY sequence DESC LIMIT 1)"
            " FROM access_tokens ORDER BY id DESC LIMIT 1"
        ).fetchone()
    assert bound == json.loads(facts)["x5t_s256"]
    assert json.loads(facts)["client_id"] == client["client_id"]


@pytest.mark.parametrize("registered_method", METHODS)
async def test_a_client_may_come_by_its_own_method_only(town: Town, registered_method: str) -> None:
    client = await registered(town, registered_method)
    for method in set(METHODS) - {registered_method}:
        pretended = {"client_secret": "x" * 36, **client, "token_endpoint_auth_method": method}
        alike(await ask(town, pretended))
        assert "client.method.registered" in findings(town) or "client.assertion.jws.algorithm" in findings(town)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "client_secret_jwt"])
async def test_a_wrong_secret_is_refused(town: Town, method: str) -> None:
    client = await registered(town, method)
    reply = await ask(town, {**client, "client_secret": "y" * 36})
    alike(reply)
    assert findings(town)[0] in ("client.secret", "client.assertion.jws.signature")
    assert reply.headers["WWW-Authenticate"].startswith("Basic ") == (method == "client_secret_basic")


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"iss": "another"}, "client.assertion.iss"),
        ({"iss": None}, "client.assertion.iss"),
        ({"sub": None}, "client.assertion.sub"),
        ({"sub": 7}, "client.assertion.sub"),
        ({"sub": "another"}, "client.known"),
        ({"aud": "https://elsewhere.example/token"}, "client.assertion.aud"),
        ({"aud": None}, "client.assertion.aud"),
        ({"exp": None}, "client.assertion.exp.past"),
        ({"exp": lambda at: at - 60}, "client.assertion.exp.past"),
        ({"exp": lambda at: str(at + 60)}, "client.assertion.exp.past"),
        ({"exp": lambda at: at + 90_000}, "client.assertion.exp.lifetime"),
        ({"iat": lambda at: at - 7_200}, "client.assertion.exp.lifetime"),
        ({"iat": lambda at: at + 600}, "client.assertion.iat.future"),
        ({"nbf": lambda at: at + 600}, "client.assertion.nbf.future"),
        ({"jti": None}, "client.assertion.jti.form"),
        ({"jti": ""}, "client.assertion.jti.form"),
        ({"jti": "j" * 257}, "client.assertion.jti.form"),
    ],
)
@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_jwt"])
async def test_an_assertion_with_wrong_claims_is_refused(town: Town, method: str, changes: dict, check: str) -> None:
    client = await registered(town, method)
    at = int(time.time())
    claims = {name: value(at) if callable(value) else value for name, value in changes.items()}
    alike(await ask(town, client, claims=claims))
    assert check in findings(town)


@pytest.mark.parametrize("name", ["issuer", "token_endpoint"])
async def test_an_assertion_may_name_issuer_or_token_endpoint(town: Town, name: str) -> None:
    client = await registered(town, "private_key_jwt")
    audience = town.index()[name]
    assert (await ask(town, client, claims={"aud": audience})).status == 200
    assert (await ask(town, client, claims={"aud": ["https://elsewhere.example", audience]})).status == 200


@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_jwt"])
async def test_an_assertion_serves_once(town: Town, method: str) -> None:
    client = await registered(town, method)
    form, _ = proof(town, client)
    body = urlencode({"grant_type": "client_credentials", **form}).encode()
    assert (await send(town, body)).status == 200
    alike(await send(town, body))
    assert findings(town)[0] == "client.assertion.jti.unused"
    await town.start()
    alike(await send(town, body))


async def test_an_assertion_raced_serves_once(town: Town) -> None:
    client = await registered(town, "private_key_jwt")
    form, _ = proof(town, client)
    body = urlencode({"grant_type": "client_credentials", **form}).encode()
    replies = await asyncio.gather(*(send(town, body) for _ in range(20)))
    assert sorted(reply.status for reply in replies) == [200] + [401] * 19


async def test_a_refused_request_burns_no_assertion(town: Town) -> None:
    client = await registered(town, "private_key_jwt")
    form, _ = proof(town, client)
    refused = await send(town, urlencode({"grant_type": "client_credentials", "scope": "nonsense", **form}).encode())
    assert (refused.status, refused.body["error"]) == (400, "invalid_scope")
    assert (await send(town, urlencode({"grant_type": "client_credentials", **form}).encode())).status == 200


async def assertion_is_refused(town: Town, assertion: str, check: str, **more: str) -> None:
    form = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": assertion}
    alike(await send(town, urlencode({**form, **more}).encode()))
    assert check in findings(town)


async def test_an_assertion_of_another_key_or_algorithm_is_refused(town: Town) -> None:
    client = await registered(town, "private_key_jwt")
    key = town.key()
    stranger = SigningKey.generate(key.kid)
    as_rs256 = SigningKey(key.kid, "RS256", key.private_key)
    await assertion_is_refused(town, stranger.sign(claims_of(town, client)), "client.assertion.jws.signature")
    unknown = key.sign(claims_of(town, client), header={"kid": "unknown"})
    await assertion_is_refused(town, unknown, "client.assertion.jws.key_unknown")
    await assertion_is_refused(town, as_rs256.sign(claims_of(town, client)), "client.assertion.jws.algorithm")
    unsigned = key.sign(claims_of(town, client), header={"alg": "none"})
    await assertion_is_refused(town, unsigned, "client.assertion.jws.algorithm")
    embedded = key.sign(claims_of(town, client), header={"jwk": stranger.public_jwk()})
    await assertion_is_refused(town, embedded, "client.assertion.jws.header_member")


async def test_a_public_key_is_no_secret(town: Town) -> None:
    client = await registered(town, "private_key_jwt")
    modulus = town.key().public_jwk()["n"]
    await assertion_is_refused(town, hs256(claims_of(town, client), modulus), "client.assertion.jws.algorithm")


async def test_a_secret_signs_by_hs256_alone(town: Town) -> None:
    client = await registered(town, "client_secret_jwt")
    stronger = hs256(claims_of(town, client), client["client_secret"], "HS512")
    await assertion_is_refused(town, stronger, "client.assertion.jws.algorithm")
    by_key = town.key().sign(claims_of(town, client))
    await assertion_is_refused(town, by_key, "client.assertion.jws.algorithm")


async def test_an_assertion_needs_no_kid_where_one_key_fits(town: Town) -> None:
    client = await registered(town, "private_key_jwt")
    nameless = town.key().sign(claims_of(town, client), header={"kid": None})
    form = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": nameless}
    assert (await send(town, urlencode(form).encode())).status == 200


async def test_client_id_beside_an_assertion_is_the_same_client(town: Town) -> None:
    client = await registered(town, "private_key_jwt")
    assert (await ask(town, client, more={"client_id": client["client_id"]})).status == 200
    alike(await ask(town, client, more={"client_id": "another"}))


@pytest.mark.parametrize("method", METHODS)
async def test_another_tpps_certificate_is_refused(town: Town, method: str) -> None:
    client = await registered(town, method)
    alike(await ask(town, client, pair=certificate_of(town, "obwac")))
    assert "client.certificate.holder" in findings(town)


async def test_in_a_market_that_ties_no_certificate_the_subject_is_the_registered_one(town: Town) -> None:
    client = await registered(town, "client_secret_basic", "generic")
    alike(await ask(town, client, "generic", pair=certificate_of(town, "obwac")))
    assert "client.certificate.holder" in findings(town)


async def test_a_renewed_certificate_gets_a_token(town: Town) -> None:
    client = await registered(town, "tls_client_auth")
    renewed = await town.certificate("renewed", kind="obtransport", software_id=town.index()["software_id"])
    assert (await ask(town, client, pair=renewed)).status == 200


async def test_a_certificate_of_a_foreign_authority_never_comes_in(town: Town) -> None:
    client = await registered(town, "tls_client_auth")
    wish = {"kind": "obtransport", "software_id": town.index()["software_id"], "issuer": "foreign"}
    with pytest.raises(aiohttp.ClientError):
        await ask(town, client, pair=await town.certificate("foreign", **wish))


@pytest.mark.parametrize("status", ["pending", "suspended", "revoked", "deleted"])
async def test_only_an_active_client_gets_a_token(town: Town, status: str) -> None:
    client = await registered(town, "client_secret_post")
    with closing(sqlite3.connect(town.folder / "bank/registry.sqlite")) as db, db:
        db.execute("UPDATE clients SET status = ? WHERE client_id = ?", (status, client["client_id"]))
    alike(await ask(town, client))
    assert findings(town)[0] == "client.active"


async def test_an_unknown_client_looks_like_a_refused_one(town: Town) -> None:
    client = await registered(town, "client_secret_basic")
    wrong = await ask(town, {**client, "client_secret": "z" * 36})
    unknown = await ask(town, {**client, "client_id": "1b6a1d0e-55f5-4c7e-8b5b-1c1f1f3b7c12"})
    volatile = ("x-fapi-interaction-id", "Date")
    # Each report tells no more than its answer: tests/gateway/test_reports.py.
    assert wrong.body.pop("report") != unknown.body.pop("report")
    assert wrong.body == unknown.body
    assert {k: v for k, v in wrong.headers.items() if k not in volatile} == {
        k: v for k, v in unknown.headers.items() if k not in volatile
    }


async def test_a_client_belongs_to_its_market(town: Town) -> None:
    client = await registered(town, "client_secret_basic", "uk-3.3")
    alike(await ask(town, client, "uk-3.2"))
    assert findings(town)[0] == "client.known"


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("accounts", "accounts"),
        ("payments accounts", "payments accounts"),
        ("openid", "openid"),
        ("accounts accounts", "accounts"),
        ("", "accounts payments"),
        (None, "accounts payments"),
    ],
)
async def test_scope_is_granted_within_the_registered_one(town: Town, scope: str | None, granted: str) -> None:
    client = await registered(town, "tls_client_auth")
    assert (await ask(town, client, more={"scope": scope})).body["scope"] == granted


@pytest.mark.parametrize(
    "scope", ["fundsconfirmations", "accounts admin", "account", "accounts  payments", " accounts"]
)
async def test_scope_beyond_the_registered_one_is_refused(town: Town, scope: str) -> None:
    client = await registered(town, "tls_client_auth")
    reply = await ask(town, client, more={"scope": scope})
    assert (reply.status, reply.body["error"]) == (400, "invalid_scope")


async def test_a_client_without_scope_gets_a_token_for_managing_itself(town: Town) -> None:
    client = await registered(town, "client_secret_basic", "generic", scope=None)
    reply = await ask(town, client, "generic")
    assert reply.status == 200
    assert "scope" not in reply.body


async def test_grants_that_are_not_there_are_refused(town: Town) -> None:
    client = await registered(town, "tls_client_auth")
    for grant, error in (
        ("authorization_code", "unauthorized_client"),
        ("implicit", "unsupported_grant_type"),
        ("password", "unsupported_grant_type"),
        (None, "invalid_request"),
        ("", "invalid_request"),
    ):
        reply = await ask(town, client, more={"grant_type": grant})
        assert (reply.status, reply.body["error"]) == (400, error)


async def test_a_client_must_have_registered_the_grant(town: Town) -> None:
    client = await registered(
        town, "tls_client_auth", grant_types=["authorization_code"], response_types=["code id_token"]
    )
    reply = await ask(town, client)
    assert (reply.status, reply.body["error"]) == (400, "unauthorized_client")


async def test_a_request_may_not_authenticate_in_two_ways(town: Town) -> None:
    client = await registered(town, "client_secret_basic")
    reply = await ask(town, client, more={"client_id": client["client_id"], "client_secret": client["client_secret"]})
    assert (reply.status, reply.body["error"], reply.checks) == (400, "invalid_request", ["client.method.single"])


@pytest.mark.parametrize(
    "header",
    ["Bearer abc", "Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Basic Og==", "Basic eCV6ejp5", "Digest username=x"],
)
async def test_an_authorization_header_that_is_no_basic_is_refused(town: Town, header: str) -> None:
    reply = await send(town, b"grant_type=client_credentials", headers={"Authorization": header})
    alike(reply)
    assert reply.headers["WWW-Authenticate"].startswith("Basic ")


async def test_a_request_without_any_client_is_refused(town: Town) -> None:
    alike(await send(town, b"grant_type=client_credentials"))
    assert findings(town)[0] == "client.presented"


@pytest.mark.parametrize(
    ("body", "how", "status", "check"),
    [
        (b'{"grant_type": "client_credentials"}', {"media_type": "application/json"}, 415, "token.request.media_type"),
        (b"grant_type=client_credentials&grant_type=client_credentials", {}, 400, "token.request.once"),
        (b"grant_type=%zz", {}, 400, "token.request.form"),
        (b"grant_type=%ff", {}, 400, "token.request.form"),
        (b"grant_type=%00", {}, 400, "token.request.form"),
        (b"a=" + b"x" * 40_000, {}, 400, "token.request.size"),
        (b"&".join(b"p%d=1" % i for i in range(50)), {}, 400, "token.request.size"),
    ],
)
async def test_a_malformed_request_is_refused(town: Town, body: bytes, how: dict, status: int, check: str) -> None:
    reply = await send(town, body, **how)
    assert (reply.status, reply.body["error"], reply.checks) == (status, "invalid_request", [check])


async def test_parameters_do_not_stand_in_the_url(town: Town) -> None:
    client = await registered(town, "client_secret_post")
    url = f"{town.index()['token_endpoint']}?{urlencode({'client_id': client['client_id']})}"
    reply = await ask(town, client, url=url)
    assert (reply.status, reply.checks) == (400, ["token.request.query"])


async def test_a_get_is_told_what_there_is(town: Town) -> None:
    reply = await send(town, b"", method="GET")
    assert (reply.status, reply.headers["Allow"], reply.body["error"]) == (405, "POST", "invalid_request")


async def test_every_token_request_has_its_audit_row(town: Town) -> None:
    client = await registered(town, "client_secret_post")
    await ask(town, client)
    await ask(town, {**client, "client_secret": "w" * 36})
    with closing(sqlite3.connect(f"file:{town.folder}/bank/registry.sqlite?mode=ro", uri=True)) as db:
        rows = db.execute(
            "SELECT decision, findings FROM audit WHERE operation = 'token' AND client_id = ? ORDER BY sequence",
            (client["client_id"],),
        ).fetchall()
    assert [decision for decision, _ in rows] == ["issued", "refused"]
    assert "client.secret" in rows[1][1]
    assert client["client_secret"] not in str(rows)


async def test_basic_is_form_decoded_before_it_is_compared(town: Town) -> None:
    client = await registered(town, "client_secret_basic")
    escaped = "".join(f"%{ord(letter):02X}" for letter in client["client_secret"])
    encoded = base64.b64encode(f"{client['client_id']}:{escaped}".encode()).decode()
    reply = await send(town, b"grant_type=client_credentials", headers={"Authorization": f"basic {encoded}"})
    assert reply.status == 200


async def test_keys_by_value_prove_a_client_without_statement(town: Town) -> None:
    key = SigningKey.generate("own")
    body = json.dumps(
        {
            "redirect_uris": ["https://tpp.example/cb"],
            "token_endpoint_auth_method": "private_key_jwt",
            "grant_types": ["client_credentials", "authorization_code"],
            "jwks": {"keys": [key.public_jwk()]},
        }
    ).encode()
    client = (await town.post(body, "generic")).body
    form = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER}
    for signer, status in ((key, 200), (SigningKey.generate("own"), 401)):
        assertion = signer.sign(claims_of(town, client, "generic"))
        reply = await send(town, urlencode({**form, "client_assertion": assertion}).encode(), "generic")
        assert reply.status == status


async def test_a_key_set_that_nobody_vouches_for_is_not_registered(town: Town) -> None:
    before = town.clients()
    asked = {"redirect_uris": ["https://tpp.example/cb"], "token_endpoint_auth_method": "private_key_jwt"}
    reply = await town.post(json.dumps({**asked, "jwks_uri": "https://169.254.169.254/keys"}).encode(), "generic")
    assert (reply.status, reply.checks) == (400, ["rules.jwks.vouched"])
    assert town.clients() == before


async def test_a_key_set_that_cannot_be_had_is_no_answer(town: Town) -> None:
    client = await registered(town, "private_key_jwt")
    await town.start()
    await town.manage("PUT", "/faults/software-jwks", mode="down")
    try:
        reply = await ask(town, client)
        assert (reply.status, reply.body["error"]) == (503, "temporarily_unavailable")
        assert int(reply.headers["Retry-After"]) >= 1
    finally:
        await town.manage("PUT", "/faults/software-jwks", mode="none")
        await town.start()
    assert (await ask(town, client)).status == 200
