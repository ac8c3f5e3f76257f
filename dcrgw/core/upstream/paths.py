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
_OPEN = frozenset({"end_session_endpoint"})


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


def is_judged(path: str, document: Mapping[str, JsonValue], locations: Locations) -> bool:
    """Whether a path below the issuer leads to an endpoint of the AS that is reached through the gateway's judgement.

    `document` is the AS's own discovery document. Case counts for nothing, as with the loosest of routers; and what
    lies below the registration endpoint is a client's configuration endpoint (RFC 7592).
    """
    loose = path.lower()
    aliases = document.get("mtls_endpoint_aliases")
    for name, url in [*document.items(), *(aliases.items() if isinstance(aliases, dict) else ())]:
        if not name.endswith("_endpoint") or name in _OPEN or not isinstance(url, str):
            continue
        own = (locations.below_issuer(url) or "").lower()
        if own and (loose == own or (name == "registration_endpoint" and loose.startswith(f"{own}/"))):
            return True
    return False
