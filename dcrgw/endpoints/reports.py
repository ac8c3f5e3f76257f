"""/reports/{report_id}: a TPP reads why its own request was decided as it was, with the certificate that sent it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiohttp import web

from dcrgw.core.certificates.identity import ClientIdentity, identify, subject_key
from dcrgw.core.decision import Decision
from dcrgw.core.market import Market
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.edge.peer import peer_chain
from dcrgw.endpoints.routes import Place
from dcrgw.errors import ErrorCode
from dcrgw.ports.clock import Clock
from dcrgw.ports.decisions import Decisions

_REPORT_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


@dataclass(frozen=True, slots=True)
class ReportsEndpoint:
    """`reports` below a market's base URL, on a mutual-TLS listener. Whatever is not the caller's is not there."""

    decisions: Decisions
    clock: Clock

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.Response:
        exchange.malformed = ErrorCode.INVALID_REQUEST
        # A bank that does not explain its answers does not explain them here either.
        if not place.market.explain_errors or not _REPORT_ID.fullmatch(place.rest or ""):
            raise not_found()
        if request.method != "GET":
            raise method_not_allowed(["GET"])
        decision = await self.decisions.find(place.rest)
        # What was imported is an operator's: another gateway said it.
        if decision is None or decision.imported:
            raise not_found()
        if not _is_own(peer_chain(request), decision, place.market, self.clock.now()):
            raise not_found()
        return json_answer(200, decision.told_to_tpp(), exchange)


def _is_own(chain: tuple[bytes, ...], decision: Decision, market: Market, at: float) -> bool:
    """Whether the caller is whose request it was: by the same certificate, or by one of the same issuer and subject.

    A certificate that was refused proves no subject: only its own holder, who has its key, sees why.
    """
    then = decision.arrival.chain
    if decision.market != market.name or not chain or not then:
        return False
    if chain[0] == then[0]:
        return True
    caller, sender = _holder(chain, market, at), _holder(then, market, decision.at)
    return caller is not None and sender is not None and subject_key(caller) == subject_key(sender)


def _holder(chain: tuple[bytes, ...], market: Market, at: float) -> ClientIdentity | None:
    return identify(chain, market.anchors, at, market.profile.identity).value
