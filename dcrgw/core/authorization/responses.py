"""What goes back to the client through the browser: a code or an error, with our issuer in it (RFC 9207)."""

from __future__ import annotations

from urllib.parse import urlencode

from dcrgw.core.checks import wire_text
from dcrgw.core.market import Market
from dcrgw.errors import ErrorCode


def with_code(redirect_uri: str, code: str, state: str | None, market: Market) -> str:
    """The redirect_uri with a code (RFC 6749 §4.1.2)."""
    return _with(redirect_uri, {"code": code}, state, market)


def with_error(redirect_uri: str, code: ErrorCode, description: str, state: str | None, market: Market) -> str:
    """The redirect_uri with an error (RFC 6749 §4.1.2.1)."""
    return _with(redirect_uri, {"error": code.value, "error_description": wire_text(description)}, state, market)


def _with(redirect_uri: str, answer: dict[str, str], state: str | None, market: Market) -> str:
    """A query that the redirect_uri has stays as it is (RFC 6749 §3.1.2)."""
    members = answer | ({} if state is None else {"state": state}) | {"iss": market.issuer}
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(members)}"
