"""What a bank's script makes of a registration is held to every rule, also where its types are wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from town import Town, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = """
from dcrgw.scripting.types import ClientRegistrationType


class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        return True

    def destroy(self, configurationAttributes):
        return True

    def createClient(self, context):
        context.client.metadata.update(context.register_request.claims.get("wish", {}))
        return True

    updateClient = createClient
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A town whose bank has a script that does whatever the request wishes."""
    path = tmp_path_factory.mktemp("scripted")
    script = path / "wishes.py"
    script.write_text(SCRIPT)
    table = f'\n[[script]]\ntype = "client_registration"\nname = "wishes"\nfile = "{script}"\n'

    def edit(text: str) -> str:
        return text if table in text else text + table

    async with running(path / "town", edit) as opened:
        yield opened


@pytest.mark.parametrize(
    "wish",
    [
        {"scope": ["openid", "admin"]},
        {"scope": 5},
        {"redirect_uris": ["https://tpp.example/cb", {"a": 1}]},
        {"redirect_uris": "https://evil.example"},
        {"grant_types": [["implicit"]]},
        {"token_endpoint_auth_method": ["none"]},
        {"id_token_signed_response_alg": ["none"]},
        {"application_type": {}},
        {"client_name": "a\u202eb"},
        {"client_id": "victim"},
        {"client_secret": "chosen"},
        {"registration_access_token": "chosen"},
        {"error": "invalid_client_metadata"},
        {"jwks_uri": "https://keys.example/a", "jwks": {"keys": [{"kty": "RSA"}]}},
    ],
)
async def test_a_script_cannot_pass_a_rule_by_a_wrong_type_or_an_unknown_member(
    scripted: Town, wish: dict[str, Any]
) -> None:
    before = scripted.clients()
    reply = await scripted.post(await scripted.body(wish=wish))
    assert (reply.status, reply.body["error"]) == (500, "server_error")
    assert scripted.clients() == before


async def test_a_scripts_private_keys_are_not_registered(scripted: Town) -> None:
    wish = {"jwks": {"keys": [{"kty": "RSA", "n": "AQ", "e": "AQAB", "d": "AQ"}]}}
    reply = await scripted.post(await scripted.body("generic", wish=wish), "generic")
    assert reply.status == 500


@pytest.mark.parametrize("wish", [{"client_name": "Better"}, {"software_roles": ["AISP"]}, {"client_name#ja": "あ"}])
async def test_a_script_may_enrich(scripted: Town, wish: dict[str, Any]) -> None:
    reply = await scripted.post(await scripted.body(wish=wish))
    assert reply.status == 201
    assert wish.items() <= reply.body.items()
