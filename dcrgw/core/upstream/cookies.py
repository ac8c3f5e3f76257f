"""Cookies of the AS's pages: they are the public host's, and never ours."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dcrgw.core.upstream.locations import Locations, ReferenceRefused

#: What the gateway's own cookies begin with, whatever prefix stands before (RFC 6265bis §4.1.3).
OURS = re.compile(r"(?:__Host-|__Secure-)?dcrgw", re.IGNORECASE)
_SET = re.compile(
    r"(?P<pair>[!#$%&'*+.^_`|~0-9A-Za-z-]+=[\x20-\x3a\x3c-\x7e]*)(?P<attributes>(?:;[\x20-\x3a\x3c-\x7e]*)*)"
)
_LONGEST = 8192


def going_on(header: str) -> str | None:
    """A browser's Cookie header without the gateway's own cookies; None where nothing is left."""
    pairs = [pair.strip(" \t") for pair in header.split(";")]
    kept = [pair for pair in pairs if pair and not OURS.match(pair)]
    return "; ".join(kept) or None


def coming_back(headers: Iterable[str], locations: Locations) -> tuple[str, ...]:
    """The AS's Set-Cookie headers for browsers: without Domain, since its own would be another host's.

    Left out are those that are none, and those with a name of the gateway's own.
    """
    return tuple(made for made in (_moved(header, locations) for header in headers) if made is not None)


def _moved(header: str, locations: Locations) -> str | None:
    match = _SET.fullmatch(header)
    if match is None or len(header) > _LONGEST or OURS.match(header):
        return None
    attributes = [each.strip(" ") for each in match["attributes"].split(";")[1:]]
    names = [each.partition("=")[0].strip(" ").lower() for each in attributes]
    kept = [each for name, each in zip(names, attributes, strict=True) if each and name not in ("domain", "path")]
    path = next(
        (each.partition("=")[2].strip(" ") for name, each in zip(names, attributes, strict=True) if name == "path"),
        None,
    )
    if path is not None:
        kept.append(f"Path={_path(path, header, locations)}")
    if "secure" not in names:
        kept.append("Secure")
    return "; ".join([match["pair"], *kept])


def _path(path: str, header: str, locations: Locations) -> str:
    if header.startswith("__Host-"):
        return "/"  # RFC 6265bis §4.1.3.2: with any other path a browser would not take it
    try:
        moved = locations.public(path, "/") if path.startswith("/") else "/"
    except ReferenceRefused:
        return "/"
    # "/uk/" does not match "/uk", and the issuer itself is below neither.
    return moved if len(moved) == 1 else moved.rstrip("/")
