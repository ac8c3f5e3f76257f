"""A directory's public face: key sets and lists for everybody; token URL and SCIM for a bank's certificate."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from dcrgw.sandbox import scim
from dcrgw.sandbox.schemes import UK, Scheme
from dcrgw.sandbox.token import Caller, TokenRefused, TokenService
from dcrgw.sandbox.traffic import Endpoint, Handler, Traffic, faulty
from dcrgw.sandbox.world import World

KEY_SET_TYPE = "application/json"

TOKEN = "/as/token.oauth2"
SCIM_COLLECTION = "/scim/v2/OBThirdPartyProviders"


class Directory:
    """Serves a world as its scheme's directory does. `now` tells epoch seconds."""

    def __init__(
        self,
        world: World,
        traffic: Traffic,
        tokens: TokenService,
        scheme: Scheme = UK,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._scheme = scheme
        self._world = world
        self._traffic = traffic
        self._tokens = tokens
        self._now = now

    def public_app(self) -> web.Application:
        """The key sets, and the list of who takes part; no client certificate is asked for."""
        app = web.Application()
        app.router.add_get(self._scheme.keys_path, self._faulty(Endpoint.JWKS, self._directory_keys))
        app.router.add_get(
            "/keystore/revoked/openbanking.jwks", self._faulty(Endpoint.REVOKED_JWKS, self._directory_revoked)
        )
        app.router.add_get("/{org_id}/revoked/{name}.jwks", self._faulty(Endpoint.REVOKED_JWKS, self._revoked_keys))
        app.router.add_get("/{org_id}/{name}.jwks", self._faulty(Endpoint.SOFTWARE_JWKS, self._keys))
        if self._scheme.list_path is not None:
            app.router.add_get(self._scheme.list_path, self._faulty(Endpoint.LIST, self._list))
        return app

    def bank_app(self) -> web.Application:
        """Token URL and SCIM; to be served with client certificates demanded."""
        app = web.Application()
        app.router.add_post(TOKEN, self._faulty(Endpoint.TOKEN, self._token))
        app.router.add_get(SCIM_COLLECTION, self._faulty(Endpoint.SCIM, self._scim_list))
        app.router.add_get(SCIM_COLLECTION + "/{org_id}", self._faulty(Endpoint.SCIM, self._scim_one))
        return app

    def _faulty(self, endpoint: Endpoint, handler: Handler) -> Handler:
        return faulty(self._traffic, endpoint, handler, self._now)

    async def _directory_keys(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._world.keys.published, content_type=KEY_SET_TYPE)

    async def _directory_revoked(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._world.keys.revoked, content_type=KEY_SET_TYPE)

    async def _list(self, _request: web.Request) -> web.Response:
        assert self._scheme.listed is not None
        return web.json_response(self._scheme.listed(self._world))

    async def _keys(self, request: web.Request) -> web.Response:
        org_id, name = request.match_info["org_id"], request.match_info["name"]
        if org_id == name and org_id in self._world.organisations:
            # An organisation's own seals live here; this directory lodges none.
            return web.json_response({"keys": []})
        software = self._world.software.get(name)
        if software is None or software.org_id != org_id:
            raise web.HTTPNotFound
        return web.Response(body=software.key_set, content_type=KEY_SET_TYPE)

    async def _revoked_keys(self, request: web.Request) -> web.Response:
        org_id, name = request.match_info["org_id"], request.match_info["name"]
        if org_id == name and org_id in self._world.organisations:
            return web.json_response({"keys": []})
        software = self._world.software.get(name)
        if software is None or software.org_id != org_id:
            raise web.HTTPNotFound
        return web.Response(body=software.revoked_key_set, content_type=KEY_SET_TYPE)

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        try:
            if len(fields) != len(form):
                raise TokenRefused("invalid_request", "a parameter appears twice or is a file")
            answer = self._tokens.grant(fields, _caller(request), self._now())
        except TokenRefused as refusal:
            return web.json_response(refusal.body, status=refusal.status, headers={"Cache-Control": "no-store"})
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    async def _scim_list(self, request: web.Request) -> web.Response:
        return self._scim(request, lambda: scim.listing(self._world, request.query))

    async def _scim_one(self, request: web.Request) -> web.Response:
        return self._scim(request, lambda: scim.find(self._world, request.match_info["org_id"], request.query))

    def _scim(self, request: web.Request, read: Callable[[], dict[str, Any]]) -> web.Response:
        try:
            if not self._tokens.is_valid(_bearer(request), _caller(request), self._now()):
                raise scim.ScimRefused(401, "a bearer token of this certificate from the token URL is needed")
            status, body = 200, read()
        except scim.ScimRefused as refusal:
            status, body = refusal.status, dict(refusal.body)
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        return web.Response(
            body=json.dumps(body).encode(), status=status, headers=headers, content_type=scim.CONTENT_TYPE
        )


def _caller(request: web.Request) -> Caller:
    """The certificate of the connection, as DER."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
    return Caller(tls.getpeercert(binary_form=True) if tls is not None else None)


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
