"""A run of a real gateway that makes one decision of every kind, each kept as its bundle.

As a program it writes them into a folder: `python tests/gateway/every_decision.py FOLDER`, with `tests/gateway` and the
project on the path. So the golden bundles of a version are made, once, by the dcrgw that brings the version.
"""

from __future__ import annotations

import asyncio
import io
import json
import ssl
import sys
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from admin_clients import ask
from grant_clients import address, answer, client_of, decided, pushed, request, send, tokens
from managed import Managed, managed
from town import UK, Reply, Town, running

from dcrgw.compliance.kept import text_of
from dcrgw.edge.logging import set_up_logging
from dcrgw.testkit.person import Person

PAYMENT: dict[str, Any] = {
    "type": "payment_initiation",
    "instructedAmount": {"currency": "EUR", "amount": "123.50"},
    "creditorName": "Merchant A",
    "creditorAccount": {"iban": "DE02100100109307118603"},
}
WRONG = {**PAYMENT, "instructedAmount": {"currency": "EUR", "amount": "-1"}}


class Kept:
    """Bundles by name, in the order of their decisions."""

    def __init__(self, town: Town) -> None:
        self._town, self.documents = town, dict[str, bytes]()

    async def last(self, name: str, operation: str) -> None:
        """Keep the newest decision of an operation, as the administration gives it."""
        gateway = self._town.gateway
        assert gateway is not None
        report = next(each for each in reversed(gateway.reports) if each.operation == operation)
        told = await ask(self._town.folder / "admin.sock", "GET", f"/evidence/{report.report_id}")
        assert told.status == 200, told.body
        self.documents[name] = text_of(told.body).encode()

    async def after(self, name: str, operation: str, call: Awaitable[Reply], status: int) -> Reply:
        """Keep the decision that a call leads to."""
        reply = await call
        assert reply.status == status, (name, reply.body)
        await self.last(name, operation)
        return reply


async def every_decision(town: Town) -> dict[str, bytes]:
    """The bundles of one run by name. The town's bank runs the example scripts."""
    kept = Kept(town)
    await _registrations(town, kept)
    await _grants(town, kept)
    return kept.documents


async def _registrations(town: Town, kept: Kept) -> None:
    client = await managed(town, UK)
    await kept.last("issued", "token")
    await kept.last("registered", "create")
    again = await town.body()
    await kept.after("registered-anew", "create", town.post(again), 201)
    await kept.after("repeated", "create", town.post(again), 201)
    await kept.after("read", "read", client.call("GET"), 200)
    await kept.after("read-refused", "read", client.call("GET", token="a-token-of-somebody-else"), 401)
    await kept.after("updated", "update", client.put(), 200)
    await kept.after("update-refused", "update", client.put(await client.body(scope="openid nonsense")), 400)
    await kept.after("deleted", "delete", client.call("DELETE"), 204)
    await kept.after("rules-refused", "create", town.post(await town.body(scope="openid nonsense")), 400)
    await kept.after("statement-refused", "create", town.post(await _with_statement_of(town, iss="nobody")), 400)
    await kept.after("standing-refused", "create", town.post(await town.body(UK, "revoked"), UK, "revoked"), 400)
    await kept.after("unreadable", "create", town.post(b"a.b.c"), 400)
    await town.break_down("scim", "500", count=1)
    await kept.after("unavailable", "create", town.post(await town.body()), 503)
    plain: Managed = await managed(town, "generic")
    await kept.last("generic-registered", "create")
    await kept.after("generic-updated", "update", plain.put(), 200)


async def _with_statement_of(town: Town, **claims: Any) -> bytes:
    return await town.body(software_statement=await town.statement(**claims))


async def _grants(town: Town, kept: Kept) -> None:
    client = await client_of(town)
    asked = {"authorization_details": json.dumps([PAYMENT])}
    uri = await pushed(town, client, **asked)
    await kept.last("pushed", "par")
    wrong = {"authorization_details": json.dumps([WRONG])}
    await kept.after("push-refused", "par", send(town, client, "par", **request(**wrong)), 400)
    await kept.after("details-good", "check_details", send(town, client, "authorization-details", **asked), 200)
    await kept.after("details-wrong", "check_details", send(town, client, "authorization-details", **wrong), 200)
    tls = ssl.create_default_context(cafile=str(town.folder / "ca.pem"))
    async with Person(tls) as person:
        seen = await decided(town, person, address(town, client, request_uri=uri))
    await kept.last("asked", "authorize")
    await kept.last("approved", "decide")
    issued = await kept.after("redeemed", "token", tokens(town, client, answer(seen)["code"]), 200)
    token = issued.body["access_token"]
    await kept.after("introspected", "introspect", send(town, client, "introspect", token=token), 200)
    await kept.after("revoked", "revoke", send(town, client, "revoke", token=token), 200)


async def _write(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        async with running(Path(place), has_scripts=True) as town:
            for name, document in (await every_decision(town)).items():
                (folder / f"{name}.bundle.json").write_bytes(document)


if __name__ == "__main__":
    set_up_logging("json", stream=io.StringIO())
    asyncio.run(_write(Path(sys.argv[1])))
