"""/livez and /readyz, for a plain listener that only the bank's own network reaches."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange, Handler
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.edge.health import Condition, Health

_METHODS = ("GET", "HEAD")


def health_endpoint(health: Health) -> Handler:
    """The handler. /livez says that the loop turns, /readyz that requests may come (200) or not (503)."""

    async def handle(request: web.BaseRequest, exchange: Exchange) -> web.StreamResponse:
        path = request.path
        if path not in ("/livez", "/readyz"):
            raise not_found()
        if request.method not in _METHODS:
            raise method_not_allowed(_METHODS)
        if path == "/livez":
            return json_answer(200, {"status": "ok"}, exchange)
        return _readiness(health, exchange)

    return handle


def _readiness(health: Health, exchange: Exchange) -> web.Response:
    ready = health.ready
    body = {
        "status": "ok" if ready else "unavailable",
        "components": [_told(condition) for condition in health.conditions],
    }
    return json_answer(200 if ready else 503, body, exchange)


def _told(condition: Condition) -> dict[str, object]:
    told = asdict(condition)
    if not condition.details:
        del told["details"]
    return told
