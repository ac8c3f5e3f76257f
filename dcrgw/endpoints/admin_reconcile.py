"""Registry and authorization servers held against each other, for administrators.

GET   /reconcile                        the markets that have an authorization server of their own, or had one
GET   /reconcile/{market}?after=&limit= what differs there
POST  /reconcile/{market}/{client_id}   mend what differs about one client; the body may hold a reason
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from dcrgw.core.administration import Administrator
from dcrgw.core.upstream.difference import Difference
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.endpoints.admin_requests import QUERY, limit_in, no_query, query_of, reason_of
from dcrgw.endpoints.administrators import Door, demand_writer
from dcrgw.flows.reconcile import Mending, ReconcileDesk

_ID = r"[A-Za-z0-9._-]{1,36}"
_PLACE = re.compile(rf"/reconcile(?:/(?P<market>[A-Za-z0-9][A-Za-z0-9._-]{{0,63}})(?:/(?P<client_id>{_ID}))?)?")


@dataclass(frozen=True, slots=True)
class ReconcileEndpoint:
    """Everything at and below /reconcile, once it is known who asks."""

    door: Door
    desk: ReconcileDesk

    @staticmethod
    def is_meant(raw_path: str) -> bool:
        """Whether a request is for it."""
        return re.match(r"/reconcile(?![^/?])", raw_path) is not None

    async def __call__(
        self, request: web.BaseRequest, exchange: Exchange, administrator: Administrator
    ) -> web.Response:
        """One answer."""
        place = _PLACE.fullmatch(request.raw_path.partition("?")[0])
        if place is None:
            raise not_found()
        market, client_id = place["market"], place["client_id"]
        method = "POST" if client_id else "GET"
        if request.method != method:
            raise method_not_allowed([method])
        if client_id:
            return await self._mend(request, exchange, administrator, market, client_id)
        if market:
            return await self._look(request, exchange, market)
        no_query(request)
        return json_answer(200, {"markets": list(await self.desk.reconciled())}, exchange)

    async def _look(self, request: web.BaseRequest, exchange: Exchange, market: str) -> web.Response:
        query = query_of(request, ("after", "limit"))
        after = query.get("after")
        if after is not None and re.fullmatch(_ID, after) is None:
            raise QUERY.rejection("after is no client_id")
        found = await self.desk.look(market, after, limit_in(query))
        answer: dict[str, Any] = {
            "market": market,
            "differences": [_told(each) for each in found.differences],
            "looked_at": found.looked_at,
            "lists": found.lists,
            "next": found.following,
        }
        return json_answer(200, answer, exchange)

    async def _mend(
        self, request: web.BaseRequest, exchange: Exchange, administrator: Administrator, market: str, client_id: str
    ) -> web.Response:
        demand_writer(administrator, "reconcile", self.door)
        no_query(request)
        exchange.notes |= {"operation": "reconcile", "client_id": f"{market}/{client_id}"}
        author, reason = f"admin:{administrator.name}", await reason_of(request)
        mended = await self.desk.mend(Mending(market, client_id, author, exchange.interaction_id, reason))
        difference = _told(mended.difference) if mended.difference is not None else None
        answer = {"outcome": mended.outcome, "detail": mended.detail, "difference": difference}
        return json_answer(200, answer, exchange)


def _told(difference: Difference) -> dict[str, Any]:
    return {
        "kind": difference.kind.value,
        "market": difference.market,
        "client_id": difference.client_id,
        "detail": difference.detail,
        "mendable": difference.is_mendable,
    }
