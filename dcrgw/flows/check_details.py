"""POST /authorization-details: a server of the bank, or a TPP, asks what authorization_details are worth here.

Nothing is granted, and nothing is used up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcrgw.core.authorization import details as shapes
from dcrgw.core.authorization import requests
from dcrgw.core.authorization.details import AuthorizationDetail, DetailFault, DetailText
from dcrgw.core.authorization.request_gates import REQUEST_URI
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Findings, Gate, Judgement, Report, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import ClientStatus, RegisteredClient, is_client_id
from dcrgw.errors import ErrorCode
from dcrgw.flows import audit
from dcrgw.flows.asking import Asker, asker
from dcrgw.flows.details import context_of, rule_faults, texts_of
from dcrgw.flows.using import refused
from dcrgw.ports import Ports
from dcrgw.ports.details import DetailOperation

ASKED = gate(
    "details.check.asked",
    "The question brings authorization_details or a request_uri, and not both.",
    spec="RFC 9396 §2; RFC 9126 §2.2",
    code=ErrorCode.INVALID_REQUEST,
)
WHOSE = gate(
    "details.check.client",
    "A server says whose details it asks about: an active client of the market. A client asks about its own.",
    spec="RFC 9396 §10",
    code=ErrorCode.INVALID_REQUEST,
)

#: The parameter by which a server names the client.
FOR_CLIENT = "for_client"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a list is worth: every fault with the check that says so; without any, each detail in words."""

    client_id: str
    found: Mapping[int, AuthorizationDetail]
    faults: tuple[tuple[Gate, DetailFault], ...]
    texts: tuple[DetailText, ...]


async def check(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Checked:
    """The verdict on a list, or on what was pushed under a request_uri.

    A question leaves no audit row; a refused one does. Raises: Rejected, Unavailable, Misconfigured.
    """
    async with audit.of_failures(report, ports.registry):
        asking = await asker(arrival, market, ports, report)
        report.settle(_one_question(asking.form))
        if "request_uri" in asking.form:
            client, found, faults = await _pushed(asking, market, ports, report)
        else:
            client = await _whose(asking.form.get(FOR_CLIENT), asking, market, ports, report)
            found, faults = _read(asking.form["authorization_details"], client, ports.details.types(market.name))
        report.facts["client_id"] = client.client_id
        report.decision = "answered"
        context = context_of(client, DetailOperation.CHECK, arrival, report)
        texts: tuple[DetailText, ...] = ()
        if not faults and found:
            faults = tuple((shapes.RULES, each) for each in await rule_faults(tuple(found.values()), context, ports))
        if not faults:
            wanted = tuple(asking.form.get("ui_locales", "").split())
            texts = await texts_of(tuple(found.values()), context, wanted, ports)
        for entry, fault in faults:
            report.findings.add(entry.failed(fault.text))
        return Checked(client.client_id, found, faults, texts)


_Faults = tuple[tuple[Gate, DetailFault], ...]


def _read(
    text: str, client: RegisteredClient, supported: tuple[str, ...]
) -> tuple[Mapping[int, AuthorizationDetail], _Faults]:
    """What a parameter's text holds."""
    parsed = shapes.parsed(text)
    if parsed.value is None or parsed.failures:
        said = [finding.description.removeprefix("authorization_details ") for finding in parsed.failures]
        return {}, tuple((shapes.JSON, DetailFault(0, "", each)) for each in said)
    examined = shapes.examine(parsed.value, client, supported)
    return examined.found, tuple((entry, fault) for entry, faults in examined.faults.items() for fault in faults)


def _one_question(form: Mapping[str, str]) -> Judgement[Mapping[str, str]]:
    findings = Findings()
    is_one = ("authorization_details" in form) != ("request_uri" in form)
    findings.settle(ASKED, None if is_one else "the form needs authorization_details or request_uri, one of them")
    return findings.judgement(form)


async def _pushed(
    asking: Asker, market: Market, ports: Ports, report: Report
) -> tuple[RegisteredClient, Mapping[int, AuthorizationDetail], _Faults]:
    """The details of a pushed request, and whose it is; they were well-formed when they were pushed."""
    uri, named = asking.form["request_uri"], asking.form.get(FOR_CLIENT)
    is_ours = uri.startswith(requests.REQUEST_URI)
    kept = await ports.grants.pushed(market.name, token_hash(uri)) if is_ours else None
    if asking.client is None and named is None:
        if kept is None:
            raise refused(REQUEST_URI.failed("request_uri is unknown, used up or expired"), report)
        named = kept.request.client_id
    client = await _whose(named, asking, market, ports, report)
    details = report.settle(requests.pushed(kept, client, report.at)).request.details
    supported = ports.details.types(market.name)
    gone = [i for i, each in enumerate(details) if each.type not in supported]
    faults = [(shapes.SUPPORTED, DetailFault(i, f"/{i}/type", "is none that is supported here")) for i in gone]
    return client, dict(enumerate(details)), tuple(faults)


async def _whose(named: str | None, asking: Asker, market: Market, ports: Ports, report: Report) -> RegisteredClient:
    """The client whose details they are."""
    findings = Findings()
    if asking.client is not None:
        findings.settle(WHOSE, f"a client asks about its own details, without {FOR_CLIENT}" if named else None)
        return report.settle(findings.judgement(asking.client))
    found = await ports.registry.client(market.name, named) if named and is_client_id(named) else None
    is_active = found is not None and found.status is ClientStatus.ACTIVE
    findings.settle(WHOSE, None if is_active else f"{FOR_CLIENT} must name an active client of this market")
    return report.settle(findings.judgement(found))
