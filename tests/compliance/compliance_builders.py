"""A small bank's decisions, as bundles."""

from __future__ import annotations

import asyncio

from small_bank import Bank, certificate

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.bundle import Bundle
from dcrgw.compliance.keeping import Closed, bundled
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Evidence, Journal
from dcrgw.flows.create import create
from dcrgw.ports.recording import recorded


def a_closed_decision(bank: Bank | None = None) -> Closed:
    """One good registration, decided."""
    bank = bank or Bank()
    journal = Journal()
    ports = recorded(bank.ports, journal)
    report = Report(ports.randomness.report_id(), "interaction", "create", "uk", ports.clock.now())
    arrival = bank._arrival(bank.body(), certificate())
    asyncio.run(create(arrival, bank.market, ports, report))
    return Closed(report, Evidence(arrival, report.at, journal), bank.market, 0.0, {"configuration": "1"})


def a_document(bank: Bank | None = None) -> bytes:
    """Its bundle."""
    return bundled(a_closed_decision(bank))


def a_bundle(bank: Bank | None = None) -> Bundle:
    """The same, read."""
    return bundles.read(a_document(bank))
