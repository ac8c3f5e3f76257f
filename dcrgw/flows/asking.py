"""Who asks what others were granted, or may be: a resource server of the bank, or a client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization import gates, introspection
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.flows import audit, stages
from dcrgw.flows.authentication import Door, admit
from dcrgw.flows.using import used_assertion
from dcrgw.ports import Ports
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import Change


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, with the form. `client` is None for a resource server, which hears of every client."""

    form: Mapping[str, str]
    client: RegisteredClient | None


async def asker(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Asker:
    """A resource server by its certificate, or else a client that proves who it is. Raises: Rejected, Unavailable."""
    form = report.settle(forms.read(arrival.body, arrival.media_type, arrival.query))
    server = introspection.resource_server(arrival, form, market)
    if server is not None:
        # Its certificate must hold like any other: not expired, of an authority that is still trusted, not taken back.
        await stages.identify(arrival.chain, market, ports.revocation, report, of_tpp=False)
        report.facts["resource_server"] = server.name
        return Asker(form, None)
    return Asker(form, await _client(arrival, market, ports, report))


async def _client(arrival: Arrival, market: Market, ports: Ports, report: Report) -> RegisteredClient:
    """The client that asks; an assertion serves once here too."""
    caller = await admit(arrival, market, ports, report)
    used, door = used_assertion(caller.proven), Door(report, arrival)
    if used:
        report.decision = "asked"
        change = Change(audit=audit.record(report, caller.proven.client.client_id), used=used)
        if await ports.grants.commit(GrantChange(change)) is not GrantVerdict.STORED:
            raise door.refuse(gates.ASSERTION_UNUSED.failed("the assertion's jti was used before"))
    report.findings.add(gates.AUTHENTICATED.passed)
    return caller.proven.client
