"""A client's whole life with Keycloak behind the market: by its administration, and at its endpoints."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from as_clients import ask, findings
from managed import managed
from real_servers import (
    EXAMPLES,
    SECRET,
    answers,
    behind,
    get,
    installed,
    rename,
    serving,
    until_ready,
    upstream_section,
    write_certificates,
)
from town import UK, Town, running

from dcrgw.sandbox.serving import free_ports

pytestmark = [pytest.mark.upstreams, pytest.mark.asyncio(loop_scope="module")]

MARKETS = (UK, "generic")
#: Keycloak has no difference between the two ways to send a secret.
METHODS = ("tls_client_auth", "private_key_jwt", "client_secret_basic", "client_secret_post", "client_secret_jwt")
LOGIN = {"username": "mia", "password": "mias-password"}


def realm(name: str) -> dict[str, Any]:
    """The example's realm, with somebody in it who can sign in."""
    found = json.loads((EXAMPLES / "keycloak/realm.json").read_text())
    found["realm"] = name
    found["clients"][0]["secret"] = SECRET
    person = {"username": LOGIN["username"], "firstName": "Mia", "lastName": "Example", "email": "mia@example.com"}
    password = {"type": "password", "value": LOGIN["password"]}
    found["users"].append({**person, "enabled": True, "emailVerified": True, "credentials": [password]})
    return found


def configuration(folder: Path, hostname: str, port: int, management: int) -> Path:
    """The example's keycloak.conf with this machine's places."""
    text = (EXAMPLES / "keycloak/keycloak.conf").read_text()
    for before, after in {
        "hostname=https://auth.bank.example": f"hostname={hostname}",
        "https-port=8443": f"https-port={port}\nhttp-management-port={management}",
        "/etc/keycloak/directory-ca.pem": str(folder.parent / "ca.pem"),
        "/etc/keycloak/gateway-ca.pem": str(folder / "ca.pem"),
        "/etc/keycloak/": f"{folder}/",
    }.items():
        assert before in text
        text = text.replace(before, after)
    path = folder / "keycloak.conf"
    path.write_text(text)
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Two markets, each with a realm of its own. The gateway starts first, and finds Keycloak when it is there."""
    program = installed("keycloak", "keycloak-*/bin/kc.sh")
    path = tmp_path_factory.mktemp("sandbox")
    folder = path / "behind"
    write_certificates(folder)
    port, management = free_ports(2)  # the latter is Keycloak's own, for probes
    base = f"https://localhost:{port}"
    hosts: list[str] = []

    def edit(text: str) -> str:
        public = text.partition("[listeners.public]")[2].partition("port = ")[2].partition("\n")[0]
        hosts.append(f"https://localhost:{public}")
        for market in MARKETS:
            issuer = f"{hosts[0]}/realms/{market}"
            text = behind(text, market, issuer, upstream_section("keycloak", f"{base}/realms/{market}", folder))
        return text

    async with running(path, edit) as opened:
        for market in MARKETS:
            rename(opened, market, f"{hosts[0]}/realms/{market}")
        conf = configuration(folder, hosts[0], port, management)
        realms = program.parents[1] / "data/import"
        realms.mkdir(parents=True, exist_ok=True)
        for old in realms.iterdir():
            old.unlink()
        for market in MARKETS:
            (realms / f"{market}.json").write_text(json.dumps(realm(market)))
        command = (program, f"--config-file={conf}", "start", "--import-realm")
        up = f"{base}/realms/{MARKETS[-1]}/.well-known/openid-configuration"
        log = folder / "keycloak.log"
        async with serving(command, log, lambda: answers(up, folder), JAVA_OPTS_APPEND="-Xmx768m"):
            opened.keycloak = (base, folder)  # type: ignore[attr-defined]
            await until_ready(opened)
            yield opened


async def there(town: Town, client_id: str, market: str = UK) -> dict[str, Any] | None:
    """Keycloak's own word on a client, asked as the gateway's service account."""
    base, folder = town.keycloak  # type: ignore[attr-defined]
    form = {"grant_type": "client_credentials", "client_id": "dcrgw", "client_secret": SECRET}
    url = f"{base}/realms/{market}/protocol/openid-connect/token"
    status, said = await get(url, folder, method="POST", data=form)
    assert status == 200, said
    bearer = {"Authorization": f"Bearer {said['access_token']}"}
    _, found = await get(f"{base}/admin/realms/{market}/clients?clientId={client_id}", folder, headers=bearer)
    return found[0] if found else None


async def token(town: Town, client: dict[str, Any], market: str = UK, **how: Any) -> Any:
    """A token by the client's own method. Keycloak takes assertions that are meant for the issuer."""
    return await ask(town, client, market, claims={"aud": town.index(market)["issuer"]}, **how)


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("method", METHODS)
async def test_client_lives_here_and_there(town: Town, market: str, method: str) -> None:
    client = await managed(town, market, method)
    kept = await there(town, client.client_id, market)
    assert kept is not None
    assert kept["attributes"]["dcrgw.market"] == market
    assert (await client.call("GET")).body["client_id"] == client.client_id
    changed = await client.put(await client.body(scope="openid"))
    assert (changed.status, changed.body.get("scope")) == (200, "openid"), (changed.body, findings(town))
    refused = await token(town, changed.body, market, more={"scope": "accounts"})
    assert (refused.status, refused.body["error"]) == (400, "invalid_scope")
    client.token = await client.new_token()
    assert (await client.call("DELETE")).status == 204
    assert await there(town, client.client_id, market) is None
    assert (await client.call("GET")).status == 401
