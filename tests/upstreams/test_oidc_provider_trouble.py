"""oidc-provider behind the gateway goes wrong: it grants too much, is somebody else, is away, or forgets all."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from as_clients import ask, findings
from behind import is_known_there, reconciled
from grant_clients import CALLBACK, VERIFIER, address, answer, client_of, decided, request, send
from managed import managed
from test_details_over_the_wire import PAYMENT
from town import UK, Town

from dcrgw.errors import Misconfigured
from dcrgw.testkit.person import Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

has_scripts = True
variant = Path(__file__).parent / "lying"
#: Where it lies.
LIAR = "uk-3.4"


@pytest_asyncio.fixture(loop_scope="module")
async def mia(town: Town) -> AsyncIterator[Person]:
    async with Person(ssl.create_default_context(cafile=str(town.folder / "ca.pem"))) as person:
        yield person


async def test_token_for_more_than_was_asked_is_not_released(town: Town, mia: Person) -> None:
    client = await client_of(town, "tls_client_auth", LIAR)
    reply = await send(town, client, "par", LIAR, **request(authorization_details=json.dumps([PAYMENT])))
    assert reply.status == 201, (reply.body, findings(town))
    seen = await decided(town, mia, address(town, client, LIAR, request_uri=reply.body["request_uri"]))
    form = {"grant_type": "authorization_code", "code": answer(seen)["code"], "redirect_uri": CALLBACK}
    reply = await send(town, client, "token", LIAR, **form, code_verifier=VERIFIER)
    assert (reply.status, reply.body["error"]) == (500, "server_error")
    assert findings(town) == ["release.details"]
    assert "access_token" not in reply.body


async def test_gateway_does_not_start_before_somebody_elses_server(town: Town) -> None:
    def elsewhere(text: str) -> str:
        port = town.session.endpoints.upstream
        return text.replace(f'url = "https://localhost:{port}/{UK}"', f'url = "https://localhost:{port}/uk-3.3"')

    town.edit = elsewhere
    with pytest.raises(Misconfigured, match="issuer"):
        await town.start()
    town.edit = lambda text: text
    await town.start()
    assert (await town.post(await town.body())).status == 201


async def test_request_while_it_is_away_waits_and_is_done_once_it_is_back(town: Town) -> None:
    body = await town.body()
    clients = town.clients()
    await town.session.upstream.kill()
    away = await town.post(body)
    assert away.status == 503, away.body
    assert int(away.headers["Retry-After"]) >= 1
    await town.session.upstream.start()
    town.ahead_s += 3600
    found = await town.post(body)
    assert found.status == 201, (found.body, findings(town))
    assert await is_known_there(town, found.body["client_id"])
    assert town.clients() == clients + 1


@pytest.mark.parametrize("method", ["tls_client_auth", "client_secret_basic"])
async def test_server_that_forgot_its_clients_is_told_again(town: Town, method: str) -> None:
    client = await managed(town, UK, method)
    await town.session.upstream.kill()
    await town.session.upstream.start()
    assert not await is_known_there(town, client.client_id)
    assert (await ask(town, client.answer)).status == 401
    told = await reconciled(town, UK, "--json")
    assert told.exit_code == 1, told.output
    assert ("missing", client.client_id) in [(each["kind"], each["client_id"]) for each in json.loads(told.stdout)]
    mended = await reconciled(town, UK, "--mend", "--reason", "it was restarted")
    assert mended.exit_code == 0, mended.output
    left = await reconciled(town, UK)
    assert left.exit_code == 0, left.output
    assert await is_known_there(town, client.client_id)
    # Also by the secret that its TPP has had all along.
    assert (await ask(town, client.answer)).status == 200
