"""A gateway small enough to see through: mutual TLS, two proofs, two rules, reports, by the written configuration.

Its client lives as long as its token does: it is read, replaced and deleted by whoever shows that.
"""

from __future__ import annotations

import json
import ssl
import time
import tomllib
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from dcrgw.core.authorization.minting import beside_code
from dcrgw.core.checks import Findings, Gate, Report
from dcrgw.core.jose import reader, verification
from dcrgw.core.jose.keys import key_set
from dcrgw.errors import ErrorCode, Rejected
from dcrgw.sandbox.serving import Listener, listen, server_tls
from dcrgw.testkit.keys import SigningKey, jwks

OUR_KEY = SigningKey.generate("bank-1", "PS256")
POLICY = reader.JosePolicy(frozenset({"PS256"}))
# Not declared: the catalogue is of real checks.
SIGNATURE = Gate("fake.signature", "RFC 7515", ErrorCode.INVALID_CLIENT_METADATA, "Signed.")
SUBSET = Gate("fakerules.redirect_uris", "RFC 7591", ErrorCode.INVALID_REDIRECT_URI, "Within.")
SCOPE = Gate("fakerules.scope", "RFC 7591", ErrorCode.INVALID_CLIENT_METADATA, "Within.")
#: Our ids -> the ids that the real gateway's rules have and the story waits for.
WIRE = {SUBSET.id: "rules.redirect_uris.subset", SCOPE.id: "rules.scope.within_roles"}


