"""A decision lived through, kept as a bundle, and decided again from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.keeping import Closed, bundled
from dcrgw.compliance.replay import replay
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.errors import GatewayError
from dcrgw.ports.recording import recorded


async def lived_again(bank: Any, operation: str, flow: Callable[..., Awaitable[Any]], arrival: Arrival) -> Any:
    """The flow's outcome, or what it raised; and the bundle's document, of which a replay says the same."""
    journal, market = Journal(), bank.market
    ports = recorded(bank.ports, journal)
    report = bank.begin()
    report.operation, report.report_id, report.at = operation, ports.randomness.report_id(), ports.clock.now()
    try:
        outcome = await flow(arrival, market, ports, report)
    except GatewayError as failure:
        outcome = failure
    document = bundled(Closed(report, Evidence(arrival, report.at, journal), market))
    again = await replay(bundles.read(document))
    assert again.is_same, (again.decided, again.bundle.decided)
    return outcome, document
