"""Asking the directory about a TPP, against a real mutual TLS server that counts what arrives (F7, F8, F9)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from dcrgw.adapters.directory.endpoint import EndpointStatus
from dcrgw.adapters.directory.settings import OpenBankingDirectory
from dcrgw.adapters.directory.standing import DirectoryStanding
from dcrgw.core.jose import base64url
from dcrgw.core.registration.standing import Standing
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.testkit.keys import SigningKey

KEY = SigningKey.generate("bank-1", "PS256")


def listing(software_id: str = "SW1", org_id: str = "ORG1", **software: Any) -> dict[str, Any]:
    return {
        "totalResults": 1,
        "Resources": [
            {
                "urn:openbanking:organisation:1.0": {"OBOrganisationId": org_id, "Status": "Active"},
                "urn:openbanking:softwarestatement:1.0": {
                    "SoftwareStatements": [{"Id": software_id, "Active": True, "Roles": ["AISP"], **software}]
                },
            }
        ],
    }


class Bench:
    """One directory; each endpoint answers as told."""

    def __init__(self, server: Any, time: Any) -> None:
        self.server, self.time = server, time
        self.changes: list[EndpointStatus] = []
        self.token_answer: Callable[[], Any] = self.fresh_token
        self.scim_answer: Callable[[Any], Any] = lambda _: web.json_response(listing())
        self.issued = 0
        server.answer = lambda came: self.token_answer() if came.path == "/token" else self.scim_answer(came)

    def fresh_token(self, **changes: Any) -> web.Response:
        self.issued += 1
        members = {"access_token": f"CANARY-{self.issued}", "token_type": "Bearer", "expires_in": 300, **changes}
        return web.json_response({k: v for k, v in members.items() if v is not None})

    def arrived(self, path: str) -> list[Any]:
        return [came for came in self.server.arrived if came.path == path]

    @property
    def counts(self) -> tuple[int, int]:
        """Requests so far: token, SCIM."""
        return len(self.arrived("/token")), len(self.arrived("/scim"))

    async def ask(self, software_id: str = "SW1", org_id: str | None = "ORG1") -> Standing:
        return await self.directories.standing("primary", software_id, org_id)

    async def trouble(self, software_id: str = "SW1") -> Unavailable:
        with pytest.raises(Unavailable) as caught:
            await self.ask(software_id)
        return caught.value


@pytest.fixture
async def bench(host: Any, fetcher: Any, time: Any) -> AsyncIterator[Bench]:
    server = await host()
    made = Bench(server, time)
    made.settings = OpenBankingDirectory(
        name="primary",
        token_url=server.url("/token"),
        tpp_url=server.url("/scim"),
        client_id="BANKSW1",
        scopes=("ASPSPReadAccess", "TPPReadAccess"),
        key_id="bank-1",
        signing_key=KEY.private_key,
        signing_alg="PS256",
        audience=server.url("/token"),
        fetcher=fetcher(with_certificate=True),
    )
    made.directories = DirectoryStanding(
        [made.settings], now=lambda: 1_795_000_000 + time.at, clock=time, on_change=made.changes.append
    )
    yield made
    await made.directories.close()


async def test_active_tpp_is_found_and_asked_for_by_its_own_id(bench: Bench) -> None:
    found = await bench.ask()
    assert (found.found, found.org_id, found.software_id, found.software_roles) == (True, "ORG1", "SW1", {"AISP"})
    assert found.observed_at == 1_795_001_000
    assert found.source.startswith(bench.server.url("/scim"))
    (asked,) = bench.arrived("/scim")
    assert asked.method == "GET"
    assert parse_qs(asked.query) == {
        "filter": ['urn:openbanking:softwarestatement:1.0:SoftwareStatements[Id eq "SW1" and Active eq true]']
    }
    assert asked.headers["Authorization"] == "Bearer CANARY-1"
    assert asked.peer == "BANKSW1"


async def test_token_is_asked_for_with_a_signed_assertion_over_mutual_tls(bench: Bench) -> None:
    await bench.ask()
    (asked,) = bench.arrived("/token")
    assert (asked.method, asked.peer) == ("POST", "BANKSW1")
    form = {name: value for name, (value,) in parse_qs(asked.body.decode()).items()}
    assertion = form.pop("client_assertion")
    assert form == {
        "grant_type": "client_credentials",
        "client_id": "BANKSW1",
        "scope": "ASPSPReadAccess TPPReadAccess",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    header, claims = (json.loads(base64url.decode(part)) for part in assertion.encode().split(b".")[:2])
    assert header == {"typ": "JWT", "alg": "PS256", "kid": "bank-1"}
    assert claims.pop("jti")
    assert claims == {
        "iss": "BANKSW1",
        "sub": "BANKSW1",
        "aud": bench.server.url("/token"),
        "scope": "ASPSPReadAccess TPPReadAccess",
        "iat": 1_795_001_000,
        "exp": 1_795_001_300,
    }
    assert joserfc_verifies(assertion)


def joserfc_verifies(assertion: str) -> bool:
    """A second library's word on our signature."""
    from joserfc import jws
    from joserfc.jwk import RSAKey

    jws.deserialize_compact(assertion, RSAKey.import_key(KEY.public_jwk()), algorithms=["PS256"])
    return True


