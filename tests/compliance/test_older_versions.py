"""What is decided today, written as older versions would have, is decided the same to the byte, elsewhere and later."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from granting_bank import PAYMENT, SECRET, GrantingBank, asked, granting_bank
from older_writers import compare_in_every_version
from small_bank import PLAIN, UK, Bank, certificate

from dcrgw.compliance.keeping import Closed, bundled
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.core.market import Market
from dcrgw.errors import GatewayError
from dcrgw.flows.check_details import check
from dcrgw.flows.create import create
from dcrgw.flows.delete import delete
from dcrgw.flows.push import push
from dcrgw.flows.read import read
from dcrgw.flows.update import update
from dcrgw.ports import Ports
from dcrgw.ports.recording import recorded

Flow = Callable[[Arrival, Market, Ports, Report], Awaitable[Any]]
NOBODY = "a-token-of-somebody-else"


async def kept(bank: Bank | GrantingBank, operation: str, flow: Flow, arrival: Arrival) -> bytes:
    """One decision of a bank, as its bundle."""
    journal = Journal()
    ports = recorded(bank.ports, journal)
    report = Report(ports.randomness.report_id(), "interaction", operation, "uk", ports.clock.now())
    with suppress(GatewayError):
        await flow(arrival, bank.market, ports, report)
    return bundled(Closed(report, Evidence(arrival, report.at, journal), bank.market))


async def _update(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Any:
    async def receive() -> bytes:
        return arrival.body

    return await update(replace(arrival, body=b""), receive, market, ports, report)


async def registrations(profile: str) -> dict[str, bytes]:
    """A client's life, and what is refused on the way."""
    bank = Bank(profile)
    client, token = await bank.register()
    again = {"client_id": client.client_id} if bank.is_plain else {}

    def posted(**changes: Any) -> Arrival:
        return bank._arrival(bank.body(**changes), certificate())

    def called(method: str, body: bytes = b"", token: str = token) -> Arrival:
        return replace(bank._call(method, client.client_id, token, None), body=body)

    wrong = {"redirect_uris": ["http://tpp.example/cb"]}
    documents = {
        "registered": await kept(bank, "create", create, posted()),
        "refused": await kept(bank, "create", create, posted(**wrong)),
        "unreadable": await kept(bank, "create", create, bank._arrival(b"a.b.c", certificate())),
        "read": await kept(bank, "read", read, called("GET")),
        "read-refused": await kept(bank, "read", read, called("GET", token=NOBODY)),
        "updated": await kept(bank, "update", _update, called("PUT", bank.body(**again))),
        "update-refused": await kept(bank, "update", _update, called("PUT", bank.body(**wrong, **again))),
        "deleted": await kept(bank, "delete", delete, called("DELETE")),
    }
    bank.directory.changes = {"organisation_active": False}
    documents["standing"] = await kept(bank, "create", create, posted())
    bank.registry.is_down = True
    documents["unavailable"] = await kept(bank, "create", create, posted())
    return {f"{profile}-{name}": document for name, document in documents.items()}


async def details(folder: Path) -> dict[str, bytes]:
    """Authorization details, good and wrong, pushed and asked about."""
    documents = {}
    async with granting_bank(folder) as bank:
        for name, amount in (("good", 50), ("wrong", -1)):
            sent = {"client_secret": SECRET, "authorization_details": json.dumps([{**PAYMENT, "amount": amount}])}
            documents[f"pushed-{name}"] = await kept(bank, "par", push, bank.form({**asked(), **sent}))
            question = bank.form({"client_id": "client-1", **sent})
            documents[f"asked-{name}"] = await kept(bank, "check_details", check, question)
    return documents


async def test_every_version_that_can_say_a_decision_says_the_same(tmp_path: Path) -> None:
    uk, plain, authorization = await registrations(UK), await registrations(PLAIN), await details(tmp_path)
    said = await compare_in_every_version({**uk, **plain, **authorization}, tmp_path)
    everything = {*uk, *plain, *authorization}
    assert said[4] == said[3] == everything
    # Where keys may lie beside the directory's own hosts is a word of version 3, and details are one of version 2.
    assert said[2] == {*uk, *authorization}
    assert said[1] == {*uk}
