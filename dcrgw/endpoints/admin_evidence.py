"""Decisions with their evidence, for administrators.

GET   /reports/{report_id}     all that was found, private words included; `last` is the newest
GET   /evidence?…              recorded decisions, newest first
POST  /evidence                a bundle from elsewhere into the record
GET   /evidence/{report_id}    one decision as a bundle
POST  /evidence/purge?…        remove those that match; `all=true` for every one
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from dcrgw.core.administration import Administrator
from dcrgw.core.checks import gate
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.endpoints.admin_requests import QUERY, limit_in, no_query, query_of
from dcrgw.endpoints.administrators import Door, demand_writer
from dcrgw.errors import ErrorCode
from dcrgw.ports.decisions import DecisionLine, DecisionQuery, Decisions

KNOWN = gate(
    "admin.evidence.known",
    "The decision is in memory or in the record",
    spec="docs/operations.md",
    code=ErrorCode.INVALID_REQUEST,
    status=404,
)

_PLACE = re.compile(r"/(?P<room>reports|evidence)(?:/(?P<name>[A-Za-z0-9._-]{1,64}))?")
_TEXTS = ("market", "operation", "decision", "check", "client_id", "org_id", "software_id", "interaction_id")
_TIMES = ("since", "until")
_FLAGS = {"true": True, "false": False}
_CRITERIA = frozenset({*_TEXTS, *_TIMES, "imported"})
_SEARCH = _CRITERIA | {"after", "limit"}
_TIME = re.compile(r"[0-9]{1,11}(?:\.[0-9]{1,9})?")
_AFTER = re.compile(r"([0-9]{1,11}(?:\.[0-9]{1,9})?)/([A-Za-z0-9._-]{1,64})")


@dataclass(frozen=True, slots=True)
class EvidenceEndpoint:
    """What stands below /reports and /evidence on a listener of the administration."""

    door: Door
    decisions: Decisions

    @staticmethod
    def is_meant(path: str) -> bool:
        """Whether a path leads here."""
        return path.startswith(("/reports", "/evidence"))

    async def __call__(
        self, request: web.BaseRequest, exchange: Exchange, administrator: Administrator
    ) -> web.StreamResponse:
        """One answer."""
        found = _PLACE.fullmatch(request.raw_path.partition("?")[0])
        if found is None:
            raise not_found()
        name = found["name"]
        if found["room"] == "reports":
            return await self._report(request, exchange, name)
        if name == "purge":
            return await self._purge(request, exchange, administrator)
        if name is not None:
            return await self._document(request, name)
        if request.method == "POST":
            return await self._take(request, exchange, administrator)
        return await self._search(request, exchange)

    async def _report(self, request: web.BaseRequest, exchange: Exchange, name: str | None) -> web.Response:
        _demand(request, "GET")
        no_query(request)
        decision = await self.decisions.find(None if name == "last" else name) if name else None
        if decision is None:
            raise KNOWN.rejection("there is no such report")
        return json_answer(200, decision.told(), exchange)

    async def _document(self, request: web.BaseRequest, name: str) -> web.Response:
        _demand(request, "GET")
        no_query(request)
        document = await self.decisions.document(name)
        if document is None:
            raise KNOWN.rejection("there is no such decision")
        return web.Response(body=document, content_type="application/json")

    async def _search(self, request: web.BaseRequest, exchange: Exchange) -> web.Response:
        _demand(request, "GET", "POST")
        query = _query(request, _SEARCH)
        found = await self.decisions.search(query)
        following = f"{found[-1].at!r}/{found[-1].report_id}" if len(found) == query.limit else None
        state = asdict(self.decisions.state())
        state["lost"] = dict(state["lost"])
        return json_answer(
            200, {"decisions": [_line(each) for each in found], "next": following, "record": state}, exchange
        )

    async def _take(self, request: web.BaseRequest, exchange: Exchange, administrator: Administrator) -> web.Response:
        demand_writer(administrator, "import", self.door)
        no_query(request)
        return json_answer(201, _line(await self.decisions.take(await request.read())), exchange)

    async def _purge(self, request: web.BaseRequest, exchange: Exchange, administrator: Administrator) -> web.Response:
        demand_writer(administrator, "purge", self.door)
        _demand(request, "POST")
        given = query_of(request, _CRITERIA | {"all"})
        if not given or given.pop("all", "true") != "true":
            raise QUERY.rejection("say which decisions, or all=true")
        removed = await self.decisions.purge(_query_of(given))
        exchange.notes["purged"] = removed
        return json_answer(200, {"purged": removed}, exchange)


def _line(line: DecisionLine) -> dict[str, Any]:
    return {**asdict(line), "checks": list(line.checks)}


def _query(request: web.BaseRequest, known: frozenset[str]) -> DecisionQuery:
    return _query_of(query_of(request, known))


def _query_of(given: dict[str, str]) -> DecisionQuery:
    for name in _TIMES:
        if name in given and not _TIME.fullmatch(given[name]):
            raise QUERY.rejection(f"{name} is not in seconds since 1970")
    if given.get("imported", "true") not in _FLAGS:
        raise QUERY.rejection("imported is neither true nor false")
    after = _AFTER.fullmatch(given["after"]) if "after" in given else None
    if "after" in given and after is None:
        raise QUERY.rejection("after is not time/report_id")
    wanted: dict[str, Any] = {name: given[name] for name in _TEXTS if name in given}
    wanted |= {name: float(given[name]) for name in _TIMES if name in given}
    return DecisionQuery(
        **wanted,
        imported=_FLAGS[given["imported"]] if "imported" in given else None,
        after=(float(after[1]), after[2]) if after else None,
        limit=limit_in(given),
    )


def _demand(request: web.BaseRequest, *methods: str) -> None:
    if request.method not in methods:
        raise method_not_allowed(methods)
