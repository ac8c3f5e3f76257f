"""What was asked of the authorization server (AS) behind a market, kept until its code comes back.

The AS owns the grant. The gateway keeps what it judged, so that no token leaves which is good for more. A code is
known by its proof: the AS gives tokens for it only to who has the verifier of the challenge that was asked with.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace

from dcrgw.core.authorization import gates
from dcrgw.core.authorization import request_gates as asked
from dcrgw.core.authorization.interaction import AskedRequest, AuthorizationRequest
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival
from dcrgw.core.market import Market
from dcrgw.flows import audit
from dcrgw.flows.authentication import Door
from dcrgw.flows.using import refused
from dcrgw.ports import Ports
from dcrgw.ports.grants import GrantChange, GrantVerdict
from dcrgw.ports.registry import Change


async def keep_pushed(
    request: AuthorizationRequest,
    uri: str,
    lifetime_s: int,
    arrival: Arrival,
    market: Market,
    ports: Ports,
    report: Report,
) -> None:
    """Remember a pushed request under the AS's name for it, before the client learns that name.

    Raises: Rejected where the client is active no more; Unavailable.
    """
    report.decision = "pushed"
    change = GrantChange(
        Change(audit=audit.record(report, request.client_id)),
        asks=AskedRequest(
            token_hash(uri),
            replace(request, once=None),
            report.at + lifetime_s + _journey_s(market),
        ),
    )
    if await ports.grants.commit(change) is not GrantVerdict.STORED:
        raise Door(report, arrival).refuse(gates.ACTIVE.failed("the client is no longer active"))


async def keep(request: AuthorizationRequest, market: Market, ports: Ports, report: Report) -> AskedRequest:
    """Remember a request that comes through a browser, before it goes on to the AS. A reload is the same request.

    A stranger's browser asks, so that it leaves no audit row. Raises: Rejected where the client is active no more;
    Unavailable.
    """
    plain = replace(request, once=None)
    kept = AskedRequest(_digest(plain), plain, report.at + _journey_s(market))
    report.decision = "asked"
    if await ports.grants.commit(GrantChange(asks=kept)) is not GrantVerdict.STORED:
        raise refused(asked.CLIENT.failed("the request names no client that is active here"), report)
    return kept


#: How long a person may be on the AS's pages at least: it is the AS that ends their stay, not the gateway.
_STAY_S = 3600


def _journey_s(market: Market) -> float:
    """How long a person may be on the AS's pages, and the code on its way back."""
    return max(market.server.interaction_lifetime_s, _STAY_S) + market.server.code_lifetime_s + market.leeway_s


def _digest(request: AuthorizationRequest) -> str:
    return hashlib.sha256(json.dumps(asdict(request), sort_keys=True, default=sorted).encode()).hexdigest()
