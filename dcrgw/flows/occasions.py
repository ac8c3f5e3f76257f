"""What every call of a script is told of the request that it is made for, and what it may ask meanwhile."""

from __future__ import annotations

from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.flows.capabilities import capability
from dcrgw.ports import Ports
from dcrgw.ports.scripts import Capability, Occasion


def occasion_of(arrival: Arrival, report: Report) -> Occasion:
    """The request as scripts are told of it."""
    return Occasion(report.market, report.operation, report.report_id, report.interaction_id, arrival.http_facts())


def questions_of(directory: str | None, ports: Ports) -> Capability:
    """What scripts may ask during the call: about the one directory that the client comes from."""
    return capability(ports, () if directory is None else (directory,))
