"""A certificate ends, a client goes on: renewals, new subjects, and the bank's scripts on the way of an update."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from as_clients import ask
from managed import Managed, managed
from town import MARKETS, Town, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = """
from dcrgw.scripting.types import ClientRegistrationType


class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        return True

    def createClient(self, context):
        context.client.getAttributes()["tier"] = "gold"
        return True

    def updateClient(self, context):
        client = context.client
        if client.getAttributes().get("tier") != "gold":
            context.reject("unapproved_software_statement", "the attributes are lost")
        wish = client.metadata.get("scope")
        if wish == "openid fundsconfirmations":
            return False
        if wish == "openid payments":
            client.setClientId("another")
        if wish == "openid accounts":
            client.setScopes(["openid"])
        return True

    def destroy(self, configurationAttributes):
        return True
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A town with a script everywhere, and a market that compares subjects by their lasting part."""
    folder = tmp_path_factory.mktemp("sandbox")
    script = folder / "tier.py"
    script.write_text(SCRIPT)

    def edit(text: str) -> str:
        if "[[script]]" in text:
            return text
        text = re.sub(r'(profile = "obuk-3.3"\n)', r'\1dn_match = "subset"\n', text)
        return f'{text}\n[[script]]\ntype = "client_registration"\nname = "tier"\nfile = "{script}"\nlevel = 1\n'

    async with running(folder, edit) as opened:
        yield opened


async def moved(town: Town) -> tuple[Path, Path]:
    """A certificate of the TPP whose subject has changed: it has moved to London."""
    index = town.index()
    subject = f"CN={index['software_id']},OU={index['org_id']},L=London,O=OpenBanking,C=GB"
    return await town.certificate("moved", kind="obtransport", key_type="p256", subject=subject)


def moved_dn(town: Town) -> str:
    index = town.index()
    return f"CN={index['software_id']},OU={index['org_id']},L=London,O=OpenBanking,C=GB"


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("method", ["tls_client_auth", "private_key_jwt"])
async def test_a_renewed_certificate_locks_nobody_out(town: Town, market: str, method: str) -> None:
    client = await managed(town, market, method)
    renewed = await town.certificate("renewed", kind="obtransport", key_type="p256")
    reply = await client.call("GET", pair=renewed)
    if client.is_plain:
        assert reply.status == 200
    else:
        # The token is bound to the certificate that it was issued over.
        assert (reply.status, reply.body["error"]) == (401, "invalid_token")
        client.token = await client.new_token(renewed)
    dn = {"tls_client_auth_subject_dn": client.answer["tls_client_auth_subject_dn"]} if "tls" in method else {}
    updated = await client.put(await client.body(**dn), pair=renewed)
    assert updated.status == 200, updated.body
    assert (await client.call("DELETE", pair=renewed)).status == 204


async def as_private_key_jwt(client: Managed, **how: Any) -> dict[str, Any]:
    members = {"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "PS256"}
    reply = await client.put(await client.body(**members), **how)
    assert reply.status == 200, reply.body
    return reply.body


@pytest.mark.parametrize("market", ["uk-3.2", "uk-3.4"])
async def test_a_changed_subject_is_changed_by_way_of_private_key_jwt(town: Town, market: str) -> None:
    client = await managed(town, market, "tls_client_auth")
    new = await moved(town)
    # The new certificate is not the one that was registered, so it gets no token …
    assert (await ask(town, client.answer, market, pair=new)).body["error"] == "invalid_client"
    # … nor may the old one register the new one's name.
    early = await client.put(await client.body(tls_client_auth_subject_dn=moved_dn(town)))
    assert early.checks == ["rules.tls_client_auth.presented"]
    # With the old certificate to private_key_jwt, with the new one back.
    client.answer = await as_private_key_jwt(client)
    client.token = await client.new_token(new)
    back = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": moved_dn(town)}
    body = await client.body(**back, token_endpoint_auth_signing_alg=None)
    reply = await client.put(body, pair=new)
    assert reply.status == 200, reply.body
    assert reply.body["tls_client_auth_subject_dn"] == moved_dn(town)
    assert (await ask(town, reply.body, market, pair=new)).status == 200
    assert (await ask(town, reply.body, market)).body["error"] == "invalid_client"


async def test_a_market_that_compares_the_lasting_part_needs_no_change(town: Town) -> None:
    client = await managed(town, "uk-3.3", "tls_client_auth")
    new = await moved(town)
    client.token = await client.new_token(new)
    assert (await client.call("GET", pair=new)).status == 200


async def test_where_the_subject_is_the_identity_another_subject_is_a_stranger(town: Town) -> None:
    client = await managed(town, "generic")
    reply = await client.call("GET", pair=await moved(town))
    assert (reply.status, reply.checks) == (401, ["management.authorised"])


@pytest.mark.parametrize("market", MARKETS)
async def test_scripts_of_an_update_enrich_and_refuse(town: Town, market: str) -> None:
    client = await managed(town, market)
    enriched = await client.put(await client.body(scope="openid accounts"))
    assert (enriched.status, enriched.body["scope"]) == (200, "openid")
    if client.is_plain:
        refused = await client.put(await client.body(scope="openid fundsconfirmations"))
        assert refused.checks == ["script.consent"]
    failed = await client.put(await client.body(scope="openid payments"))
    assert (failed.status, failed.body["error"]) == (500, "server_error")
    now = await client.call("GET")
    assert now.body == enriched.body
    assert "tier" not in now.body
