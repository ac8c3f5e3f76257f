"""The served directory: key sets for everybody, token and SCIM for the bank only, faults as switched."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import Any

import aiohttp
import pytest
from sandbox_words import BANK, ORG, SOFTWARE, Running, assertion, token_form

from dcrgw.core import strict_json
from dcrgw.core.jose.keys import key_set
from dcrgw.core.strict_json import JsonRefused
from dcrgw.sandbox.directory import SCIM_COLLECTION, TOKEN
from dcrgw.sandbox.schemes import UK
from dcrgw.sandbox.traffic import Endpoint, Fault, FaultMode

SOFTWARE_KEYS = f"/{ORG}/{SOFTWARE}.jwks"


async def body(running: Running, path: str, **options: Any) -> tuple[int, bytes]:
    async with running.public.get(running.key_sets + path, **options) as answer:
        return answer.status, await answer.read()


async def test_key_sets_are_served_to_everybody(running: Running) -> None:
    for path, kid in ((UK.keys_path, "dir-1"), (SOFTWARE_KEYS, "sig-1")):
        status, document = await body(running, path)
        assert status == 200
        assert list(key_set(document).keys) == [kid]


async def test_revoked_keys_have_their_own_set(running: Running) -> None:
    _, document = await body(running, "/keystore/revoked/openbanking.jwks")
    assert list(key_set(document).keys) == ["dir-0"]
    status, document = await body(running, f"/{ORG}/revoked/{SOFTWARE}.jwks")
    assert (status, json.loads(document)) == (200, {"keys": []})


async def test_organisation_has_a_key_set(running: Running) -> None:
    status, document = await body(running, f"/{ORG}/{ORG}.jwks")
    assert (status, json.loads(document)) == (200, {"keys": []})


@pytest.mark.parametrize("path", [f"/{ORG}/other.jwks", f"/other/{SOFTWARE}.jwks", "/keystore/other.jwks", "/"])
async def test_unknown_key_set_is_a_404(running: Running, path: str) -> None:
    assert (await body(running, path))[0] == 404


async def test_bank_reads_a_standing(running: Running) -> None:
    headers = {"Authorization": f"Bearer {await running.token()}"}
    wanted = f'urn:openbanking:softwarestatement:1.0:SoftwareStatements[Id eq "{SOFTWARE}" and Active eq true]'
    url = running.bank + SCIM_COLLECTION
    async with running.as_bank.get(url, params={"filter": wanted}, headers=headers) as answer:
        assert answer.status == 200
        assert answer.content_type == "application/scim+json"
        assert [each["id"] for each in json.loads(await answer.read())["Resources"]] == [ORG]
    async with running.as_bank.get(f"{url}/{ORG}", headers=headers) as answer:
        assert json.loads(await answer.read())["id"] == ORG
    assert [arrival.endpoint for arrival in running.traffic.arrivals] == ["token", "scim", "scim"]
    assert "filter=" in running.traffic.arrivals[1].path


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer stolen", "Basic eDp5"])
async def test_scim_needs_a_token(running: Running, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    async with running.as_bank.get(running.bank + SCIM_COLLECTION, headers=headers) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert json.loads(await answer.read())["status"] == "401"


async def test_bank_port_refuses_a_handshake_without_certificate(running: Running) -> None:
    with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
        async with running.public.post(running.bank + TOKEN, data={}):
            pass
    assert not running.traffic.arrivals


async def test_wrong_assertion_is_an_oauth_error(running: Running) -> None:
    form = token_form(assertion(running.bank_key, url="https://elsewhere.example"))
    async with running.as_bank.post(running.bank + TOKEN, data=form) as answer:
        assert answer.status == 401
        assert (await answer.json())["error"] == "invalid_client"


async def test_parameter_sent_twice_is_refused(running: Running) -> None:
    form = [*token_form(assertion(running.bank_key, url=running.bank + TOKEN)).items(), ("client_id", BANK)]
    async with running.as_bank.post(running.bank + TOKEN, data=form) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


async def test_error_fault_answers_500(running: Running) -> None:
    running.traffic.switch(Endpoint.JWKS, Fault(FaultMode.ERROR))
    assert (await body(running, UK.keys_path))[0] == 500
    assert (await body(running, SOFTWARE_KEYS))[0] == 200


async def test_garbage_fault_is_no_json(running: Running) -> None:
    running.traffic.switch(Endpoint.JWKS, Fault(FaultMode.GARBAGE))
    status, document = await body(running, UK.keys_path)
    assert status == 200
    with pytest.raises(JsonRefused):
        strict_json.loads(document)


async def test_empty_fault_has_no_body(running: Running) -> None:
    running.traffic.switch(Endpoint.SOFTWARE_JWKS, Fault(FaultMode.EMPTY))
    assert await body(running, SOFTWARE_KEYS) == (200, b"")


async def test_down_fault_cuts_the_connection(running: Running) -> None:
    running.traffic.switch(Endpoint.JWKS, Fault(FaultMode.DOWN))
    with pytest.raises(aiohttp.ClientError):
        await body(running, UK.keys_path)


async def test_redirect_fault_shows_who_follows(running: Running) -> None:
    running.traffic.switch(Endpoint.JWKS, Fault(FaultMode.REDIRECT))
    status, _ = await body(running, UK.keys_path, allow_redirects=False)
    assert status == 307
    assert await body(running, UK.keys_path) == (200, running.world.keys.published)
    assert [arrival.path for arrival in running.traffic.arrivals][1:] == [
        UK.keys_path,
        UK.keys_path + "?redirected=1",
    ]


async def test_slow_fault_holds_the_answer_back(running: Running) -> None:
    running.traffic.switch(Endpoint.JWKS, Fault(FaultMode.SLOW, delay_s=3600))
    with pytest.raises(TimeoutError):
        await body(running, UK.keys_path, timeout=aiohttp.ClientTimeout(total=0.2))
    running.traffic.switch(Endpoint.JWKS, Fault(FaultMode.SLOW, delay_s=0))
    assert (await body(running, UK.keys_path))[0] == 200


async def test_counted_fault_heals(running: Running) -> None:
    running.traffic.switch(Endpoint.JWKS, Fault(FaultMode.ERROR, count=2))
    answers = [(await body(running, UK.keys_path))[0] for _ in range(3)]
    assert answers == [500, 500, 200]


async def test_token_and_scim_have_faults_too(running: Running) -> None:
    token = await running.token()
    running.traffic.switch(Endpoint.TOKEN, Fault(FaultMode.ERROR))
    running.traffic.switch(Endpoint.SCIM, Fault(FaultMode.EMPTY))
    async with running.as_bank.post(running.bank + TOKEN, data={}) as answer:
        assert answer.status == 500
    headers = {"Authorization": f"Bearer {token}"}
    async with running.as_bank.get(running.bank + SCIM_COLLECTION, headers=headers) as answer:
        assert (answer.status, await answer.read()) == (200, b"")


async def test_many_requests_at_once_are_all_logged(running: Running) -> None:
    await asyncio.gather(*(body(running, UK.keys_path) for _ in range(20)))
    assert len(running.traffic.arrivals) == 20
