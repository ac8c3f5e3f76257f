"""What everybody may read of a market: its discovery document and our public keys."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from dcrgw.core.authorization import discovery
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


class DiscoveryEndpoint:
    """`.well-known/…` below a market's issuer. `public`: this is a listener that is reached by issuers."""

    def __init__(self, signer: Signer | None, details: Details, *, public: bool) -> None:
        self._signer, self._details, self._public = signer, details, public

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.Response:
        exchange.malformed = ErrorCode.INVALID_REQUEST
        # RFC 8414 §3.3: a document is found below the issuer that it names, or nobody may believe it.
        is_below_issuer = self._public or place.market.issuer == place.market.base_url
        if place.rest not in discovery.WELL_KNOWN or not is_below_issuer:
            raise not_found()
        if request.method not in _METHODS:
            raise method_not_allowed(_METHODS)
        alg = await self._signer.alg() if self._signer is not None else None
        types = self._details.types(place.market.name)
        document = discovery.document(place.market, signing_alg=alg, detail_types=types)
        return json_answer(200, document, exchange, headers=_CACHED)


class KeysEndpoint:
    """`jwks` below a market's issuer or base URL."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    async def __call__(self, request: web.BaseRequest, exchange: Exchange, place: Place) -> web.Response:
        exchange.malformed = ErrorCode.INVALID_REQUEST
        if place.rest is not None:
            raise not_found()
        if request.method not in _METHODS:
            raise method_not_allowed(_METHODS)
        return json_answer(200, {"keys": list(await self._signer.published())}, exchange, headers=_CACHED)
