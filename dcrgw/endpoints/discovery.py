"""What everybody may read of a market: its discovery document and the public keys of its issuer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from dcrgw.core.authorization import discovery
from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.faults import method_not_allowed, not_found
from dcrgw.endpoints.routes import Place
from dcrgw.errors import ErrorCode
from dcrgw.ports.details import Details
from dcrgw.ports.signer import Signer

_METHODS = ("GET", "HEAD")
#: A rotation publishes the next key long before it signs, so readers may keep what they have for a while.
_CACHED: Mapping[str, str] = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}

#: What there is to read of a market, as JSON.
Readable = Callable[[Market], Awaitable[Mapping[str, JsonValue]]]


class DiscoveryEndpoint:
    """`.well-known/…` below a market's issuer. `public`: this is a listener that is reached by issuers."""

    def __init__(self, document: Readable, *, public: bool) -> None:
        self._document, self._public = document, public

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.Response:
        exchange.malformed = ErrorCode.INVALID_REQUEST
        # RFC 8414 §3.3: a document is found below the issuer that it names, or nobody may believe it.
        is_below_issuer = self._public or place.market.issuer == place.market.base_url
        if place.rest not in discovery.WELL_KNOWN or not is_below_issuer:
            raise not_found()
        if request.method not in _METHODS:
            raise method_not_allowed(_METHODS)
        return json_answer(200, await self._document(place.market), exchange, headers=_CACHED)


class KeysEndpoint:
    """`jwks` below a market's issuer or base URL."""

    def __init__(self, keys: Readable) -> None:
        self._keys = keys

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.Response:
        exchange.malformed = ErrorCode.INVALID_REQUEST
        if place.rest is not None:
            raise not_found()
        if request.method not in _METHODS:
            raise method_not_allowed(_METHODS)
        return json_answer(200, await self._keys(place.market), exchange, headers=_CACHED)


def own_document(signer: Signer | None, details: Details) -> Readable:
    """The documents of markets whose authorization server the gateway is."""

    async def read(market: Market) -> Mapping[str, JsonValue]:
        alg = await signer.alg() if signer is not None else None
        return discovery.document(market, signing_alg=alg, detail_types=details.types(market.name))

    return read


def own_keys(signer: Signer) -> Readable:
    """The gateway's public keys, the same in every market."""

    async def read(_market: Market) -> Mapping[str, JsonValue]:
        return {"keys": [dict(key) for key in await signer.published()]}

    return read