async def test_assertion_is_never_used_twice(bench: Bench) -> None:
    bench.scim_answer = lambda _: web.Response(status=401)
    await bench.trouble()
    first, second = (parse_qs(came.body.decode())["client_assertion"] for came in bench.arrived("/token"))
    assert first != second


async def test_answer_counts_for_a_minute_and_the_token_for_longer(bench: Bench) -> None:
    for _ in range(5):
        await bench.ask()
    bench.time.at += 59
    await bench.ask()
    assert bench.counts == (1, 1)
    bench.time.at += 1
    await bench.ask()
    assert bench.counts == (1, 2)
    await bench.ask("SW1", "ORG2")
    await bench.ask("SW2")
    assert bench.counts == (1, 4)
    bench.directories.purge()
    await bench.ask()
    assert bench.counts == (1, 5)


async def test_answer_may_not_be_kept_for_longer_than_the_bound(bench: Bench) -> None:
    with pytest.raises(Misconfigured):
        DirectoryStanding([bench.settings], answers_s=301)


async def test_hundred_concurrent_questions_are_one_token_and_one_query(bench: Bench) -> None:
    answers = await asyncio.gather(*(bench.ask() for _ in range(100)))
    assert all(answer.found for answer in answers)
    assert bench.counts == (1, 1)


async def test_many_different_questions_share_one_token(bench: Bench) -> None:
    bench.scim_answer = lambda came: web.json_response(listing(parse_qs(came.query)["filter"][0].split('"')[1]))
    answers = await asyncio.gather(*(bench.ask(f"SW{i}") for i in range(50)))
    assert all(answer.found for answer in answers)
    assert bench.counts == (1, 50)


async def test_cancelled_question_goes_on_for_the_others(bench: Bench) -> None:
    release, arrived = asyncio.Event(), asyncio.Event()

    async def slow() -> web.Response:
        arrived.set()
        await release.wait()
        return web.json_response(listing())

    bench.scim_answer = lambda _: slow()
    async with asyncio.TaskGroup() as group:
        first, second = group.create_task(bench.ask()), group.create_task(bench.ask())
        await arrived.wait()
        first.cancel()
        await asyncio.sleep(0)
        release.set()
    assert first.cancelled()
    assert second.result().found
    assert bench.counts == (1, 1)


# Not found is an answer; so is another organisation


