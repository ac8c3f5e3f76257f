"""Which paths below an issuer are the AS's own pages: those that the bank configured, and never a judged endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.locations import Locations

#: A whole path without its first slash. No empty segment, no escape, no parameter: nothing that two servers could
#: read in two ways. Segments of dots alone are taken out by `is_plain`.
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*")
_LONGEST = 1024
#: Endpoints that browsers reach without a judgement: they show nothing that is not their own customer's.
_OPEN = frozenset({"end_session_endpoint", "jwks_uri"})


def is_plain(path: str) -> bool:
    """Whether a path below an issuer (without the first slash) means the same to everybody."""
    if len(path) > _LONGEST or not _PLAIN.fullmatch(path):
        return False
    return not any(segment.strip(".") == "" for segment in path.split("/"))


def is_page(path: str, pages: Iterable[str]) -> bool:
    """Whether a path is one that the bank lets through: `interaction` itself, or what lies below `interaction/*`."""
    return is_plain(path) and any(_matches(path, pattern) for pattern in pages)


def _matches(path: str, pattern: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("/*") else path == pattern


def judged(document: Mapping[str, JsonValue], locations: Locations) -> frozenset[str]:
    """The AS's own endpoints below its issuer, lower case: what must not be reached past the gateway's judgement.

    `document` is the AS's own discovery document.
    """
    found = (
        locations.below_issuer(url)
        for name, url in document.items()
        if isinstance(url, str) and (name.endswith("_endpoint") or name == "jwks_uri") and name not in _OPEN
    )
    return frozenset(path.lower() for path in found if path)


def is_judged(path: str, endpoints: Iterable[str], registration: str | None = None) -> bool:
    """Whether a path would lead to one of these endpoints, by the loosest of routers: case aside.

    What lies below `registration` is a client's configuration endpoint (RFC 7592) and counts too.
    """
    loose = path.lower()
    below = registration is not None and loose.startswith(f"{registration.lower()}/")
    return below or loose in endpoints
