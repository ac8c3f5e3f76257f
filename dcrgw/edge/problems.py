"""The same failures for people and their tools: problem details (RFC 9457) in place of OAuth's errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aiohttp import web

from dcrgw.edge.answers import json_answer, principal
from dcrgw.edge.exchange import INTERACTION_HEADER, Exchange
from dcrgw.errors import Rejected, Unavailable


def problem_answer(error: BaseException, exchange: Exchange) -> web.Response:
    """The response to a failure, `application/problem+json`. A bug says nothing but where to look."""
    cause = principal(error)
    if isinstance(cause, Rejected):
        first = cause.faults[0]
        told = [{"check": fault.check, "detail": fault.description, "spec": fault.spec} for fault in cause.faults]
        return problem(first.status, first.description, exchange, cause.headers, errors=told)
    if isinstance(cause, Unavailable):
        detail = "a system that must be asked did not answer; try again later"
        return problem(503, detail, exchange, {"Retry-After": str(max(1, cause.retry_after_s))})
    return problem(500, f"the gateway failed; its log names this answer's {INTERACTION_HEADER}", exchange)


def problem(status: int, detail: str, exchange: Exchange, headers: Any = None, **more: object) -> web.Response:
    """One answer; `more` are members beside those that every problem has."""
    # about:blank: a problem is told by its status and, in `errors`, by the ids of its checks.
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "interaction_id": exchange.interaction_id,
        **more,
    }
    response = json_answer(status, body, exchange, headers=headers or {})
    response.headers["Content-Type"] = "application/problem+json"
    return response