async def test_unknown_tpp_is_not_found_and_that_counts_as_an_answer(bench: Bench) -> None:
    bench.scim_answer = lambda _: web.json_response({"totalResults": 0})
    assert not (await bench.ask()).found
    assert not (await bench.ask()).found
    assert bench.counts == (1, 1)


async def test_software_of_another_organisation_is_not_found(bench: Bench) -> None:
    bench.scim_answer = lambda _: web.json_response(listing(org_id="ORG2"))
    assert not (await bench.ask()).found


async def test_withdrawn_tpp_is_seen_within_the_minute(bench: Bench) -> None:
    assert (await bench.ask()).found
    bench.scim_answer = lambda _: web.json_response({"totalResults": 0, "Resources": []})
    bench.time.at += 60
    assert not (await bench.ask()).found


async def test_own_standing_is_asked_by_the_banks_own_id(bench: Bench) -> None:
    bench.scim_answer = lambda _: web.json_response(listing("BANKSW1", "BANK"))
    found = await bench.directories.own_standing("primary")
    assert (found.found, found.org_id) == (True, "BANK")
    assert '"BANKSW1"' in parse_qs(bench.arrived("/scim")[0].query)["filter"][0]


async def test_directory_without_an_endpoint_is_the_banks_fault(bench: Bench) -> None:
    with pytest.raises(Misconfigured):
        await bench.directories.standing("other", "SW1", "ORG1")


# The token's life


async def test_token_is_renewed_before_it_expires(bench: Bench) -> None:
    await bench.ask()
    bench.time.at += 269
    await bench.ask("SW2")
    assert bench.counts[0] == 1
    bench.time.at += 1
    await bench.ask("SW3")
    assert bench.counts[0] == 2


@pytest.mark.parametrize(
    ("said", "used_s"),
    [(None, 45), (40, 30), ("600", 570), (10**40 - 1, 3600), (86_400, 3600), (300.5, 270.5), ("soon", 45), (True, 45)],
)
async def test_lifetime_of_a_token_is_clamped(bench: Bench, said: Any, used_s: float) -> None:
    bench.token_answer = lambda: bench.fresh_token(expires_in=said)
    await bench.ask()
    bench.time.at += used_s - 0.25
    await bench.ask("SW2")
    assert bench.counts[0] == 1
    bench.time.at += 0.25
    await bench.ask("SW3")
    assert bench.counts[0] == 2


async def test_token_that_scim_refuses_is_replaced_once(bench: Bench) -> None:
    await bench.ask()
    bench.scim_answer = lambda came: (
        web.json_response(listing("SW2"))
        if came.headers["Authorization"] == "Bearer CANARY-2"
        else web.Response(status=401)
    )
    answers = await asyncio.gather(*(bench.ask("SW2") for _ in range(10)))
    assert all(answer.found for answer in answers)
    assert bench.counts == (2, 3)


async def test_late_refusal_of_an_old_token_leaves_the_new_one(bench: Bench) -> None:
    tokens = bench.directories._desks["primary"]._tokens
    old = await tokens.current()
    tokens.drop(old)
    new = await tokens.current()
    tokens.drop(old)
    assert await tokens.current() is new
    assert bench.counts == (2, 0)


async def test_token_that_is_refused_again_is_our_own_trouble(bench: Bench) -> None:
    bench.scim_answer = lambda _: web.Response(status=401)
    failure = await bench.trouble()
    assert failure.dependency == "directory.primary.scim"
    assert failure.reason.startswith("own credential refused")
    assert bench.counts == (2, 2)
    await bench.trouble("SW2")
    assert bench.counts == (2, 2)


