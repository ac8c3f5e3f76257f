"""What the server behind a town's markets says itself, past the gateway: it is asked with the gateway's certificate."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import Any

import aiohttp
from admin_clients import aside
from click.testing import CliRunner, Result
from town import UK, Reply, Town

from dcrgw.cli import main


async def at_the_server(town: Town, method: str, path: str, market: str = UK, **how: Any) -> Reply:
    """Any request to it."""
    folder = town.folder / "upstream"
    tls = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    tls.load_cert_chain(folder / "gateway.pem", folder / "gateway.key")
    url = f"https://localhost:{town.session.endpoints.upstream}/{market}/{path}"
    async with aiohttp.ClientSession() as http, http.request(method, url, ssl=tls, **how) as answer:
        raw = await answer.read()
        is_json = answer.content_type.endswith("json")  # also a key set
        return Reply(answer.status, dict(answer.headers), json.loads(raw) if is_json else {})


async def is_known_there(town: Town, client_id: str, market: str = UK) -> bool:
    """Whether it has such a client: only then it sends a wrong authorization request back instead of to a page."""
    asked = {"params": {"client_id": client_id}, "allow_redirects": False}
    return (await at_the_server(town, "GET", "auth", market, **asked)).status == 303


async def reconciled(town: Town, *words: str) -> Result:
    """`dcrgw reconcile` of the town's gateway."""
    place = ("--socket", str(town.folder / "admin.sock"))
    return await aside(CliRunner().invoke, main, ["reconcile", *words, *place])


async def until_gone_there(town: Town, client_id: str, market: str = UK) -> None:
    """The gateway deletes there what is deleted here: at once, or as soon as it can."""
    async with asyncio.timeout(60):
        while await is_known_there(town, client_id, market):  # noqa: ASYNC110 - it is told over HTTP alone
            await asyncio.sleep(0.05)
