"""A town with Keycloak behind some of its markets, each with a realm of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from real_servers import (
    EXAMPLES,
    SECRET,
    answers,
    behind,
    installed,
    rename,
    serving,
    until_ready,
    upstream_section,
    write_certificates,
)
from town import Town, running

from dcrgw.sandbox.serving import free_ports

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


@asynccontextmanager
async def with_keycloak(path: Path, markets: Sequence[str], **changes: Any) -> AsyncIterator[Town]:
    """The gateway starts first, and finds Keycloak when it is there.

    `changes` are of the example's [market.upstream].
    """
    program = installed("keycloak", "keycloak-*/bin/kc.sh")
    folder = path / "behind"
    write_certificates(folder)
    port, management = free_ports(2)  # the latter is Keycloak's own, for probes
    base = f"https://localhost:{port}"
    hosts: list[str] = []

    def edit(text: str) -> str:
        public = text.partition("[listeners.public]")[2].partition("port = ")[2].partition("\n")[0]
        hosts.append(f"https://localhost:{public}")
        for market in markets:
            issuer = f"{hosts[0]}/realms/{market}"
            text = behind(
                text, market, issuer, upstream_section("keycloak", f"{base}/realms/{market}", folder, **changes)
            )
        return text

    async with running(path, edit) as opened:
        for market in markets:
            rename(opened, market, f"{hosts[0]}/realms/{market}")
        conf = configuration(folder, hosts[0], port, management)
        realms = program.parents[1] / "data/import"
        realms.mkdir(parents=True, exist_ok=True)
        for old in realms.iterdir():
            old.unlink()
        for market in markets:
            (realms / f"{market}.json").write_text(json.dumps(realm(market)))
        command = (program, f"--config-file={conf}", "start", "--import-realm")
        up = f"{base}/realms/{markets[-1]}/.well-known/openid-configuration"
        log = folder / "keycloak.log"
        async with serving(command, log, lambda: answers(up, folder), JAVA_OPTS_APPEND="-Xmx768m") as process:
            opened.server = process  # type: ignore[attr-defined]
            opened.keycloak = (base, folder)  # type: ignore[attr-defined]
            await until_ready(opened)
            yield opened
