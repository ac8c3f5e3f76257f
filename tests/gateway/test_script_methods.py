"""What the bank's scripts add on the whole way: in their own process, over TLS, into the registry."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from town import UK, Town, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLES = Path(__file__).parents[2] / "config/scripts"

ADDING = """
from dcrgw.scripting.types import ClientRegistrationType

class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        return True

    def createClient(self, context):
        context.client.attributes["seen"] = [
            context.getHttpRequest().getMethod(),
            context.getHttpRequest().getHeader("Authorization"),
            context.getIpAddress() is not None,
            context.getDcr().verified,
        ]
        return True

    def updateClient(self, context):
        return True

    def modifyPostResponse(self, responseAsJsonObject, executionContext):
        responseAsJsonObject.put("bank_seen", executionContext.client.attributes["seen"])
        if executionContext.client.scope == "openid accounts":
            responseAsJsonObject.put("scope", "everything")
        return True

    def destroy(self, configurationAttributes):
        return True
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("methods")
    async with running(folder) as opened:
        file = folder / "adding.py"
        file.write_text(ADDING)
        sections = "".join(
            f'\n[[script]]\ntype = "{type_id}"\nname = "{type_id}"\nfile = {json.dumps(str(file))}\n'
            for type_id, file in {
                "client_registration": file,
                "id_generator": EXAMPLES / "id_generator.py",
                "introspection": EXAMPLES / "introspection.py",
                "authz_detail": EXAMPLES / "payment_initiation.py",
            }.items()
        )
        opened.edit = lambda plain: plain + sections
        await opened.start()
        yield opened


async def test_id_and_answer_are_the_scripts(town: Town) -> None:
    reply = await town.post(await town.body())
    assert reply.status == 201, reply.body
    assert reply.body["client_id"].startswith("TPP-")
    assert reply.body["bank_seen"] == ["POST", None, True, True]


async def test_same_bytes_get_the_same_answer(town: Town) -> None:
    body = await town.body()
    assert (await town.post(body)).body == (await town.post(body)).body


async def test_answer_that_goes_too_far_registers_nobody(town: Town) -> None:
    before = town.clients()
    reply = await town.post(await town.body(scope="openid accounts"))
    assert (reply.status, reply.body["error"]) == (500, "server_error")
    assert town.clients() == before


async def test_other_markets_scripts_are_asked_too(town: Town) -> None:
    reply = await town.post(await town.body(UK), UK)
    assert reply.body["client_id"].startswith("TPP-")
