"""`dcrgw doctor upstream`: what stands behind a market is tried step by step, and nothing is left there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from fake_as import Came, FakeAs
from servers_behind import materials

from dcrgw.app.upstream_trial import Step, trial
from dcrgw.materials.upstream import upstream_server
from dcrgw.testkit import markets


def by_certificate(came: Came) -> web.Response:
    if came.field("client-cert") is None:
        return web.json_response({"error": "invalid_client"}, status=401)
    return web.json_response({"access_token": "x", "token_type": "Bearer"})


@pytest.fixture
async def server() -> AsyncIterator[FakeAs]:
    async with FakeAs() as started:
        started.says["POST", "/token"] = by_certificate
        yield started


async def steps(server: FakeAs, *, registers: bool = True, **changes: Any) -> list[Step]:
    given = materials(server, **changes)
    market = markets.market(upstream=upstream_server(given.settings))
    return [step async for step in trial(given, market, registers=registers)]


def faults(found: list[Step]) -> list[str]:
    return [step.text for step in found if step.is_good is False]


async def test_a_good_server_has_no_fault_and_no_client_more(server: FakeAs) -> None:
    found = await steps(server)
    assert faults(found) == []
    assert any("reads the certificate's header" in step.text for step in found)
    assert len(server.paths("DELETE")) == 1
    assert server.clients == {}


async def test_without_being_asked_to_nothing_is_registered(server: FakeAs) -> None:
    assert faults(await steps(server, registers=False)) == []
    assert "/reg" not in server.paths()


async def test_another_issuer_ends_the_trial_with_what_to_set(server: FakeAs) -> None:
    server.document["issuer"] = "https://evil.example"
    (fault,) = faults(await steps(server))
    assert "set its issuer" in fault


async def test_one_that_is_not_there_is_said_so(server: FakeAs) -> None:
    given = materials(server)
    market = markets.market(upstream=upstream_server(given.settings))
    await server.stop()
    (step,) = [step async for step in trial(given, market, registers=True)]
    assert step.is_good is False
    await server.start()


async def test_a_refused_registration_token_is_found(server: FakeAs) -> None:
    server.initial_access_token = "another"
    (fault,) = faults(await steps(server))
    assert "upstream.registration_token" in fault


async def test_a_server_that_takes_our_certificate_for_the_tpps_is_found(server: FakeAs) -> None:
    server.says["POST", "/token"] = lambda _: web.json_response({"access_token": "x", "token_type": "Bearer"})
    (fault,) = faults(await steps(server))
    assert "without the certificate's header" in fault
    assert server.clients == {}


async def test_a_server_that_does_not_read_the_certificate_is_found(server: FakeAs) -> None:
    server.says["POST", "/token"] = lambda _: web.json_response({"error": "invalid_client"}, status=401)
    (fault,) = faults(await steps(server))
    assert "certificate_form" in fault


async def test_refused_introspection_is_found(server: FakeAs) -> None:
    server.says["POST", "/introspect"] = lambda _: web.json_response({"error": "invalid_client"}, status=401)
    (fault,) = faults(await steps(server))
    assert "introspected" in fault


async def test_a_method_that_it_names_not_is_found_and_a_gap_told(server: FakeAs) -> None:
    server.document["token_endpoint_auth_methods_supported"] = ["private_key_jwt", "client_secret_basic"]
    found = faults(await steps(server, registers=False))
    assert any(fault.startswith("tls_client_auth") for fault in found)
    found = await steps(server, registers=False, auth_methods=["private_key_jwt"])
    assert faults(found) == []
    assert any(step.is_good is None and step.text.startswith("tls_client_auth") for step in found)


async def test_what_it_did_not_keep_is_told(server: FakeAs) -> None:
    server.drops = frozenset({"client_name"})
    found = await steps(server)
    assert any(step.is_good is None and "client_name" in step.text for step in found)