@dataclass
class FakeGateway:
    """`lenient` lets everything pass; `refuses` everything; `silent` names no reasons; `undying` deletes nothing;

    `generous` grants any payment; `wordless` shows nobody what for; `unsigned` vouches for another code;
    `forgetful` introspects nothing of it.
    """

    directory: Any
    root: Path
    temper: str = ""
    reports: deque[Report] = field(default_factory=deque)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    listener: Listener | None = None
    public: Listener | None = None
    client: dict[str, Any] = field(default_factory=dict)
    market: dict[str, Any] = field(default_factory=dict)
    #: What was pushed and what of it was granted: authorization_details; and the rest that an answer needs.
    details: list[Any] = field(default_factory=list)
    granted: list[Any] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)

    async def stop(self) -> None:
        assert self.listener is not None
        assert self.public is not None
        await self.listener.stop()
        await self.public.stop()

    async def register(self, request: web.Request) -> web.Response:
        report = Report(f"r-{len(self.reports) + 1}", "", "create", "uk-3.2", 1.0)
        self.reports.append(report)
        try:
            claims = await self.judge(request, report)
        except Rejected as rejected:
            report.decision = "rejected"
            faults = [{"check": WIRE.get(f.check, f.check), "description": f.description, "spec": f.spec}
                      for f in rejected.faults]  # fmt: skip
            body: dict[str, Any] = {"error": rejected.faults[0].code, "errors": faults}
            if self.temper == "silent":
                del body["errors"]
            return web.json_response(body, status=400)
        report.decision = "accepted"
        self.client = {"client_id": "c-1", **claims}
        return web.json_response(self.client, status=201)

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["client_id"] == self.client["client_id"]
        answer: dict[str, Any] = {"access_token": "at-1", "token_type": "Bearer", "expires_in": 300}
        if form["grant_type"] == "authorization_code":
            self.granted = self.details
            answer["authorization_details"] = self.details
        return web.json_response(answer)

    async def discovery(self, request: web.Request) -> web.Response:
        issuer, base = str(self.market["issuer"]), str(self.market["base_url"])
        places = {"token": "token", "pushed_authorization_request": "par", "introspection": "introspect"}
        mutual = {f"{name}_endpoint": f"{base}/{place}" for name, place in places.items()}
        ours = {"authorization_endpoint": f"{issuer}/authorize", "jwks_uri": f"{issuer}/jwks"}
        return web.json_response({"issuer": issuer, **ours, **mutual})

    async def published(self, request: web.Request) -> web.Response:
        return web.Response(body=jwks(OUR_KEY), content_type="application/json")

    async def push(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.details = json.loads(str(form["authorization_details"]))
        if self.temper != "generous" and "creditorAccount" not in self.details[0]:
            places = ("/0/instructedAmount/amount", "/0/creditorAccount")
            errors = [{"description": f"authorization_details {place}: no"} for place in places]
            return web.json_response({"error": "invalid_authorization_details", "errors": errors}, status=400)
        self.asked = {name: str(form[name]) for name in ("state", "nonce", "redirect_uri")}
        return web.json_response({"request_uri": "urn:1", "expires_in": 90}, status=201)

    async def page(self, request: web.Request) -> web.Response:
        """Sign-in first, then the decision, then back to the TPP."""
        form = await request.post()
        if "decision" in form:
            code, state, issuer = "c", self.asked["state"], self.market["issuer"]
            about = {"iss": issuer, "aud": "c-1", "exp": time.time() + 60, "nonce": self.asked["nonce"]}
            signed = OUR_KEY.sign({**about, **beside_code("another" if self.temper == "unsigned" else code, state)})
            answer = urlencode({"code": code, "id_token": signed, "state": state, "iss": issuer})
            raise web.HTTPSeeOther(f"{self.asked['redirect_uri']}#{answer}")
        words = "" if self.temper == "wordless" else "Merchant A (GB33 BUKB 2020 1555 5555 55)"
        return web.Response(text=f'<p>{words}</p><form action="" method="post"></form>', content_type="text/html")

    async def introspect(self, request: web.Request) -> web.Response:
        told = [] if self.temper == "forgetful" else self.granted
        return web.json_response({"active": True, "authorization_details": told})

    async def manage(self, request: web.Request) -> web.Response:
        if not self.client or request.headers["Authorization"] != "Bearer at-1":
            return web.json_response({"error": "invalid_token"}, status=401)
        if request.method == "DELETE":
            self.client = self.client if self.temper == "undying" else {}
            return web.Response(status=204)
        if request.method == "PUT":
            self.client |= reader.unverified_claims(reader.read(await request.read(), POLICY))
        return web.json_response(self.client)

    async def judge(self, request: web.Request, report: Report) -> dict[str, Any]:
        assert request.transport is not None
        assert request.transport.get_extra_info("peercert")
        token = reader.read(await request.read(), POLICY)
        claims = reader.unverified_claims(token)
        self.bodies.append({"claims": claims, "content_type": request.content_type})
        statement = reader.read(str(claims["software_statement"]), POLICY)
        verification.verify(statement, await self.keys(self.directory["jwks_endpoint"]), POLICY)
        about: Any = reader.unverified_claims(statement)
        verification.verify(token, await self.keys(about["software_jwks_endpoint"]), POLICY)
        findings = Findings()
        findings.add(SIGNATURE.passed)
        if self.temper == "refuses":
            findings.add(SIGNATURE.failed("no"))
        if self.temper != "lenient":
            outside = not set(claims["redirect_uris"]) <= set(about["software_redirect_uris"])
            beyond = "fundsconfirmations" in str(claims["scope"])
            findings.settle(SUBSET, "redirect_uris[0] is foreign" if outside else None)
            findings.settle(SCOPE, "scope is beyond the roles" if beyond else None)
        report.settle(findings.judgement(True))
        return dict(claims)

    async def keys(self, url: str) -> Any:
        tls = aiohttp.TCPConnector(ssl=server_trust(self.root))
        async with aiohttp.ClientSession(connector=tls) as http, http.get(url) as answer:
            return key_set(await answer.read())


def server_trust(root: Path) -> Any:
    return ssl.create_default_context(cafile=str(root / "ca.pem"))


def settings_of(config: Path) -> dict[str, Any]:
    return tomllib.loads(config.read_text())


async def start_fake(config: Path, temper: str = "") -> FakeGateway:
    settings = settings_of(config)
    mtls, root = settings["listeners"]["mtls"], config.parent
    gateway = FakeGateway(settings["directory"][0], root, temper, market=settings["market"][0])
    app = web.Application()
    app.router.add_post("/{market}/register", gateway.register)
    app.router.add_post("/{market}/token", gateway.token)
    app.router.add_route("*", "/{market}/register/c-1", gateway.manage)
    app.router.add_post("/{market}/par", gateway.push)
    app.router.add_post("/{market}/introspect", gateway.introspect)
    public = web.Application()
    public.router.add_get("/{market}/.well-known/openid-configuration", gateway.discovery)
    public.router.add_get("/{market}/jwks", gateway.published)
    public.router.add_route("*", "/{market}/authorize", gateway.page)
    tls = server_tls(root / mtls["certificate"], root / mtls["key"], client_ca=(root / "ca.pem").read_bytes())
    gateway.listener = await listen(app, mtls["port"], tls)
    plain = server_tls(root / mtls["certificate"], root / mtls["key"])
    gateway.public = await listen(public, settings["listeners"]["public"]["port"], plain)
    return gateway
