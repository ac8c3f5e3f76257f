"""Where the gateway reaches what the authorization server (AS) names by the issuer's URLs, and nowhere else."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

#: RFC 3986 segments without escapes: what one server would decode and another not is no place of ours.
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~:@!$&'()*+,;=-]+)*/?")
_QUERY = re.compile(r"[A-Za-z0-9._~:@!$&'()*+,;=/?%-]*")


class PlaceRefused(ValueError):
    """The URL leads elsewhere than to the AS. The message is a predicate."""


def place(named: str, issuer: str, url: str) -> str:
    """The URL by which the gateway asks what the AS names by `named`.

    `issuer` is the market's, `url` what stands for it at the AS; neither ends in a slash. An origin of the AS stands
    for itself, and the issuer's stands for it where both have the same path.
    Raises: PlaceRefused.
    """
    try:
        parts = urlsplit(named)
    except ValueError:
        raise PlaceRefused("is no URL") from None
    # By hand: urlsplit drops line ends and blanks at the ends, so that its parts are not what was written.
    is_plain = named.isascii() and named.isprintable() and not set(named) & set(' #\\"<>')
    if not is_plain or parts.scheme != "https" or "@" in parts.netloc:
        raise PlaceRefused("is no https URL without user and fragment")
    if not _PATH.fullmatch(parts.path) or not _QUERY.fullmatch(parts.query):
        raise PlaceRefused("has an odd path")
    if below(named, url):
        return named
    if below(named, issuer):
        return url + named.removeprefix(issuer)
    if named.startswith(f"{_origin(url)}/"):
        return named
    if named.startswith(f"{_origin(issuer)}/") and urlsplit(issuer).path == urlsplit(url).path:
        return _origin(url) + named.removeprefix(_origin(issuer))
    raise PlaceRefused("is neither below the issuer nor below upstream.url")


def below(named: str, root: str) -> bool:
    """Whether a URL is `root` or below it. Compared by text: what is written otherwise is another one."""
    rest = named.removeprefix(root)
    return named.startswith(root) and (not rest or rest[0] in "/?")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
