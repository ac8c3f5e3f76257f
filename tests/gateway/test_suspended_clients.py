"""What an operator's order means to the TPP: at the token endpoint and at the client's own registration."""

from __future__ import annotations

import asyncio

import pytest
from admin_clients import ask as administer
from as_clients import ask, registered
from town import UK, Reply, Town

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def order(town: Town, method: str, path: str) -> Reply:
    reply = await administer(town.folder / "admin.sock", method, path)
    assert reply.status == 200, reply.body
    return reply


async def managed(town: Town, client: dict, token: str, method: str = "GET") -> Reply:
    url = f"{town.index()['registration_endpoint']}/{client['client_id']}"
    return await town.post(b"", url=url, method=method, headers={"Authorization": f"Bearer {token}"})


async def test_suspension_refuses_the_client_everywhere_and_restoring_brings_it_back(town: Town) -> None:
    client = await registered(town, "tls_client_auth")
    place = f"/clients/{UK}/{client['client_id']}"
    token = (await ask(town, client)).body["access_token"]
    assert (await managed(town, client, token)).status == 200
    await order(town, "POST", f"{place}/suspend")
    assert (await ask(town, client)).status == 401
    refused = await managed(town, client, token)
    assert (refused.status, refused.body["error"]) == (401, "invalid_token")
    await order(town, "POST", f"{place}/restore")
    # The tokens of before are over: the client asks for a new one.
    assert (await managed(town, client, token)).status == 401
    renewed = (await ask(town, client)).body["access_token"]
    assert (await managed(town, client, renewed)).status == 200


async def test_revoked_tokens_are_over_and_new_ones_are_had(town: Town) -> None:
    client = await registered(town, "tls_client_auth")
    token = (await ask(town, client)).body["access_token"]
    await order(town, "POST", f"/clients/{UK}/{client['client_id']}/revoke-tokens")
    assert (await managed(town, client, token)).status == 401
    assert (await managed(town, client, (await ask(town, client)).body["access_token"])).status == 200


async def test_a_deleted_client_answers_like_one_that_never_was(town: Town) -> None:
    client = await registered(town, "tls_client_auth")
    token = (await ask(town, client)).body["access_token"]
    await order(town, "DELETE", f"/clients/{UK}/{client['client_id']}")
    assert (await ask(town, client)).status == 401
    gone = await managed(town, client, token)
    never = await managed(town, {"client_id": "never-was"}, token)
    assert gone.status == never.status == 401
    assert gone.body | {"report": ""} == never.body | {"report": ""}


async def test_an_order_during_a_storm_of_tokens_leaves_none(town: Town) -> None:
    client = await registered(town, "tls_client_auth")
    place = f"/clients/{UK}/{client['client_id']}"
    *replies, _ = await asyncio.gather(*(ask(town, client) for _ in range(20)), order(town, "POST", f"{place}/suspend"))
    assert {reply.status for reply in replies} <= {200, 401}
    tokens = [reply.body["access_token"] for reply in replies if reply.status == 200]
    await order(town, "POST", f"{place}/restore")
    assert {(await managed(town, client, token)).status for token in tokens} <= {401}


async def test_a_tpps_own_deletion_stands_in_the_history_beside_the_operators_orders(town: Town) -> None:
    client = await registered(town, "tls_client_auth")
    token = (await ask(town, client)).body["access_token"]
    assert (await managed(town, client, token, "DELETE")).status == 204
    place = f"/clients/{UK}/{client['client_id']}"
    shown = (await order(town, "GET", place)).body
    assert (shown["status"], shown["version"]) == ("deleted", 2)
    rows = (await order(town, "GET", f"{place}/history")).body["history"]
    assert next(row["operation"] for row in rows if row["decision"] != "refused") == "delete"
    assert {row["author"] for row in rows} == {"tpp"}
