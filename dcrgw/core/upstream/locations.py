"""Where the AS is, for us and for everybody else: its issuer is the market's, and `url` stands for it inside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

#: A URL reference as it may stand in an answer: printable ASCII without what browsers mend on their own.
_REFERENCE = re.compile(r"[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7c\x7e]*")
_LONGEST = 16_384


class ReferenceRefused(ValueError):
    """A URL of the AS that is not passed on. The message never holds it."""


@dataclass(frozen=True, slots=True)
class Locations:
    """A market's public URLs, and the one by which the gateway reaches its AS. None ends with a slash."""

    issuer: str
    base_url: str
    url: str

    def public(self, reference: str, asked: str) -> str:
        """A URL reference of the AS as a browser may have it: the AS's own origin becomes the issuer's.

        `asked` is the path that was asked of the AS. Absolute results are foreign, or the market's own. Raises:
        ReferenceRefused.
        """
        if len(reference) > _LONGEST or not _REFERENCE.fullmatch(reference):
            raise ReferenceRefused("is no URL as RFC 3986 has it")
        if ":" in re.split(r"[/?#]", reference, maxsplit=1)[0]:
            return self._public_url(reference)
        # Relative to what was asked: the places inside and outside may lie at different depths.
        found = self._public_path(reference if reference.startswith("/") else _resolved(reference, asked))
        if reference.startswith("//") or found.startswith("//"):
            raise ReferenceRefused("names a host without a scheme")
        return found

    def is_own(self, url: str) -> bool:
        """Whether an absolute URL is one of the gateway's own hosts."""
        return _origin(url) in (_origin(self.issuer), _origin(self.base_url))

    def below_issuer(self, url: str) -> str | None:
        """The path below the issuer, without its first slash, of a URL of the AS; None where it is not below it."""
        for root in (self.issuer, self.url):
            inner, prefix = urlsplit(url).path, f"{urlsplit(root).path}/"
            if _origin(url) == _origin(root) and inner.startswith(prefix):
                return inner[len(prefix) :]
        return None

    def _public_path(self, target: str) -> str:
        """A path with its query, moved from below `url` to below the issuer."""
        inside, outside = urlsplit(self.url).path, urlsplit(self.issuer).path
        if inside == outside or target.startswith(_prefixes(outside)) or target == outside:
            return target
        if inside and (target == inside or target.startswith(_prefixes(inside))):
            return outside + target[len(inside) :]
        # An AS that does not know of its prefix (`url` has none) speaks of its own root.
        return target if inside else outside + target

    def _public_url(self, url: str) -> str:
        parts = _split(url)
        if parts.scheme not in ("https", "http"):
            # A native app's own scheme may be a client's redirect URI: whether it is, others say.
            return url
        if _origin(url) == _origin(self.url) and _origin(url) != _origin(self.issuer):
            rest = url[len(url) - len(_after_authority(url)) :]
            return _origin(self.issuer) + self._public_path(rest if rest.startswith("/") else f"/{rest}")
        return url


def _prefixes(path: str) -> tuple[str, ...]:
    """What a target below this path begins with."""
    return (f"{path}/", f"{path}?", f"{path}#") if path else ()


def _after_authority(url: str) -> str:
    match = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*", url)
    return url[match.end() :] if match else ""


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is none
    except ValueError:
        raise ReferenceRefused("is no URL as RFC 3986 has it") from None
    if parts.scheme in ("https", "http"):
        if not re.match(r"https?://[^/]", url, re.IGNORECASE) or not parts.hostname:
            raise ReferenceRefused("names no host")
        if "@" in parts.netloc:
            raise ReferenceRefused("has user information")
    return parts


def _origin(url: str) -> str:
    """Scheme, host and port, as browsers compare them."""
    parts = urlsplit(url)
    standard = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, standard) else f":{parts.port}"
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def _resolved(reference: str, asked: str) -> str:
    """RFC 3986 §5.3, for references without scheme, host and leading slash."""
    path = asked.partition("?")[0]
    if not reference:
        return asked
    if reference[0] in "?#":
        return path + reference
    target, mark, rest = re.match(r"([^?#]*)([?#]?)(.*)", reference).groups()  # type: ignore[union-attr]
    steps: list[str] = path.split("/")[:-1]
    for step in target.split("/"):
        if step == "..":
            steps = steps[:-1] if len(steps) > 1 else steps
        elif step != ".":
            steps.append(step)
    if target.rsplit("/", 1)[-1] in (".", ".."):
        steps.append("")
    return "/".join(steps) + mark + rest