# Troubles of the token endpoint (F7, F8)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b""),
        (403, b""),
        (400, b'{"error":"invalid_client"}'),
        (400, b'{"error":"unauthorized_client"}'),
        (400, b'{"error":"invalid_scope","error_description":"CANARY"}'),
    ],
)
async def test_refused_credential_is_told_apart_from_an_outage_and_not_repeated(
    bench: Bench, status: int, body: bytes
) -> None:
    bench.token_answer = lambda: web.Response(status=status, body=body)
    for i in range(20):
        failure = await bench.trouble(f"SW{i}")
        assert failure.dependency == "directory.primary.token"
        assert "own credential refused" in failure.reason
        assert "CANARY" not in failure.reason
    assert bench.counts == (1, 0)
    assert bench.changes[0].last_error is not None
    assert bench.changes[0].last_error.startswith("own credential refused")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (502, b"<html>"),
        (204, b""),
        (302, b""),
        (400, b"<html>"),
        (400, b'{"error":["CANARY"]}'),
        (404, b""),
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"access_token":""}'),
        (200, b'{"access_token":1}'),
        (200, b'{"access_token":"a\\r\\nX: y"}'),
        (200, b'{"access_token":"a","access_token":"b"}'),
        (200, b'{"access_token":"a","token_type":"mac"}'),
        (200, b'{"access_token":"a","expires_in":0}'),
        (200, b'{"access_token":"a","expires_in":-5}'),
    ],
)
async def test_token_endpoint_in_trouble_is_unavailable(bench: Bench, status: int, body: bytes) -> None:
    bench.token_answer = lambda: web.Response(status=status, body=body)
    for i in range(20):
        failure = await bench.trouble(f"SW{i}")
        assert failure.dependency == "directory.primary.token"
        assert "own credential" not in failure.reason
        assert 1 <= failure.retry_after_s <= 60
    # Open after three; nothing more is asked until the pause is over.
    assert bench.counts == (3, 0)


async def test_open_breaker_lets_one_probe_go_and_then_everybody(bench: Bench) -> None:
    bench.token_answer = lambda: web.Response(status=500)
    for i in range(5):
        await bench.trouble(f"SW{i}")
    bench.token_answer = bench.fresh_token
    await bench.trouble()
    assert bench.counts == (3, 0)
    bench.time.at += 5
    answers = await asyncio.gather(*(bench.ask() for _ in range(20)))
    assert all(answer.found for answer in answers)
    assert bench.counts == (4, 1)


async def test_signing_key_that_does_not_fit_is_the_banks_fault(bench: Bench, fetcher: Any) -> None:
    import dataclasses

    directories = DirectoryStanding([dataclasses.replace(bench.settings, signing_alg="ES256")])
    with pytest.raises(Misconfigured):
        await directories.standing("primary", "SW1", "ORG1")
    assert bench.counts == (0, 0)


# Troubles of the SCIM endpoint (F9)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"{}"),
        (200, b"[]"),
        (200, b'{"totalResults":1'),
        (200, b'{"totalResults":3,"Resources":[]}'),
        (204, b""),
        (302, b""),
        (400, b'{"scimType":"invalidFilter"}'),
        (403, b""),
        (404, b""),
        (500, b""),
        (503, b""),
    ],
)
async def test_scim_endpoint_in_trouble_is_unavailable_and_never_an_answer(
    bench: Bench, status: int, body: bytes
) -> None:
    bench.scim_answer = lambda _: web.Response(status=status, body=body)
    failure = await bench.trouble()
    assert failure.dependency == "directory.primary.scim"
    # Nothing of it is kept: the next answer counts at once.
    bench.scim_answer = lambda _: web.json_response(listing())
    bench.time.at += 5
    assert (await bench.ask()).found


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("said", "wait_s"), [("30", 30), ("7200", 60), ("99999999999999", 60), ("Wed, 18 Nov 2026 11:23:45 GMT", 25)]
)
async def test_retry_after_is_honoured_up_to_a_cap(bench: Bench, status: int, said: str, wait_s: int) -> None:
    bench.scim_answer = lambda _: web.Response(status=status, headers={"Retry-After": said})
    assert (await bench.trouble()).retry_after_s == wait_s
    bench.scim_answer = lambda _: web.json_response(listing())
    bench.time.at += wait_s - 1
    assert (await bench.trouble("SW2")).retry_after_s == 1
    assert bench.counts == (1, 1)
    bench.time.at += 1
    assert (await bench.ask()).found


