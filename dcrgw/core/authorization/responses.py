"""What goes back to the client through the browser: a code or an error, with our issuer in it (RFC 9207)."""

from __future__ import annotations

from urllib.parse import urlencode

from dcrgw.core.authorization.interaction import Return
from dcrgw.core.checks import wire_text
from dcrgw.core.market import Market
from dcrgw.errors import ErrorCode


def with_code(to: Return, code: str, id_token: str | None, market: Market) -> str:
    """The redirect_uri with a code (RFC 6749 §4.1.2), and an ID token beside it (OpenID Connect Core 1.0 §3.3.2.5)."""
    return _with(to, {"code": code} | ({} if id_token is None else {"id_token": id_token}), market)


def with_error(to: Return, code: ErrorCode, description: str, market: Market) -> str:
    """The redirect_uri with an error (RFC 6749 §4.1.2.1)."""
    return _with(to, {"error": code.value, "error_description": wire_text(description)}, market)


def _with(to: Return, answer: dict[str, str], market: Market) -> str:
    """A query that the redirect_uri has stays as it is (RFC 6749 §3.1.2); a fragment it cannot have."""
    members = urlencode(answer | ({} if to.state is None else {"state": to.state}) | {"iss": market.issuer})
    separator = "#" if to.in_fragment else "&" if "?" in to.redirect_uri else "?"
    return f"{to.redirect_uri}{separator}{members}"
