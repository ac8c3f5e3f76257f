"""A person with a browser but without eyes: keeps cookies, follows redirects at one site, sends forms."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from urllib.parse import urljoin, urlsplit

import aiohttp

_MOST_REDIRECTS = 5
_NONE: Mapping[str, str] = {}


@dataclass(slots=True)
class Form:
    """A form of a page: where it is sent, and what it holds before anybody types."""

    action: str
    method: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """A page, or the address to which the site sent its visitor away."""

    url: str
    status: int
    headers: Mapping[str, str]
    text: str
    forms: tuple[Form, ...]
    #: Another site's address, where the answer was a redirect to it.
    left_for: str | None = None

    @property
    def form(self) -> Form:
        """The first form. Raises: LookupError where there is none."""
        if not self.forms:
            raise LookupError(f"the page at {self.url} has no form (status {self.status})")
        return self.forms[0]


class Person:
    """One browser. `tls` is how its owner came to trust the site."""

    def __init__(self, tls: ssl.SSLContext, *, languages: str = "en") -> None:
        self._languages = languages
        connector = aiohttp.TCPConnector(ssl=tls)
        #: Closed by `async with`.
        self.http = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30))

    async def __aenter__(self) -> Person:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.close()

    async def open(self, url: str) -> Seen:
        """Go to an address, as from another site's link."""
        return await self._go("GET", url, {"Sec-Fetch-Site": "cross-site"}, None)

    async def submit(self, seen: Seen, headers: Mapping[str, str] = _NONE, **typed: str) -> Seen:
        """Send a page's form as its own page does, with what was typed and the button that was pressed.

        `headers` replace what a browser says of the sender; an empty one is left out.
        """
        form = seen.form
        site = urlsplit(seen.url)
        sent = {"Origin": f"{site.scheme}://{site.netloc}", "Sec-Fetch-Site": "same-origin", **headers}
        return await self._go("POST", urljoin(seen.url, form.action), sent, {**form.fields, **typed})

    async def _go(self, method: str, url: str, headers: Mapping[str, str], fields: Mapping[str, str] | None) -> Seen:
        for _ in range(_MOST_REDIRECTS):
            sent = {"Accept-Language": self._languages, **{name: value for name, value in headers.items() if value}}
            async with self.http.request(method, url, headers=sent, data=fields, allow_redirects=False) as answer:
                text, status = await answer.text(), answer.status
                told = dict(answer.headers)
            if status not in (302, 303):
                return Seen(url, status, told, text, _forms(text))
            target = urljoin(url, told["Location"])
            if _site(target) != _site(url):
                return Seen(url, status, told, text, (), target)
            method, url, headers, fields = "GET", target, {"Sec-Fetch-Site": "same-origin"}, None
        raise LookupError(f"redirects without an end at {url}")


def _site(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _forms(text: str) -> tuple[Form, ...]:
    reader = _Forms()
    reader.feed(text)
    reader.close()
    return tuple(reader.found)


@dataclass
class _Forms(HTMLParser):
    found: list[Form] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(attributes.get("action", ""), attributes.get("method", "get"), {}))
        elif tag == "input" and self.found and "name" in attributes:
            self.found[-1].fields[attributes["name"]] = attributes.get("value", "")
