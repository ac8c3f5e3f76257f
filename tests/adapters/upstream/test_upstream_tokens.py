"""What an access token of an authorization server is good for: asked of it, or proven by its keys."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from dcrgw.adapters.upstream.tokens import Introspection, JudgedTokens, PublishedKeys, TokenSettings
from dcrgw.core.jose import publishing, signing
from dcrgw.errors import Misconfigured, Unavailable

NOW = 1_800_000_000.0
GOOD = {"active": True, "client_id": "client-1", "scope": "openid accounts", "iat": NOW - 10, "exp": NOW + 300}


@dataclass
class Noon:
    at: float = NOW

    def now(self) -> float:
        return self.at


def settings(at, **changes: Any) -> TokenSettings:
    usual = {"market": "retail", "issuer": at.server.issuer, "cache_s": 5.0, "audience": at.server.issuer}
    return TokenSettings(**{**usual, "client_id": "gw", "client_secret": "s:c%t", **changes})


def asked(at, clock: Noon | None = None, **changes: Any) -> JudgedTokens:
    way, clock = at.way(), clock or Noon()
    desk = Introspection(way, at.discovery(way), settings(at, **changes), clock)
    return JudgedTokens(desk, cache_s=5.0, clock=clock, monotonic=at.clock)


async def test_the_servers_word_on_a_token(bench) -> None:
    at = await bench()
    at.server.introspected["tok"] = {**GOOD, "cnf": {"x5t#S256": "abc"}, "sub": "ann"}
    found = await asked(at).judged("tok")
    assert found is not None
    assert (found.client_id, found.scope, found.x5t_s256, found.sub) == (
        "client-1",
        ("openid", "accounts"),
        "abc",
        "ann",
    )
    came = at.server.last("POST", "/introspect")
    assert b64decode(came.field("authorization").removeprefix("Basic ")) == b"gw:s%3Ac%25t"
    assert b"client_id" not in came.body


async def test_without_a_secret_the_certificate_speaks_for_the_gateway(bench) -> None:
    at = await bench()
    await asked(at, client_secret=None).judged("tok")
    came = at.server.last("POST", "/introspect")
    assert came.field("authorization") is None
    assert b"client_id=gw" in came.body


@pytest.mark.parametrize(
    "changes",
    [
        {"active": False},
        {"active": "true"},
        {"active": None},
        {"client_id": None},
        {"client_id": 7},
        {"scope": ["a"]},
        {"exp": NOW - 1},
        {"exp": "never"},
        {"exp": True},
        {"nbf": NOW + 60},
        {"iss": "https://evil.example"},
        {"token_type": "refresh_token"},
        {"token_use": "refresh_token"},
        {"typ": "Refresh"},
        {"cnf": {"jkt": "x"}},
        {"cnf": {"x5t#S256": "a", "jkt": "x"}},
        {"cnf": "x"},
        {"authorization_details": "x"},
        {"authorization_details": [{}]},
    ],
    ids=str,
)
async def test_a_token_with_anything_odd_is_good_for_nothing(bench, changes: dict[str, Any]) -> None:
    at = await bench()
    at.server.introspected["tok"] = {**GOOD, **changes}
    assert await asked(at).judged("tok") is None


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [(401, b"", Misconfigured), (404, b"", Misconfigured), (500, b"", Unavailable), (200, b"[]", Unavailable)],
)
async def test_no_word_is_never_a_yes(bench, status: int, body: bytes, failure: type[Exception]) -> None:
    at = await bench()
    at.server.says["POST", "/introspect"] = lambda _: web.Response(
        status=status, body=body, content_type="application/json"
    )
    tokens = asked(at)
    for _ in range(2):
        with pytest.raises(failure):
            await tokens.judged("tok")
    assert len(at.server.paths("POST")) == 2


async def test_a_word_is_kept_for_a_short_while_and_never_past_the_tokens_end(bench) -> None:
    at, clock = await bench(), Noon()
    at.server.introspected["tok"] = {**GOOD, "exp": NOW + 3}
    tokens = asked(at, clock)
    assert await tokens.judged("tok")
    assert await tokens.judged("tok")
    assert len(at.server.paths("POST")) == 1
    clock.at += 4
    assert await tokens.judged("tok") is None
    at.seconds += 6
    at.server.introspected["tok"] = {**GOOD, "exp": NOW + 300}
    assert await tokens.judged("tok")


async def test_a_token_that_was_revoked_here_is_good_for_nothing_at_once(bench) -> None:
    at = await bench()
    at.server.introspected["tok"] = GOOD
    tokens = asked(at)
    assert await tokens.judged("tok")
    tokens.forget("tok")
    assert await tokens.judged("tok") is None


async def test_a_token_revoked_while_it_is_asked_about_is_good_for_nothing(bench) -> None:
    at = await bench()
    arrived, may_answer = asyncio.Event(), asyncio.Event()

    async def late(_: Any) -> web.Response:
        arrived.set()
        await may_answer.wait()
        return web.json_response(GOOD)

    at.server.says["POST", "/introspect"] = late
    tokens = asked(at)
    async with asyncio.TaskGroup() as group:
        judging = group.create_task(tokens.judged("tok"))
        await arrived.wait()
        tokens.forget("tok")
        may_answer.set()
    assert judging.result() is None
    assert await tokens.judged("tok") is None


KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())


def proven(at, clock: Noon | None = None) -> JudgedTokens:
    way, clock = at.way(), clock or Noon()
    desk = PublishedKeys(way, at.discovery(way), settings(at), clock, at.clock)
    return JudgedTokens(desk, cache_s=0, clock=clock, monotonic=at.clock)


def signed(at, *, key: Any = KEY, kid: str = "k1", typ: str | None = "at+jwt", **changes: Any) -> str:
    claims = {
        "iss": at.server.issuer,
        "aud": at.server.issuer,
        "client_id": "client-1",
        "scope": "accounts",
        "iat": NOW - 10,
        "exp": NOW + 300,
        "sub": "client-1",
        "jti": "1",
        **changes,
    }
    return signing.sign(
        {name: value for name, value in claims.items() if value is not None}, key=key, alg="ES256", kid=kid, typ=typ
    )


def publish(at, **keys: Any) -> None:
    at.server.keys = [{**publishing.public_jwk(key.public_key(), alg="ES256"), "kid": kid} for kid, key in keys.items()]


async def test_a_token_proven_by_the_published_keys(bench) -> None:
    at = await bench()
    publish(at, k1=KEY)
    found = await proven(at).judged(signed(at, cnf={"x5t#S256": "abc"}))
    assert found is not None
    assert (found.client_id, found.scope, found.x5t_s256) == ("client-1", ("accounts",), "abc")


@pytest.mark.parametrize(
    "changes",
    [
        {"key": OTHER},
        {"typ": "JWT"},
        {"typ": None},
        {"iss": "https://evil.example"},
        {"aud": "https://api.example"},
        {"aud": None},
        {"exp": None},
        {"exp": NOW - 1},
        {"iat": None},
        {"iat": NOW + 600},
        {"client_id": None},
    ],
    ids=lambda changes: "-".join(
        f"{name}={value}" if name != "key" else "another key" for name, value in changes.items()
    ),
)
async def test_a_token_that_is_not_ours_or_not_proven_is_good_for_nothing(bench, changes: dict[str, Any]) -> None:
    at = await bench()
    publish(at, k1=KEY)
    assert await proven(at).judged(signed(at, **changes)) is None


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "ey.ey.ey", "x" * 70_000])
async def test_what_is_no_token_asks_nobody(bench, token: str) -> None:
    at = await bench()
    assert await proven(at).judged(token) is None
    assert at.server.arrived == []


async def test_a_new_key_is_found_and_strangers_do_not_make_us_ask_for_more(bench) -> None:
    at = await bench()
    publish(at, k1=KEY)
    tokens = proven(at)
    assert await tokens.judged(signed(at))
    for number in range(5):
        assert await tokens.judged(signed(at, key=OTHER, kid=f"unknown-{number}")) is None
    assert at.server.paths().count("/jwks") == 1
    publish(at, k1=KEY, k2=OTHER)
    at.seconds += 31
    assert await tokens.judged(signed(at, key=OTHER, kid="k2"))
    assert at.server.paths().count("/jwks") == 2


async def test_keys_that_cannot_be_had_are_never_a_yes(bench) -> None:
    at = await bench()
    at.server.says["GET", "/jwks"] = lambda _: web.json_response({"keys": "none"})
    with pytest.raises(Unavailable):
        await proven(at).judged(signed(at))


async def test_a_token_revoked_here_stays_so_although_its_claims_are_good(bench) -> None:
    at = await bench()
    publish(at, k1=KEY)
    tokens, token = proven(at), signed(at)
    assert await tokens.judged(token)
    tokens.forget(token)
    at.seconds += 3600
    assert await tokens.judged(token) is None
