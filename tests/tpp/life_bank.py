"""A bank small enough to see through: it keeps clients, makes them prove who they are, and lets them manage themselves.

It reads tokens with another library than ours.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web
from joserfc import jws
from joserfc.jwk import KeySet, OctKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
REFUSED = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


@dataclass
class LifeBank:
    """`gives_tokens`: with each registration comes a registration access token, anew at every update."""

    keys: bytes
    url: str = ""
    gives_tokens: bool = False
    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    forms: list[dict[str, str]] = field(default_factory=list)
    puts: list[tuple[dict[str, Any], dict[str, str]]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    issuer: str | None = None

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self.discovery)
        app.router.add_post("/register", self.register)
        app.router.add_post("/token", self.token)
        app.router.add_route("*", "/register/{client_id}", self.manage)
        return app

    async def discovery(self, _request: web.Request) -> web.Response:
        document = {"issuer": self.issuer or self.url, "token_endpoint": "https://elsewhere.invalid/token"}
        return web.json_response({**document, "mtls_endpoint_aliases": {"token_endpoint": self.url + "/token"}})

    async def register(self, request: web.Request) -> web.Response:
        client_id = f"c-{len(self.clients) + 1}"
        client = {"client_id": client_id, **await self.asked(request)}
        if client["token_endpoint_auth_method"].startswith("client_secret"):
            client |= {"client_secret": "s/" + "k+y=" * 9, "client_secret_expires_at": 0}
        self.clients[client_id] = client
        return web.json_response(client | self.management(client_id), status=201)

    def management(self, client_id: str) -> dict[str, str]:
        if not self.gives_tokens:
            return {}
        token = f"rat-{client_id}-{len(self.tokens)}"
        self.tokens[token] = (client_id, "")
        return {
            "registration_access_token": token,
            "registration_client_uri": f"{self.url}/register/{client_id}?by=uri",
        }

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        assert form["grant_type"] == "client_credentials"
        client = self.authenticated(form, request)
        if client is None:
            return web.json_response({"error": "invalid_client"}, status=401)
        token = f"at-{len(self.tokens)}"
        self.tokens[token] = (client["client_id"], thumbprint(request))
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": 300})

    def authenticated(self, form: dict[str, str], request: web.Request) -> dict[str, Any] | None:
        basic = request.headers.get("Authorization", "")
        if basic:
            pair = base64.b64decode(basic.removeprefix("Basic ")).decode()
            name, secret = (unquote_plus(part) for part in pair.split(":"))
            form = form | {"client_id": name}
        client = self.clients.get(form.get("client_id", ""))
        if client is None:
            return None
        method = client["token_endpoint_auth_method"]
        by_assertion = "client_assertion" in form and self.is_asserted(form, client)
        proven = {
            "tls_client_auth": not basic and not {"client_secret", "client_assertion"} & form.keys(),
            "client_secret_basic": bool(basic) and secret == client.get("client_secret"),
            "client_secret_post": form.get("client_secret", "") == client.get("client_secret"),
            "private_key_jwt": by_assertion,
            "client_secret_jwt": by_assertion,
        }
        return client if proven[method] else None

    def is_asserted(self, form: dict[str, str], client: dict[str, Any]) -> bool:
        assert form["client_assertion_type"] == ASSERTION_TYPE
        by_secret = client["token_endpoint_auth_method"] == "client_secret_jwt"
        key = OctKey.import_key(client["client_secret"]) if by_secret else KeySet.import_key_set(json.loads(self.keys))
        algorithms = [client["token_endpoint_auth_signing_alg"]]
        token = jws.deserialize_compact(form["client_assertion"], key, algorithms=algorithms)
        claims = json.loads(token.payload)
        assert claims["jti"] not in self.used
        self.used.add(claims["jti"])
        assert 0 < claims["exp"] - time.time() <= 300
        assert claims["iss"] == claims["sub"] == client["client_id"]
        return claims["aud"] in (self.url, self.url + "/token")

    async def manage(self, request: web.Request) -> web.Response:
        client_id = request.match_info["client_id"]
        owner, certificate = self.tokens.get(request.headers["Authorization"].removeprefix("Bearer "), ("", ""))
        if owner != client_id or client_id not in self.clients or certificate not in ("", thumbprint(request)):
            return web.json_response({"error": "invalid_token"}, status=401, headers=REFUSED)
        if request.method == "DELETE":
            del self.clients[client_id]
            return web.Response(status=204)
        if request.method == "GET":
            return web.json_response({**self.clients[client_id], "tell": "read"}, headers={"ETag": '"1"'})
        asked = await self.asked(request)
        self.puts.append((asked, dict(request.headers)))
        secret = {n: v for n, v in self.clients[client_id].items() if n.startswith("client_secret")}
        self.clients[client_id] = {"client_id": client_id, **asked, **secret}
        answer = {n: v for n, v in self.clients[client_id].items() if n not in secret}
        return web.json_response(answer | self.management(client_id))

    async def asked(self, request: web.Request) -> dict[str, Any]:
        """The members of a request, without those of its envelope."""
        body = await request.read()
        if request.content_type == "application/json":
            return dict(json.loads(body))
        keys = KeySet.import_key_set(json.loads(self.keys))
        claims = json.loads(jws.deserialize_compact(body, keys, algorithms=["PS256"]).payload)
        return {name: value for name, value in claims.items() if name not in ("iss", "aud", "iat", "exp", "jti")}


def thumbprint(request: web.Request) -> str:
    assert request.transport is not None
    return hashlib.sha256(request.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)).hexdigest()
