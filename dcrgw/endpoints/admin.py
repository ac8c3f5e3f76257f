"""Looking after clients and scripts, for administrators alone: not even a 404 is told before it is known who asks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from aiohttp import web

from dcrgw.core.administration import Administrator
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.endpoints.admin_evidence import EvidenceEndpoint
from dcrgw.endpoints.admin_reconcile import ReconcileEndpoint
from dcrgw.endpoints.admin_requests import (
    AdminPlace,
    limit_of,
    no_query,
    place_of,
    reason_of,
    screen,
    search_of,
    waiver_of,
)
from dcrgw.endpoints.admin_scripts import ScriptsEndpoint
from dcrgw.endpoints.admin_views import audit_line, summary, whole
from dcrgw.endpoints.administrators import Door, demand_writer
from dcrgw.endpoints.reloading import Reload, reload_answer
from dcrgw.flows.administer import CLIENT_KNOWN, Operation, Order, administer
from dcrgw.flows.reconcile import ReconcileDesk
from dcrgw.flows.scripts import ScriptDesk
from dcrgw.flows.waiving import Waiver, note
from dcrgw.ports import Ports
from dcrgw.ports.decisions import Decisions
from dcrgw.ports.registry import Archive

_POSTED = {each.value: each for each in (Operation.SUSPEND, Operation.RESTORE, Operation.REVOKE_TOKENS)}


@dataclass(frozen=True, slots=True)
class Desks:
    """What administrators look after, the same behind every door."""

    ports: Ports
    archive: Archive
    decisions: Decisions
    scripts: ScriptDesk
    reconciling: ReconcileDesk
    reload: Reload


@dataclass(frozen=True, slots=True)
class AdminEndpoint:
    """The handler of a listener with one door."""

    door: Door
    hosts: Collection[str]
    desks: Desks

    async def __call__(self, request: web.BaseRequest, exchange: Exchange) -> web.StreamResponse:
        """One answer of the administration."""
        administrator = await self.door.enter(request)
        exchange.notes["author"] = administrator.name
        screen(request, self.hosts)
        if EvidenceEndpoint.is_meant(request.raw_path):
            return await EvidenceEndpoint(self.door, self.desks.decisions)(request, exchange, administrator)
        if request.raw_path.partition("?")[0] == "/reload":
            return await self._reload(request, exchange, administrator)
        if request.raw_path.startswith("/scripts"):
            return await ScriptsEndpoint(self.door, self.desks.scripts)(request, exchange, administrator)
        if ReconcileEndpoint.is_meant(request.raw_path):
            return await ReconcileEndpoint(self.door, self.desks.reconciling)(request, exchange, administrator)
        place = place_of(request)
        if place.client is None:
            return await self._search(request, exchange)
        exchange.notes["client_id"] = "/".join(place.client)
        if place.verb == "history":
            return await self._history(request, exchange, place.client)
        if place.verb is None and request.method == "GET":
            return await self._show(request, exchange, place.client)
        order = Order(_operation(request, place), *place.client, f"admin:{administrator.name}", exchange.interaction_id)
        return await self._order(request, exchange, administrator, order)

    async def _reload(self, request: web.BaseRequest, exchange: Exchange, administrator: Administrator) -> web.Response:
        demand_writer(administrator, "reload", self.door)
        _demand(request, "POST")
        anyway, reason = waiver_of(request)
        if anyway:
            author = f"admin:{administrator.name}"
            await note(Waiver("reload", "configuration", author, exchange.interaction_id, reason), self.desks.ports)
        return await reload_answer(self.desks.reload, exchange, anyway=anyway)

    async def _search(self, request: web.BaseRequest, exchange: Exchange) -> web.Response:
        _demand(request, "GET")
        query = search_of(request)
        found = await self.desks.archive.search(replace(query, limit=query.limit + 1))
        page = found[: query.limit]
        following = f"{page[-1].market}/{page[-1].client_id}" if len(found) > len(page) else None
        return json_answer(200, {"clients": [summary(client) for client in page], "next": following}, exchange)

    async def _show(self, request: web.BaseRequest, exchange: Exchange, client: tuple[str, str]) -> web.Response:
        no_query(request)
        found = await self.desks.ports.registry.client(*client)
        if found is None:
            raise CLIENT_KNOWN.rejection("there is no such client")
        return json_answer(200, whole(found), exchange)

    async def _history(self, request: web.BaseRequest, exchange: Exchange, client: tuple[str, str]) -> web.Response:
        _demand(request, "GET")
        rows = await self.desks.archive.history(*client, limit_of(request))
        if not rows:
            raise CLIENT_KNOWN.rejection("there is no such client")
        return json_answer(200, {"history": [audit_line(row) for row in rows]}, exchange)

    async def _order(
        self, request: web.BaseRequest, exchange: Exchange, administrator: Administrator, order: Order
    ) -> web.Response:
        demand_writer(administrator, order.operation, self.door)
        no_query(request)
        client = await administer(replace(order, reason=await reason_of(request)), self.desks.ports)
        exchange.notes["operation"] = order.operation.value
        return json_answer(200, whole(client), exchange)


def _operation(request: web.BaseRequest, place: AdminPlace) -> Operation:
    if place.verb is None:
        _demand(request, "DELETE", "GET")
        return Operation.DELETE
    if place.verb not in _POSTED:
        raise not_found()
    _demand(request, "POST")
    return _POSTED[place.verb]


def _demand(request: web.BaseRequest, *methods: str) -> None:
    if request.method not in methods:
        raise method_not_allowed(methods)
