"""Which market, and which of its endpoints, a request is for: decided by path and host before a body is read."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from dcrgw.core.market import Market
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import not_found
from dcrgw.ports.decisions import Decisions


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request points: a market, and the path below its base URL without the first slash (`register/abc`)."""

    market: Market
    path: str

    @property
    def endpoint(self) -> str:
        """The first segment: which endpoint."""
        return self.path.partition("/")[0]

    @property
    def rest(self) -> str | None:
        """What follows the first segment; None where there is no slash, which is another path than an empty rest."""
        _, slash, rest = self.path.partition("/")
        return rest if slash else None


#: One endpoint of a market.
Endpoint = Callable[[web.BaseRequest, Exchange, Place], Awaitable[web.StreamResponse]]


class MarketMap:
    """Finds the market of a request: the longest path prefix wins, and the host decides between equals.

    `urls` are (URL without trailing slash, market): base URLs for a mutual-TLS listener, issuers for a public one.
    """

    def __init__(self, urls: Iterable[tuple[str, Market]]) -> None:
        parts = [(urlsplit(url), market) for url, market in urls]
        self._entries = sorted(
            ((url.path, url.netloc.lower(), market) for url, market in parts), key=lambda entry: -len(entry[0])
        )

    def find(self, path: str, host: str) -> Place | None:
        """The place that an undecoded path names; None where no market is (also for any escaped or dotted path)."""
        if "%" in path or "//" in path or "/." in path.replace("/.well-known/", "/"):
            return None
        found = [entry for entry in self._entries if path.startswith(entry[0] + "/")]
        longest = [entry for entry in found if entry[0] == found[0][0]]
        if len(longest) > 1:
            longest = [entry for entry in longest if entry[1] == host.lower()]
        if not longest:
            return None
        prefix, _, market = longest[0]
        return Place(market, path[len(prefix) + 1 :])


@dataclass(frozen=True, slots=True)
class Service:
    """What is served below a market's URL: endpoints by the first segment, `pages` for every other path."""

    endpoints: Mapping[str, Endpoint]
    pages: Endpoint | None = None

    def at(self, place: Place) -> Endpoint | None:
        """The endpoint of a place."""
        return self.endpoints.get(place.endpoint, self.pages)


class Dispatcher:
    """A listener's handler: market by URL, endpoint by the first segment below it.

    `built_in` serves the markets whose authorization server the gateway is, `forwarded` those that have one behind.
    """

    def __init__(
        self,
        markets: MarketMap,
        built_in: Service,
        decisions: Decisions,
        *,
        forwarded: Service = Service({}),
    ) -> None:
        self._markets, self._built_in, self._forwarded, self._decisions = markets, built_in, forwarded, decisions

    async def __call__(self, request: web.BaseRequest, exchange: Exchange) -> web.StreamResponse:
        path = _appended(request.raw_path.partition("?")[0])
        place = self._markets.find(path, request.headers.get("Host", ""))
        endpoint = self._service(place.market).at(place) if place is not None else None
        if place is None or endpoint is None:
            raise not_found()
        exchange.market = place.market
        try:
            return await endpoint(request, exchange, place)
        finally:
            if exchange.report is not None:
                self._decisions.close(exchange.report, place.market)

    def _service(self, market: Market) -> Service:
        return self._built_in if market.upstream is None else self._forwarded


def _appended(path: str) -> str:
    """A well-known path with the market's path behind it (RFC 8414 §3.1), as OpenID Connect Discovery §4 has it."""
    match = _INSERTED.fullmatch(path)
    return f"{match[2]}{match[1]}" if match else path


_INSERTED = re.compile(r"(/\.well-known/(?:openid-configuration|oauth-authorization-server))((?:/[^/]+)+)")
