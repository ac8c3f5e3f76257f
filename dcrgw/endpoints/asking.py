"""What a request to /register says of its own body, and of the answer that it takes."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from dcrgw.core.checks import gate
from dcrgw.edge.redaction import is_secret_name
from dcrgw.errors import ErrorCode

ACCEPT_JSON = gate(
    "http.accept",
    "The caller takes application/json, the only type of answer there is",
    spec="RFC 7591 §3.2.1; RFC 9110 §12.5.1",
    code=ErrorCode.INVALID_CLIENT_METADATA,
    status=406,
)


def media_type(request: web.BaseRequest) -> str | None:
    """The one Content-Type; a header sent twice is no media type at all."""
    values = request.headers.getall("Content-Type", [])
    return values[0] if len(values) == 1 else None


def seen_by_scripts(request: web.BaseRequest) -> dict[str, Any]:
    """What an `Arrival` tells scripts besides: path, address, and headers whose names are not those of secrets."""
    headers = request.headers.items()
    return {
        "path": request.path,
        "remote_address": request.remote,
        "headers": tuple((name, _as_text(value)) for name, value in headers if not is_secret_name(name)),
    }


def _as_text(value: str) -> str:
    """A header's value without the halves of characters by which aiohttp tells bytes that are no UTF-8.

    A script that passes one on says what is no JSON, and would fail for what a stranger sent.
    """
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def settle_accept(request: web.BaseRequest) -> None:
    """Raises: Rejected (406) for a caller who takes no JSON."""
    if not _takes_json(request.headers.getall("Accept", [])):
        raise ACCEPT_JSON.rejection("Accept leaves no room for application/json")


def _takes_json(accept: list[str]) -> bool:
    """RFC 9110 §12.5.1, as far as one media type needs it."""
    ranges = [part.strip().lower() for value in accept for part in value.split(",") if part.strip()]
    if not ranges:
        return True
    for name in ("application/json", "application/*", "*/*"):
        for entry in ranges:
            media, *parameters = [piece.strip() for piece in entry.split(";")]
            if media == name:
                return not any(piece.replace(" ", "") in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for piece in parameters)
    return False