async def test_outage_of_scim_makes_no_storm(bench: Bench) -> None:
    await bench.ask()
    await bench.server.stop()
    for i in range(2, 1000):
        await bench.trouble(f"SW{i}")
    statuses = {status.dependency: status for status in bench.directories.status()}
    assert statuses["directory.primary.scim"].is_open
    assert not statuses["directory.primary.token"].is_open
    assert bench.counts == (1, 1)
    # An answer had before the outage counts for its minute.
    assert (await bench.ask()).found


@pytest.mark.parametrize("answer", [b"[", b'{"totalResults": 1, "Resources": []}', b'{"x": "' + b"x" * 300_000 + b'"}'])
async def test_one_tpps_unreadable_record_keeps_nobody_else_out(bench: Bench, answer: bytes) -> None:
    def one_is_odd(came: Any) -> web.Response:
        odd = "ODD" in parse_qs(came.query)["filter"][0]
        return web.Response(body=answer) if odd else web.json_response(listing())

    bench.scim_answer = one_is_odd
    for i in range(10):
        assert "unreadable answer" in (await bench.trouble(f"ODD{i}")).reason
    assert (await bench.ask()).found


async def test_storm_of_failing_questions_asks_three_times(bench: Bench) -> None:
    bench.scim_answer = lambda _: web.Response(status=500)
    for i in range(200):
        await bench.trouble(f"SW{i}")
    assert bench.counts == (1, 3)
    bench.time.at += 5
    for i in range(200):
        await bench.trouble(f"SW{i}")
    assert bench.counts == (1, 4)


async def test_probe_that_fails_for_want_of_a_token_lets_another_go(bench: Bench) -> None:
    bench.scim_answer = lambda _: web.Response(status=500)
    for i in range(3):
        await bench.trouble(f"SW{i}")
    bench.time.at += 5
    bench.scim_answer = lambda _: web.Response(status=401)
    bench.token_answer = lambda: web.Response(status=500)
    assert (await bench.trouble()).dependency == "directory.primary.token"
    bench.scim_answer = lambda _: web.json_response(listing())
    bench.token_answer = bench.fresh_token
    assert (await bench.ask()).found


async def test_change_of_health_is_announced(bench: Bench) -> None:
    bench.scim_answer = lambda _: web.Response(status=500)
    await bench.trouble()
    await bench.trouble()
    bench.scim_answer = lambda _: web.json_response(listing())
    await bench.ask()
    assert [(change.dependency, change.last_error) for change in bench.changes] == [
        ("directory.primary.scim", "failing: answered 500"),
        ("directory.primary.scim", None),
    ]
    bench.time.at += 7
    assert {status.last_success_age_s for status in bench.directories.status()} == {7}


async def test_no_token_assertion_or_key_is_ever_shown(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await bench.ask()
    assertion = parse_qs(bench.arrived("/token")[0].body.decode())["client_assertion"][0]
    desk = bench.directories._desks["primary"]
    shown = [repr(bench.settings), repr(desk._tokens._token), repr(bench.directories.status()), caplog.text]
    bench.scim_answer = lambda _: web.Response(status=401, body=b"CANARY")
    bench.time.at += 60
    shown += [repr(await bench.trouble("SW2")), caplog.text]
    await bench.server.stop()
    bench.time.at += 400
    failure = await bench.trouble("SW3")
    chain: BaseException | None = failure
    while chain is not None:
        shown.append(f"{chain!r} {chain}")
        chain = chain.__cause__ or chain.__context__
    private = KEY.private_key.private_numbers()
    for secret in ("CANARY", assertion, "eyJ", str(private.d)):
        assert secret not in "\n".join(shown)
