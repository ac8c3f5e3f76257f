"""A client's life with Ory Hydra behind the market: by its administration, and at its token endpoint."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from as_clients import ask, findings
from grant_clients import send
from managed import managed
from real_servers import (
    EXAMPLES,
    answers,
    behind,
    doctor,
    get,
    installed,
    reconciled,
    serving,
    until_ready,
    upstream_section,
    write_certificates,
)
from town import UK, Town, running

from dcrgw.sandbox.serving import free_ports

pytestmark = [pytest.mark.upstreams, pytest.mark.asyncio(loop_scope="module")]

#: What Hydra has itself; the gateway proves the others in its place.
NATIVE = ("private_key_jwt", "client_secret_basic", "client_secret_post")
BRIDGED = ("tls_client_auth", "client_secret_jwt")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """One market with Hydra behind it: a Hydra has one issuer."""
    program = installed("hydra", "hydra")
    path = tmp_path_factory.mktemp("sandbox")
    folder = path / "behind"
    write_certificates(folder)
    public, admin = (f"https://localhost:{port}" for port in free_ports(2))
    issuers: list[str] = []

    def edit(text: str) -> str:
        own = text.partition(f'name = "{UK}"')[2]
        issuers.append(own.partition('issuer = "')[2].partition('"')[0])
        return behind(text, UK, issuers[0], upstream_section("hydra", public, folder, admin_url=admin))

    async with running(path, edit) as opened:
        text = (EXAMPLES / "hydra/hydra.yml").read_text()
        for before, after in {
            "https://auth.bank.example\n": f"{issuers[0]}\n",
            "https://register.bank.example/token": opened.index(UK)["token_endpoint"],
            "4444": public.rpartition(":")[2],
            "4445": admin.rpartition(":")[2],
            "/etc/hydra/": f"{folder}/",
        }.items():
            assert before in text
            text = text.replace(before, after)
        (folder / "hydra.yml").write_text(text)
        command = (program, "serve", "all", "--sqa-opt-out", "--config", folder / "hydra.yml")
        up = f"{public}/.well-known/openid-configuration"
        # It asks TPPs' key sets, at a directory whose root only the sandbox knows.
        trust = {"SSL_CERT_FILE": str(path / "ca.pem")}
        async with serving(command, folder / "hydra.log", lambda: answers(up, folder), **trust):
            opened.hydra = (admin, folder)  # type: ignore[attr-defined]
            await until_ready(opened)
            yield opened


async def there(town: Town, client_id: str) -> dict[str, Any] | None:
    """Hydra's own word on a client."""
    admin, folder = town.hydra  # type: ignore[attr-defined]
    status, found = await get(f"{admin}/admin/clients/{client_id}", folder)
    return found if status == 200 else None


@pytest.mark.parametrize("method", NATIVE + BRIDGED)
async def test_client_lives_here_and_there(town: Town, method: str) -> None:
    client = await managed(town, UK, method)
    kept = await there(town, client.client_id)
    assert kept is not None
    assert kept["owner"] == f"dcrgw:{UK}"
    assert kept["token_endpoint_auth_method"] == (method if method in NATIVE else "client_secret_basic")
    assert (await client.call("GET")).body["token_endpoint_auth_method"] == method
    changed = await client.put(await client.body(scope="openid"))
    assert (changed.status, changed.body.get("scope")) == (200, "openid"), (changed.body, findings(town))
    refused = await ask(town, changed.body, more={"scope": "accounts"})
    assert (refused.status, refused.body["error"]) == (400, "invalid_scope")
    client.token = await client.new_token()
    assert (await client.call("DELETE")).status == 204
    assert await there(town, client.client_id) is None
    assert (await client.call("GET")).status == 401


@pytest.mark.parametrize("method", ["private_key_jwt", "tls_client_auth"])
async def test_a_token_is_introspected_and_revoked_through_the_gateway(town: Town, method: str) -> None:
    client = await managed(town, UK, method)
    gone = await send(town, client.answer, "revoke", token=client.token)
    assert gone.status == 200, (gone.body, findings(town))
    assert (await client.call("GET")).status == 401


async def test_the_same_bytes_get_the_same_client(town: Town) -> None:
    body = await town.body(UK)
    first, again = await asyncio.gather(town.post(body, UK), town.post(body, UK))
    answered = [each for each in (first, again) if each.status == 201]
    assert answered, (first.body, again.body)
    assert (await town.post(body, UK)).body == answered[0].body


async def test_doctor_finds_nothing_wrong(town: Town) -> None:
    status, said = await doctor(town, UK)
    assert status == 0, said
    assert "it was deleted again" in said


async def test_what_was_changed_in_hydra_is_found_and_mended(town: Town) -> None:
    assert (await reconciled(town))[0] == 0
    client = await managed(town, UK, "private_key_jwt")
    admin, folder = town.hydra  # type: ignore[attr-defined]
    kept = await there(town, client.client_id)
    assert kept is not None
    stray = {"client_id": "nobody-knows-me", "owner": kept["owner"]}
    assert (await get(f"{admin}/admin/clients", folder, method="POST", json=stray))[0] == 201
    assert (await get(f"{admin}/admin/clients/{client.client_id}", folder, method="DELETE"))[0] == 204
    status, said = await reconciled(town, UK)
    assert status == 1
    assert re.search(rf"{client.client_id}\s+missing", said), said
    assert re.search(r"nobody-knows-me\s+stray", said), said
    assert (await reconciled(town, UK, "--mend"))[0] == 0
    assert await there(town, "nobody-knows-me") is None
    client.token = await client.new_token()
    assert (await client.call("GET")).status == 200
