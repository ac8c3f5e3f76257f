"""What is refused of every request, whatever its path, before a handler sees it."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import HttpVersion10, HttpVersion11, web

from dcrgw.edge.faults import (
    ENCODING,
    EXPECTATION,
    HEADER_SIZE,
    TARGET,
    VERSION,
    HttpFault,
    method_not_allowed,
    too_large,
)
from dcrgw.edge.limits import Limits
from dcrgw.edge.request import Request

#: Methods that any of our resources has. TRACE, CONNECT and WebDAV's end here.
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


def screen(request: web.BaseRequest, limits: Limits, hosts: frozenset[str] | None) -> None:
    """Raises: HttpFault for the first thing that no handler should have to think of."""
    fault = next(_faults(request, limits, hosts), None)
    if fault is not None:
        raise fault


def _faults(request: web.BaseRequest, limits: Limits, hosts: frozenset[str] | None) -> Iterator[HttpFault]:
    headers = request.headers
    if isinstance(request, Request) and request.fault is not None:
        yield request.fault
    if _header_bytes(request) > limits.header_bytes:
        yield HttpFault(HEADER_SIZE, f"request line and headers are larger than {limits.header_bytes} bytes")
    if request.method not in METHODS:
        yield _closing(method_not_allowed(METHODS))
    if request.version not in (HttpVersion10, HttpVersion11):
        yield HttpFault(VERSION, "the request is neither HTTP/1.1 nor HTTP/1.0")
    if request.version < HttpVersion11 and "Transfer-Encoding" in headers:
        # A proxy in between that does not know chunked sees another body than we do (RFC 9112 §6.1).
        yield HttpFault(VERSION, "Transfer-Encoding in an HTTP/1.0 request")
    if hosts is not None and not request.raw_path.startswith("/") and _named_host(request) not in hosts:
        yield HttpFault(TARGET, "the request target names another host")
    if any(value.lower() != "identity" for value in headers.getall("Content-Encoding", ())):
        # Nothing here inflates, so nothing can be bombed or made to fail by a broken stream.
        yield HttpFault(ENCODING, "the body has a Content-Encoding", headers={"Accept-Encoding": "identity"})
    if any(value.lower() != "100-continue" for value in headers.getall("Expect", ())):
        yield HttpFault(EXPECTATION, "Expect names something other than 100-continue")
    if (request.content_length or 0) > limits.body_bytes:
        yield too_large(limits.body_bytes)


def _named_host(request: web.BaseRequest) -> str | None:
    """The host of an absolute target; of `*` that of the Host header, which may be anything."""
    try:
        return request.url.host
    except ValueError:
        return None


def _header_bytes(request: web.BaseRequest) -> int:
    return len(request.raw_path) + sum(len(name) + len(value) + 4 for name, value in request.raw_headers)


def _closing(fault: HttpFault) -> HttpFault:
    fault.closes = True
    return fault
