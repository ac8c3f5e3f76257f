"""What can be wrong with a request before it means anything: the `http.*` gates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from aiohttp import http_exceptions

from dcrgw.core.checks import Gate, gate
from dcrgw.errors import ErrorCode, Rejected

_CODE = ErrorCode.INVALID_CLIENT_METADATA

SYNTAX = gate("http.syntax", "The request is well-formed HTTP/1.1.", spec="RFC 9112", code=_CODE)
VERSION = gate(
    "http.version",
    "The request is HTTP/1.1, or HTTP/1.0 without Transfer-Encoding.",
    spec="RFC 9112 section 6.1",
    code=_CODE,
)
TARGET = gate(
    "http.target", "An absolute request target names this host.", spec="RFC 9110 section 7.4", code=_CODE, status=421
)
METHOD = gate("http.method", "The resource has this method.", spec="RFC 9110 section 15.5.6", code=_CODE, status=405)
PATH = gate("http.path", "There is a resource at this path.", spec="RFC 9110 section 15.5.5", code=_CODE, status=404)
EXPECTATION = gate(
    "http.expectation", "Only 100-continue is expected of us.", spec="RFC 9110 section 10.1.1", code=_CODE, status=417
)
ENCODING = gate(
    "http.encoding", "The body has no Content-Encoding.", spec="RFC 9110 section 15.5.16", code=_CODE, status=415
)
HEADER_SIZE = gate(
    "http.header_size",
    "Request line and headers are within the limit.",
    spec="RFC 6585 section 5",
    code=_CODE,
    status=431,
)
SIZE = gate("http.size", "The body is within the limit.", spec="RFC 9110 section 15.5.14", code=_CODE, status=413)
DEADLINE = gate(
    "http.deadline", "The request arrives within its deadline.", spec="RFC 9110 section 15.5.9", code=_CODE, status=408
)


class HttpFault(Rejected):
    """A request refused for what it is as HTTP. `closes` says that the connection cannot go on."""

    def __init__(
        self, gate: Gate, description: str, *, headers: Mapping[str, str] = MappingProxyType({}), closes: bool = True
    ) -> None:
        self.closes = closes
        super().__init__([gate.failed(description).fault], headers=headers)


def method_not_allowed(allowed: Iterable[str]) -> HttpFault:
    """405 with its Allow header."""
    return HttpFault(
        METHOD, "the resource does not have this method", headers={"Allow": ", ".join(sorted(allowed))}, closes=False
    )


def not_found() -> HttpFault:
    """404 in the shape of every other refusal."""
    return HttpFault(PATH, "there is no such resource", closes=False)


def too_large(limit_bytes: int) -> HttpFault:
    """413; the rest of the body is not waited for."""
    return HttpFault(SIZE, f"the body is larger than {limit_bytes} bytes")


def of_parser(error: BaseException) -> HttpFault:
    """The fault for what the HTTP parser raised. Its own message holds input and is never used."""
    if isinstance(error, HttpFault):
        return error
    if isinstance(error, http_exceptions.LineTooLong) or "Too many headers" in str(error):
        return HttpFault(HEADER_SIZE, "the request line or the headers are too large")
    return HttpFault(SYNTAX, "the request is not well-formed HTTP/1.1")
