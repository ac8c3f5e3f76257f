"""The end of a person's session at the authorization server (AS): whose client asks, and where it may lead.

Spec: OpenID Connect RP-Initiated Logout 1.0 §2, §3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.core.authorization import form as forms
from dcrgw.core.checks import Findings, Judgement, Report, gate
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.upstream import answers, parameters
from dcrgw.errors import ErrorCode
from dcrgw.flows.interacting import client_of
from dcrgw.ports import Ports

RETURN = gate(
    "end_session.return",
    "post_logout_redirect_uri is byte by byte one that the client of the request registered.",
    spec="OpenID Connect RP-Initiated Logout 1.0 §3",
    code=ErrorCode.INVALID_REQUEST,
)


@dataclass(frozen=True, slots=True)
class Ending:
    """What goes on; `client_id` is the client's that asks, None where none is named."""

    client_id: str | None
    parameters: Mapping[str, str] = field(repr=False)


async def end_session(arrival: Arrival, market: Market, ports: Ports, report: Report) -> Ending:
    """A request that may go on. Raises: Rejected, for a page; Unavailable."""
    asked = report.settle(forms.asked(arrival))
    report.settle(parameters.plain(asked))
    named = asked.get("client_id") or answers.audience(asked.get("id_token_hint", ""))
    client = await client_of(named, market, ports, report) if named is not None else None
    report.settle(_judge(asked, client))
    report.decision = "asked"
    return Ending(client.client_id if client is not None else None, asked)


def _judge(asked: Mapping[str, str], client: RegisteredClient | None) -> Judgement[Mapping[str, str]]:
    findings, uri = Findings(), asked.get("post_logout_redirect_uri")
    if uri is None:
        findings.add(RETURN.skipped("it leads nowhere"))
        return findings.judgement(asked)
    own = client is not None and uri in client.metadata.texts("post_logout_redirect_uris")
    findings.settle(RETURN, None if own else "post_logout_redirect_uri is none that the client registered")
    return findings.judgement(asked)
