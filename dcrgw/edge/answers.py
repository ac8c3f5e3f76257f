"""The one map from failures to responses, and the headers that every response has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from aiohttp import web

from dcrgw.core.checks import wire_text
from dcrgw.core.market import Market
from dcrgw.edge.exchange import INTERACTION_HEADER, Exchange
from dcrgw.errors import ErrorCode, Fault, GatewayError, Passed, Rejected, Unavailable

#: Made once: `json.dumps` with any setting of its own makes an encoder for each call.
_to_json = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})

#: RFC 7591 §3.2.2: all that a market's `error_codes` may choose from.
REGISTRATION_CODES = frozenset(
    {
        ErrorCode.INVALID_REDIRECT_URI,
        ErrorCode.INVALID_CLIENT_METADATA,
        ErrorCode.INVALID_WEBHOOK_URIS,
        ErrorCode.INVALID_SOFTWARE_STATEMENT,
        ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT,
    }
)

# RFC 9110 §15.5.2 wants a challenge in every 401, and no scheme is registered for TLS client certificates.
_CERTIFICATE_CHALLENGE = "Certificate"


def answer(error: BaseException, exchange: Exchange) -> web.Response:
    """The response to a failure. What is not one of the three failures is our bug: 500, and nothing said."""
    cause = principal(error)
    if isinstance(cause, Rejected):
        return _rejected(cause, exchange)
    if isinstance(cause, Unavailable):
        body = _body(ErrorCode.TEMPORARILY_UNAVAILABLE, "a system that must be asked did not answer; try again later")
        body |= _report(exchange)
        return json_answer(503, body, exchange, headers={"Retry-After": str(max(1, cause.retry_after_s))})
    return json_answer(
        500,
        _body(ErrorCode.SERVER_ERROR, f"the gateway failed; its log names this answer's {INTERACTION_HEADER}")
        | _report(exchange),
        exchange,
    )


def principal(error: BaseException) -> BaseException:
    """The failure that decides, out of a TaskGroup's several: our bug, the bank's fault, a no, an unknown."""
    causes = list(_leaves(error))
    worst = min(causes, key=_rank)
    rejections = [cause for cause in causes if isinstance(cause, Rejected)]
    if worst in rejections and len(rejections) > 1:
        headers = {name: value for rejection in rejections for name, value in rejection.headers.items()}
        return Rejected([fault for rejection in rejections for fault in rejection.faults], headers=headers)
    return worst


def _rank(cause: BaseException) -> int:
    # A definite no comes before "we could not find out": trying again would not help the caller.
    for rank, kind in ((3, Unavailable), (2, Rejected), (1, GatewayError)):
        if isinstance(cause, kind):
            return rank
    return 0


def json_answer(
    status: int, body: Mapping[str, object] | None, exchange: Exchange, *, headers: Mapping[str, str] = _NO_HEADERS
) -> web.Response:
    """A complete response: ASCII JSON (none for None), never cached, labelled with the interaction id."""
    text = None if body is None else _to_json(body).encode("ascii")
    response = web.Response(status=status, body=text, headers=dict(headers))
    if text is not None:
        response.headers["Content-Type"] = "application/json"
    dress(response, exchange)
    return response


def dress(response: web.StreamResponse, exchange: Exchange) -> None:
    """Give a response the headers that every response has."""
    response.headers[INTERACTION_HEADER] = exchange.interaction_id
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
        response.headers["Pragma"] = "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"


def _rejected(error: Rejected, exchange: Exchange) -> web.Response:
    first, *more = error.faults
    description = wire_text(first.description) + (f" (and {len(more)} more)" if more else "")
    status, body = first.status, dict[str, object](_body(_code(first, exchange), description))
    if isinstance(error, Passed):
        status, body = error.status, {"error": error.code, "error_description": error.description or description}
    if exchange.market is None or exchange.market.explain_errors:
        body["errors"] = [_explained(fault, exchange.market) for fault in error.faults]
    body |= _report(exchange)
    headers = dict(error.headers)
    if status == 401:
        headers.setdefault("WWW-Authenticate", _challenge(first.code, description))
    return json_answer(status, body, exchange, headers=headers)


def _report(exchange: Exchange) -> dict[str, str]:
    """Where the caller reads the whole report of a judged request, with the certificate that sent it."""
    market, report = exchange.market, exchange.report
    if market is None or report is None or not market.explain_errors:
        return {}
    return {"report": f"{market.base_url}/reports/{report.report_id}"}


def _challenge(code: ErrorCode, description: str) -> str:
    """RFC 6750 §3: a refused token is told so; a refused client showed (or failed to show) a certificate."""
    if code is ErrorCode.INVALID_TOKEN:
        return f'Bearer error="{code.value}", error_description="{description}"'
    return _CERTIFICATE_CHALLENGE


def _code(fault: Fault, exchange: Exchange) -> ErrorCode:
    if fault.check.startswith("http.") or fault.code is ErrorCode.INVALID_REQUEST:
        return exchange.malformed
    if exchange.market is not None and fault.code in REGISTRATION_CODES:
        chosen = exchange.market.error_codes.get(fault.check)
        if chosen in REGISTRATION_CODES:
            return ErrorCode(chosen)
    return fault.code


def _explained(fault: Fault, market: Market | None) -> dict[str, str]:
    spec = fault.spec if market is None else market.profile.cited(fault.spec)
    return {"check": fault.check, "description": wire_text(fault.description), "spec": spec}


def _body(code: ErrorCode, description: str) -> dict[str, str]:
    return {"error": code.value, "error_description": description}


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
