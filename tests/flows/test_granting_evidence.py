"""What a grant rests on is in its journal: judged again from it alone, without store and clock, it ends the same."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from granting_bank import CALLBACK, MARY, PAYMENT, SECRET, VERIFIER, GrantingBank, asked, details, granting_bank

from dcrgw.core.authorization.interaction import Decision
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Entry, Journal
from dcrgw.errors import Rejected
from dcrgw.flows import interacting
from dcrgw.flows.decide import decide, word
from dcrgw.flows.exchange import exchange
from dcrgw.flows.interacting import Asking
from dcrgw.flows.push import push
from dcrgw.ports import Ports
from dcrgw.ports.recording import recorded, values_of

SYNCHRONOUS = ("clock", "randomness")
Run = Callable[[Ports, Report], Awaitable[Any]]


class Replayed:
    """Any port, answering from a journal: whoever asks something else, or in another order, is found out."""

    def __init__(self, name: str, left: deque[Entry]) -> None:
        self._name, self._left = name, left

    def __getattr__(self, method: str) -> Callable[..., Any]:
        label = f"{self._name}.{method}"

        def answer(*question: Any) -> Any:
            entry = self._left.popleft()
            assert (entry.port, entry.question) == (label, values_of(question))
            if isinstance(entry.answer, Exception):
                raise entry.answer
            return entry.answer

        async def later(*question: Any) -> Any:
            return answer(*question)

        return answer if self._name in SYNCHRONOUS or label == "details.types" else later


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[GrantingBank]:
    async with granting_bank(tmp_path) as opened:
        opened.offers(jwt_audience="https://api.bank.example")
        yield opened


async def outcome(run: Run, ports: Ports, report: Report) -> Any:
    try:
        return await run(ports, report)
    except Rejected as refused:
        return [fault.check for fault in refused.faults]


async def lived_twice(bank: GrantingBank, run: Run) -> Any:
    """The outcome of a flow, the same when it is run again from its journal."""
    journal = Journal()
    first = bank.begin()
    lived = await outcome(run, recorded(bank.ports, journal), first)
    left = deque(journal.entries)
    again = Report(first.report_id, first.interaction_id, first.operation, first.market, first.at)
    assert await outcome(run, Ports(**{each.name: Replayed(each.name, left) for each in fields(Ports)}), again) == lived
    assert not left
    assert (list(again.findings), again.decision, again.facts) == (list(first.findings), first.decision, first.facts)
    return lived


async def test_every_step_of_a_grant_is_replayed_from_its_journal(bank: GrantingBank) -> None:
    market = bank.market
    pushing = bank.form({**asked(), "client_secret": SECRET, "authorization_details": details(PAYMENT)})
    pushed = await lived_twice(bank, lambda ports, report: push(pushing, market, ports, report))
    again = await bank.authorize(client_id="client-1", request_uri=pushed.request_uri)
    assert isinstance(again, Asking)
    ticket = again.ticket
    assert ticket is not None
    signed_in = await lived_twice(bank, lambda ports, report: interacting.sign_in(ticket, *MARY, market, ports, report))
    said = word(signed_in.ticket, Decision.APPROVE, market)
    redirect = await lived_twice(bank, lambda ports, report: decide(said, market, ports, report))
    code = redirect.url.partition("code=")[2].partition("&")[0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    redeeming = bank.form({**form, "client_id": "client-1", "client_secret": SECRET})
    issued = await lived_twice(bank, lambda ports, report: exchange(redeeming, market, ports, report))
    assert issued.refresh_token
    assert await lived_twice(bank, lambda ports, report: exchange(redeeming, market, ports, report)) == [
        "token.code.unused"
    ]
