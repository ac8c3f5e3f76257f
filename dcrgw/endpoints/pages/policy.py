"""What a browser may do with our pages: nothing but show them, and send their forms where we say."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_HOST = re.compile(r"[a-z0-9.-]+(?::[0-9]{1,5})?")


def style_source(style: str) -> str:
    """The CSP source of one inline style sheet."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"


def headers(style: str, leads_to: str | None) -> Mapping[str, str]:
    """The headers of a page. `leads_to` is the address that an answer to its form may redirect to."""
    targets = "'self'" if leads_to is None else f"'self' {exit_source(leads_to)}".rstrip()
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": f"default-src 'none'; style-src {style}; form-action {targets}; "
        "frame-ancestors 'none'; base-uri 'none'",
        "X-Frame-Options": "DENY",
        # Not no-referrer: with that a browser sends `Origin: null` with our own forms, and Origin is what tells
        # them from others'. The address reaches nobody but us in either case.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def exit_source(redirect_uri: str) -> str:
    """The CSP source for a form whose answer redirects to a client; empty for an address that no policy can name.

    Chromium holds form-action against every hop that follows a form, also against those that the client's site
    makes by itself, and a client's site may well send its visitor on to another host of its own. So any https
    address may follow. Such a page has nothing to type on: the one with the password names 'self' alone.
    """
    try:
        parts = urlsplit(redirect_uri)
    except ValueError:
        return ""
    if parts.scheme == "https":
        return "https:"
    if parts.scheme == "http" and _HOST.fullmatch(parts.netloc):
        return f"http://{parts.netloc}"
    # An app's own scheme, or http://[::1], for which there is no other way to write it.
    return f"{parts.scheme}:" if _SCHEME.fullmatch(parts.scheme) else ""
