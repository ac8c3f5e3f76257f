"""What the administrations of Keycloak and Ory Hydra do, as far as clients go: as seen at the real ones."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from aiohttp import web
from fake_as import Came


def _json(value: Any, status: int = 200, **headers: str) -> web.Response:
    return web.json_response(value, status=status, headers=headers)


@dataclass
class FakeKeycloak:
    """`server.also = FakeKeycloak()`; its realm is `bank`, its administration where the server is."""

    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    scopes: dict[str, str] = field(default_factory=lambda: {"accounts": "s-1", "payments": "s-2"})
    tokens: list[str] = field(default_factory=list)
    #: What it does not keep.
    drops: frozenset[str] = frozenset()

    def __call__(self, came: Came) -> web.Response | None:
        if (came.method, came.path) == ("POST", "/token"):
            self.tokens.append(f"token-{len(self.tokens)}")
            return _json({"access_token": self.tokens[-1], "token_type": "Bearer", "expires_in": 300})
        root = "/admin/realms/bank"
        if not came.path.startswith(root):
            return None
        if came.field("authorization") != f"Bearer {self.tokens[-1] if self.tokens else None}":
            return _json({"error": "HTTP 401 Unauthorized"}, 401)
        return self._admin(came, came.path.removeprefix(root).split("/")[1:])

    def _admin(self, came: Came, steps: list[str]) -> web.Response:
        if steps == ["client-scopes"]:
            return _json([{"id": inner, "name": name} for name, inner in self.scopes.items()])
        if steps == ["clients"] and came.method == "GET":
            return self._listed(parse_qs(came.query))
        if steps == ["clients"]:
            return self._create(came.json)
        found = self.clients.get(steps[1])
        if found is None:
            return _json({"error": "Could not find client"}, 404)
        if steps[2:3] == ["optional-client-scopes"]:
            name = next(name for name, inner in self.scopes.items() if inner == steps[3])
            named = found["optionalClientScopes"]
            named.append(name) if came.method == "PUT" else named.remove(name)
            return web.Response(status=204)
        if came.method == "DELETE":
            del self.clients[steps[1]]
            return web.Response(status=204)
        # A PUT leaves its scopes as they are, and empty attributes are gone.
        changed = {name: value for name, value in came.json.items() if not name.endswith("ClientScopes")}
        found |= self._kept(changed, found["attributes"])
        return web.Response(status=204)

    def _create(self, members: dict[str, Any]) -> web.Response:
        if any(each["clientId"] == members["clientId"] for each in self.clients.values()):
            return _json({"errorMessage": f"Client {members['clientId']} already exists"}, 409)
        if any(uri.startswith("javascript:") for uri in members.get("redirectUris", [])):
            described = "A redirect URI uses an illegal scheme"
            return _json({"error": "invalid_input", "error_description": described}, 400)
        inner = str(uuid4())
        known = [each for each in members["optionalClientScopes"] if each in self.scopes]
        kept = {"id": inner, "secret": "made-there", **self._kept(members, {}), "optionalClientScopes": known}
        self.clients[inner] = kept
        return web.Response(status=201, headers={"Location": f"/clients/{inner}"})

    def _kept(self, members: dict[str, Any], before: dict[str, str]) -> dict[str, Any]:
        attributes = {**before, **members["attributes"]}
        kept = {name: value for name, value in attributes.items() if value and name not in self.drops}
        return {**{name: value for name, value in members.items() if name not in self.drops}, "attributes": kept}

    def _listed(self, query: dict[str, list[str]]) -> web.Response:
        if "clientId" in query:
            return _json([each for each in self.clients.values() if each["clientId"] == query["clientId"][0]])
        first, most = int(query["first"][0]), int(query["max"][0])
        return _json(list(self.clients.values())[first : first + most])


@dataclass
class FakeHydra:
    """`server.also = FakeHydra()`: its administration is where the server is."""

    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    page: int = 2
    _KEPT = frozenset({
        "client_id", "client_name", "redirect_uris", "grant_types", "response_types", "scope", "jwks", "jwks_uri",
        "contacts", "owner", "metadata", "token_endpoint_auth_method", "token_endpoint_auth_signing_alg",
        "post_logout_redirect_uris",
    })  # fmt: skip

    def __call__(self, came: Came) -> web.Response | None:
        if not came.path.startswith("/admin/clients"):
            return None
        client_id = came.path.removeprefix("/admin/clients").lstrip("/")
        if not client_id:
            return self._listed(parse_qs(came.query)) if came.method == "GET" else self._create(came.json)
        if client_id not in self.clients:
            return _json({"error": "Unable to locate the resource", "error_description": ""}, 404)
        if came.method == "DELETE":
            del self.clients[client_id]
            return web.Response(status=204)
        if came.method == "PUT":
            return self._keep(client_id, came.json, 200)
        return _json(self.clients[client_id])

    def _create(self, members: dict[str, Any]) -> web.Response:
        if members["client_id"] in self.clients:
            return _json({"error": "Unable to insert or update resource", "error_description": ""}, 409)
        return self._keep(members["client_id"], {"client_secret": "made-there", **members}, 201)

    def _keep(self, client_id: str, members: dict[str, Any], status: int) -> web.Response:
        if "javascript:" in json.dumps(members):
            return _json({"error": "invalid_redirect_uri", "error_description": "Unable to parse"}, 400)
        kept = {name: value for name, value in members.items() if name in self._KEPT}
        kept = {"scope": "offline_access offline openid", "logo_uri": "", "jwks": {}, "contacts": None, **kept}
        self.clients[client_id] = kept
        shown = {"client_secret": members["client_secret"]} if "client_secret" in members else {}
        return _json({**kept, **shown}, status)

    def _listed(self, query: dict[str, list[str]]) -> web.Response:
        first = int(query.get("page_token", ["0"])[0])
        owned = [each for each in self.clients.values() if each.get("owner") == query["owner"][0]]
        following = f'</admin/clients?page_size=2&page_token={first + self.page}>; rel="next",</x>; rel="last"'
        more = {"Link": following} if first + self.page < len(owned) else {}
        return _json(owned[first : first + self.page], **more)
