"""What a browser asks of an AS behind a market, passed on, and the AS's answer passed back as it comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import web
from multidict import CIMultiDict

from dcrgw.core.authorization.endpoints import authorization_endpoint, end_session_endpoint
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream import cookies, headers, leading
from dcrgw.core.upstream.locations import Locations, ReferenceRefused
from dcrgw.edge.answers import dress
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.places import Places
from dcrgw.edge.streaming import pass_on, while_connected
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.ports.pages import Page, Pages
from dcrgw.ports.registry import Registry
from dcrgw.ports.upstream import Asked

#: The clients whose requests a browser carries: a hint which redirect URIs to look at, and no proof of anything.
#: `__Host-`: for this host alone, so that no neighbour can plant one.
CARRIED = "__Host-dcrgw.carried"

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WITHOUT_BODY = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Passage:
    """One browser's request on its way. `client_id` is the client that it asks for, where that is known."""

    request: web.BaseRequest
    exchange: Exchange
    market: Market
    #: The AS's own discovery document.
    document: Mapping[str, JsonValue] = field(repr=False)
    client_id: str | None = None

    @property
    def locations(self) -> Locations:
        """Where things are, inside and outside."""
        assert self.market.upstream is not None
        return Locations(self.market.issuer, self.market.base_url, self.market.upstream.url)

    @property
    def cookie(self) -> str:
        """The hint that the browser brings."""
        return self.request.cookies.get(CARRIED, "")


class Passing:
    """Passes requests on. `idle_s` is how long a browser may leave a piece of an answer untaken.

    `each` is how many may be under way for one network (`edge.places`): each holds a connection to the AS.
    """

    def __init__(self, pages: Pages, registry: Registry, *, idle_s: float, each: int) -> None:
        self._pages, self._registry, self._idle_s = pages, registry, idle_s
        self._places = Places(each)

    async def __call__(self, passage: Passage, asked: Asked) -> web.StreamResponse:
        """The AS's answer, sent. Raises: Unavailable, Misconfigured before it began; Cut after."""
        place = self._places.take(passage.request.remote or "::")
        if place is None:
            raise Unavailable(f"upstream.{passage.market.name}", "one network asks for too many pages at once")
        try:
            return await self._pass(passage, asked)
        finally:
            self._places.give_back(place)

    async def _pass(self, passage: Passage, asked: Asked) -> web.StreamResponse:
        async with while_connected(passage.request), self._pages.open(passage.market.name, asked) as page:
            _settle_status(page, passage.market)
            response = web.StreamResponse(status=page.status, headers=await self._headers(passage, page, asked))
            dress(response, passage.exchange)
            if passage.request.method == "HEAD" or page.status in _WITHOUT_BODY:
                # RFC 9110 §8.6: what a body would have had.
                if passage.request.method == "HEAD" and page.length is not None:
                    response.content_length = page.length
                await response.prepare(passage.request)
                return response
            if page.length is not None:
                response.content_length = page.length
            return await pass_on(passage.request, response, page.pieces, idle_s=self._idle_s)

    async def _headers(self, passage: Passage, page: Page, asked: Asked) -> CIMultiDict[str]:
        made = CIMultiDict(headers.of_answer(page.fields))
        named = [value for name, value in page.fields if name.lower() == "location"]
        if page.status in _REDIRECTS:
            made["Location"] = await self._location(passage, named, asked)
        set_ = [value for name, value in page.fields if name.lower() == "set-cookie"]
        for cookie in cookies.coming_back(set_, passage.locations):
            made.add("Set-Cookie", cookie)
        if passage.client_id is not None:
            carried = leading.carrying(passage.client_id, passage.cookie)
            made.add("Set-Cookie", f"{CARRIED}={carried}; Path=/; Secure; HttpOnly; SameSite=Lax")
        return made

    async def _location(self, passage: Passage, named: list[str], asked: Asked) -> str:
        """Where the browser is sent. Raises: Unavailable for what is no place, Misconfigured for a foreign one."""
        dependency = f"upstream.{passage.market.name}"
        if len(named) != 1:
            raise Unavailable(dependency, "it redirects without saying once where to")
        try:
            url = passage.locations.public(named[0], _path(passage, asked))
        except ReferenceRefused as refused:
            raise Unavailable(dependency, f"it redirects to what {refused}") from None
        if url.startswith("/") or passage.locations.is_own(url):
            return _by_our_names(url, passage)
        # DIVERGENCE: RFC 9110 §10.2.2 lets a redirect lead anywhere.
        if await self._may_lead_to(url, passage):
            return url
        host = urlsplit(url).netloc[:100].encode("ascii", "replace").decode()
        raise Misconfigured(
            f"{dependency}: a page sends the browser to {host}, which is no redirect URI of a client that asked;"
            " if it is the bank's own, name it in upstream.page_redirects"
        )

    async def _may_lead_to(self, url: str, passage: Passage) -> bool:
        market = passage.market
        assert market.upstream is not None
        if leading.is_named(url, market.upstream.page_redirects):
            return True
        ids = leading.carried(passage.cookie)
        for client_id in (passage.client_id, *ids) if passage.client_id else ids:
            client = await self._registry.client(market.name, client_id)
            if client is not None and leading.leads_back(url, client):
                return True
        return False


def going_on(passage: Passage) -> headers.Fields:
    """The browser's header fields that go on, cookies of ours left out. Raises: Rejected."""
    judged = headers.of_browser(passage.request.headers.items())
    if judged.value is None:
        raise judged.failures[0].check.rejection(judged.failures[0].description)
    kept = []
    for name, value in judged.value:
        told = cookies.going_on(value) if name == "cookie" else value
        if told is not None:
            kept.append((name, told))
    return (*kept, *headers.came_from(passage.request.remote))


def _settle_status(page: Page, market: Market) -> None:
    """A server's own failure is told by a page of ours: its own may hold a stack trace. Raises: Unavailable."""
    if not 200 <= page.status < 500:
        raise Unavailable(f"upstream.{market.name}", f"a page answered {page.status}")


def _path(passage: Passage, asked: Asked) -> str:
    """The path that the AS was asked at."""
    inside = urlsplit(passage.locations.url).path
    if asked.endpoint.startswith("/"):
        return inside + asked.endpoint
    named = passage.document.get(asked.endpoint)
    return f"{inside}/{passage.locations.below_issuer(str(named)) or ''}"


def _by_our_names(url: str, passage: Passage) -> str:
    """The AS's own endpoints for browsers have other names outside, where the gateway judges first."""
    ours = {
        "authorization_endpoint": authorization_endpoint(passage.market),
        "end_session_endpoint": end_session_endpoint(passage.market),
    }
    issuer = urlsplit(passage.market.issuer).path
    target, mark, rest = url.partition("?")
    for name, named in ours.items():
        theirs = passage.document.get(name)
        below = passage.locations.below_issuer(theirs) if isinstance(theirs, str) else None
        if below and target in (f"{issuer}/{below}", f"{passage.market.issuer}/{below}"):
            return named + mark + rest
    return url
