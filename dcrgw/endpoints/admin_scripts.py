"""Looking after the bank's scripts, for administrators: by type, by inum; create, replace, patch, delete.

GET    /scripts?type=                  every script of both homes, in the order in which they run
POST   /scripts                        a new one; 201
GET    /scripts/errors                 the last failures
GET    /scripts/{inum}?revision=       PUT, PATCH (RFC 7396), DELETE: If-Match takes the revision
POST   /scripts/{inum}/{verb}          enable, disable, rollback {"revision"}, accept, test
GET    /scripts/{inum}/{verb}          history, diff?from=&to=, errors, export
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from dcrgw.core.administration import Administrator
from dcrgw.core.checks import gate
from dcrgw.core.scripts.janssen import to_janssen
from dcrgw.core.scripts.types import TYPES
from dcrgw.core.strict_json import JsonRefused, JsonValue, loads_object
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.endpoints.admin_requests import QUERY, query_of, reason_of
from dcrgw.endpoints.administrators import Door, demand_writer
from dcrgw.endpoints.script_views import line, told_difference, told_error, told_revision, told_trial, whole
from dcrgw.errors import ErrorCode
from dcrgw.flows import scripts
from dcrgw.flows.scripts import ScriptDesk, ScriptOrder

BODY = gate(
    "admin.script.body",
    "The body is a JSON object of the media type that the method takes",
    spec="docs/managing-scripts.md",
    code=ErrorCode.INVALID_REQUEST,
)
MATCH = gate(
    "admin.script.match",
    "A replacement names the revision that it replaces, in If-Match",
    spec="RFC 6585 §3",
    code=ErrorCode.INVALID_REQUEST,
    status=428,
)

_PLACE = re.compile(r"/scripts(?:/(?P<inum>[A-Za-z0-9@!.-]{1,64})(?:/(?P<verb>[a-z]{1,16}))?)?")
_REVISION = re.compile(r'"?([1-9][0-9]{0,8})"?')
_FLAGS = {"true": True, "false": False}
#: Deeper than a request's JSON: an entry holds cases, and those hold requests.
_DEPTH = 24
_LONGEST_REASON = 500

Handler = Callable[["_Call"], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class ScriptsEndpoint:
    """Everything below /scripts, once it is known who asks."""

    door: Door
    desk: ScriptDesk

    async def __call__(
        self, request: web.BaseRequest, exchange: Exchange, administrator: Administrator
    ) -> web.Response:
        """One answer."""
        found = _PLACE.fullmatch(request.raw_path.partition("?")[0])
        if found is None:
            raise not_found()
        inum, verb = found["inum"], found["verb"]
        if inum is not None:
            exchange.notes["script"] = inum
        handlers = _handlers(inum, verb)
        handler = handlers.get(request.method)
        if handler is None:
            raise method_not_allowed(handlers)
        if request.method != "GET" and handler is not _test:
            demand_writer(administrator, f"{verb or request.method.lower()} scripts", self.door)
        return await handler(_Call(request, exchange, self.desk, f"admin:{administrator.name}", inum or ""))


@dataclass(frozen=True, slots=True)
class _Call:
    request: web.BaseRequest
    exchange: Exchange
    desk: ScriptDesk
    author: str
    inum: str

    def query(self, *known: str) -> dict[str, str]:
        return query_of(self.request, known)

    def order(self, **more: Any) -> ScriptOrder:
        query = self.query("reason", "force_disabled", "anyway")
        given = ScriptOrder(
            self.author,
            query.get("reason", ""),
            _if_match(self.request),
            force_disabled=_flag(query, "force_disabled"),
            anyway=_flag(query, "anyway"),
            interaction_id=self.exchange.interaction_id,
        )
        return replace(given, **more)

    async def order_with_reason(self) -> ScriptOrder:
        """The order of a request whose body says why, or nothing."""
        order, reason = self.order(), await reason_of(self.request)
        return replace(order, reason=order.reason or reason)

    async def body(self, *types: str) -> dict[str, JsonValue]:
        if self.request.content_type not in types:
            raise BODY.rejection(f"Content-Type is not {' or '.join(types)}")
        try:
            return loads_object(await self.request.read(), max_depth=_DEPTH)
        except JsonRefused as refused:
            raise BODY.rejection(f"the body {refused}") from refused

    async def told(self, entry: Any, status: int = 200) -> web.Response:
        state = self.desk.serving.states().get(entry.inum)
        headers = {"ETag": f'"{entry.revision}"'}
        if status == 201:
            headers["Location"] = f"/scripts/{entry.inum}"
        self.exchange.notes["revision"] = str(entry.revision)
        return json_answer(status, whole(entry, state), self.exchange, headers=headers)

    def answer(self, body: Mapping[str, object]) -> web.Response:
        return json_answer(200, body, self.exchange)


def _handlers(inum: str | None, verb: str | None) -> Mapping[str, Handler]:
    if inum is None:
        return {"GET": _list, "POST": _add}
    if inum == "errors" and verb is None:
        return {"GET": _all_errors}
    if verb is None:
        return {"GET": _show, "PUT": _put, "PATCH": _patch, "DELETE": _delete}
    if verb in _ASKED:
        return {"GET": _ASKED[verb]}
    if verb in _ORDERED:
        return {"POST": _ORDERED[verb]}
    raise not_found()


async def _list(call: _Call) -> web.Response:
    wanted = call.query("type").get("type")
    if wanted is not None and wanted not in TYPES:
        raise QUERY.rejection(f"type is none of {', '.join(TYPES)}")
    states = call.desk.serving.states()
    entries = await scripts.all_scripts(call.desk)
    shown = [line(each, states.get(each.inum)) for each in entries if wanted in (None, each.type)]
    return call.answer({"scripts": shown})


async def _show(call: _Call) -> web.Response:
    revision = _number(call.query("revision").get("revision"), "revision")
    return await call.told(await scripts.script(call.desk, call.inum, revision))


async def _add(call: _Call) -> web.Response:
    order = call.order()
    return await call.told(await scripts.add(call.desk, await call.body("application/json"), order), 201)


async def _put(call: _Call) -> web.Response:
    order = call.order()
    if order.replaces is None:
        raise MATCH.rejection("If-Match is missing: a replacement names the revision that it replaces")
    return await call.told(await scripts.put(call.desk, call.inum, await call.body("application/json"), order))


async def _patch(call: _Call) -> web.Response:
    order = call.order()
    change = await call.body("application/merge-patch+json", "application/json")
    return await call.told(await scripts.patch(call.desk, call.inum, change, order))


async def _delete(call: _Call) -> web.Response:
    return await call.told(await scripts.delete(call.desk, call.inum, await call.order_with_reason()))


async def _enable(call: _Call) -> web.Response:
    return await call.told(await scripts.switch(call.desk, call.inum, True, await call.order_with_reason()))


async def _disable(call: _Call) -> web.Response:
    return await call.told(await scripts.switch(call.desk, call.inum, False, await call.order_with_reason()))


async def _roll_back(call: _Call) -> web.Response:
    order = call.order()
    body = await call.body("application/json")
    revision = body.pop("revision", None)
    if body or not isinstance(revision, int) or isinstance(revision, bool):
        raise BODY.rejection("the body holds revision, a whole number, and no more")
    return await call.told(await scripts.roll_back(call.desk, call.inum, revision, order))


async def _test(call: _Call) -> web.Response:
    call.query()
    return call.answer(told_trial(await scripts.tried(call.desk, call.inum)))


async def _accept(call: _Call) -> web.Response:
    order = call.order()
    body = await call.body("application/json")
    held = body.pop("held", None)
    if body or not isinstance(held, str):
        raise BODY.rejection("the body holds held, the mark that the script's state tells, and no more")
    return await call.told(await scripts.accept(call.desk, call.inum, held, order))


async def _history(call: _Call) -> web.Response:
    limit = _number(call.query("limit").get("limit"), "limit") or 100
    rows = await scripts.history(call.desk, call.inum, limit)
    return call.answer({"history": [told_revision(row) for row in rows]})


async def _diff(call: _Call) -> web.Response:
    query = call.query("from", "to")
    old, new = (_number(query.get(name), name) for name in ("from", "to"))
    return call.answer(told_difference(await scripts.diff(call.desk, call.inum, old, new)))


async def _errors(call: _Call) -> web.Response:
    call.query()
    await scripts.script(call.desk, call.inum)
    return call.answer({"errors": [told_error(each) for each in call.desk.serving.errors(call.inum)]})


async def _all_errors(call: _Call) -> web.Response:
    call.query()
    return call.answer({"errors": [told_error(each) for each in call.desk.serving.errors()]})


async def _export(call: _Call) -> web.Response:
    call.query()
    exported, left_out = to_janssen(await scripts.script(call.desk, call.inum))
    return call.answer({"script": exported, "left_out": list(left_out)})


_ASKED: Mapping[str, Handler] = {"history": _history, "diff": _diff, "errors": _errors, "export": _export}
_ORDERED: Mapping[str, Handler] = {
    "enable": _enable,
    "disable": _disable,
    "rollback": _roll_back,
    "accept": _accept,
    "test": _test,
}


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false")
    if text not in _FLAGS:
        raise BODY.rejection(f"{name} is neither true nor false")
    return _FLAGS[text]


def _if_match(request: web.BaseRequest) -> int | None:
    text = request.headers.get("If-Match")
    if text is None or text == "*":
        return None
    found = _REVISION.fullmatch(text)
    if found is None:
        raise BODY.rejection("If-Match is not one revision")
    return int(found[1])


def _number(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise BODY.rejection(f"{name} is not a whole number from 1")
    return int(text)
