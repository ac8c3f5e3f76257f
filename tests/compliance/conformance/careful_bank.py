"""A small bank that does all as OB UK 3.2, or RFC 7591 and 7592, say: but for the faults that a test gives it.

It shares no code with the gateway: signatures are verified by another library, and each rule is one line.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from bank_rules import AUDIENCE, KNOWN, METHODS, RULES, Asked, Claims, Refused, basic, members, parts
from joserfc import errors, jws
from joserfc.jwk import KeySet

from dcrgw.compliance.conformance import loading, phone, running
from dcrgw.compliance.conformance.pack import Pack
from dcrgw.compliance.conformance.phone import Phone
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.conformance.scene import Bank
from dcrgw.compliance.conformance.tester import BankTable, HookTable, Party, PartyTable, Tester
from dcrgw.testkit.certificates import CertificateAuthority
from dcrgw.testkit.keys import SigningKey
from dcrgw.testkit.statements import statement_claims

_WELL_KNOWN = "/.well-known/openid-configuration"
#: Who issues the certificates of both sides; making keys takes time.
AUTHORITY = CertificateAuthority.create("A CA")
SIGNED, PLAIN = "obuk-3.2", "rfc7591"


@dataclass
class Careful:
    """`faults` are names of rules that it forgets, or of things that it does otherwise."""

    faults: frozenset[str] = frozenset()
    #: JSON requests and registration access tokens, in place of signed requests and access tokens.
    plain: bool = False
    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    software: SigningKey = field(default_factory=lambda: SigningKey.generate("sig-1"))
    directory: SigningKey = field(default_factory=lambda: SigningKey.generate("dir-1"))
    base: str = ""
    #: Where requests that come at the same moment meet, so that a fault that is a race comes every time: the
    #: one that came first (0) goes on last.
    both: asyncio.Barrier = field(default_factory=lambda: asyncio.Barrier(2))

    def app(self) -> web.Application:
        app = web.Application(client_max_size=500_000)
        app.router.add_post("/register", self.register)
        app.router.add_post("/token", self.token)
        app.router.add_get(_WELL_KNOWN, self.discovery)
        app.router.add_get("/jwks", self.keys)
        app.router.add_route("*", "/register/{client_id}", self.manage)
        return app

    # ------------------------------------------------------------ the directory

    async def hook(self, request: web.Request) -> web.Response:
        order = await request.json()
        claims = {**statement_claims(at=time.time()), **order.get("claims", {})}
        claims = {name: value for name, value in claims.items() if value is not None}
        return web.json_response({"statement": self.directory.sign(claims)})

    # ------------------------------------------------------------ discovery

    async def discovery(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": "https://elsewhere.example" if "issuer" in self.faults else self.base,
                "token_endpoint": f"{self.base}/token",
                "registration_endpoint": f"{self.base}/register",
                "jwks_uri": f"{self.base}/jwks",
                "response_types_supported": ["code", "code id_token"],
                "grant_types_supported": ["client_credentials", "authorization_code", "refresh_token"],
                "token_endpoint_auth_methods_supported": list(METHODS),
                "id_token_signing_alg_values_supported": ["PS256"],
                "request_object_signing_alg_values_supported": ["PS256"],
                "scopes_supported": ["openid", "accounts", "payments"],
                "subject_types_supported": ["public"],
            }
        )

    async def keys(self, _: web.Request) -> web.Response:
        private = {"d": "c2VjcmV0"} if "private-keys" in self.faults else {}
        return web.json_response({"keys": [{**self.directory.public_jwk(), **private}]})

    # ------------------------------------------------------------ registration

    async def register(self, request: web.Request) -> web.Response:
        if not self._is_own_certificate(request):
            return web.json_response({"error": "invalid_client"}, status=401)
        try:
            asked = await self._asked(request)
            self._judge(asked, None)
        except Refused as refused:
            return self._refusal(str(refused))
        except web.HTTPException:
            raise
        except Exception:
            if "crashes" not in self.faults:
                raise
            return web.Response(status=500, text="Traceback (most recent call last)")
        if self.faults & {"register-races", "register-collides"}:
            first = await self.both.wait() == 0
            if not first and "register-collides" in self.faults:
                return web.Response(status=500, text="UNIQUE constraint failed")
        self.used.add(str(asked.claims.get("jti")))
        chosen = asked.claims.get("client_id") if "chosen-id" in self.faults else None
        client_id = chosen or secrets.token_hex(8)
        self.clients[client_id] = self._client(client_id, asked)
        told = dict(self.clients[client_id])
        if "statement-rewritten" in self.faults:
            told["software_statement"] = str(told.get("software_statement")) + "A"
        if "metadata-untold" in self.faults:
            told.pop("redirect_uris", None)
        headers = {} if "cached" in self.faults else {"Cache-Control": "no-store"}
        return web.json_response(told, status=200 if "status-200" in self.faults else 201, headers=headers)

    def _is_own_certificate(self, request: web.Request) -> bool:
        """There is one TPP that registers here."""
        assert request.transport is not None
        shown = request.transport.get_extra_info("peercert")
        if not shown:
            return "no-certificate" in self.faults
        names = {value for rdn in shown["subject"] for name, value in rdn if name == "commonName"}
        return names == {"software"} or "other-certificate" in self.faults

    def _refusal(self, code: str) -> web.Response:
        if "html-errors" in self.faults:
            return web.Response(status=400, text=f"<h1>{code}</h1>", content_type="text/html")
        if "own-codes" in self.faults:
            return web.json_response({"error": "ERR-4711"}, status=400)
        status = 200 if "errors-are-200" in self.faults else 400
        return web.json_response({"error": code}, status=status, headers={"Cache-Control": "no-store"})

    def _client(self, client_id: str, asked: Asked) -> dict[str, Any]:
        """What is registered, and told."""
        known = KNOWN | ({"client_secret"} if "chosen-secret" in self.faults else set())
        defaults = {"application_type": "web", "redirect_uris": asked.statement.get("software_redirect_uris", [])}
        asked_for = {name: value for name, value in asked.claims.items() if name.partition("#")[0] in known}
        method = {"token_endpoint_auth_method": METHODS[1], "grant_types": ["authorization_code"]}
        signed = {} if "no-precedence" in self.faults else {n: v for n, v in asked.statement.items() if n in known}
        metadata = {**defaults, **method, **asked_for, **signed}
        metadata.setdefault("response_types", ["code"] if "authorization_code" in metadata["grant_types"] else [])
        metadata.setdefault("scope", "openid")
        metadata["application_type"] = "web"
        made = {"client_id": client_id, "client_id_issued_at": int(time.time())}
        if "milliseconds" in self.faults:
            made["client_id_issued_at"] *= 1000
        if metadata.get("token_endpoint_auth_method", "").startswith("client_secret"):
            made |= {"client_secret": secrets.token_urlsafe(24)[:32]}
            made |= {} if "no-expiry" in self.faults else {"client_secret_expires_at": 0}
        if self.plain:
            token = secrets.token_urlsafe(24)
            self.tokens[token] = client_id
            made |= {"registration_access_token": token, "registration_client_uri": f"{self.base}/register/{client_id}"}
        names = ("software_id", "org_id", "software_roles")
        return {**{name: asked.statement[name] for name in names if name in asked.statement}, **metadata, **made}

    async def _asked(self, request: web.Request) -> Asked:
        """The request taken apart. Raises: Refused."""
        body = (await request.text()).strip(" ")
        allowed = ("application/json",) if self.plain else ("application/jose", "application/jwt")
        if request.content_type not in allowed and "media-type" not in self.faults:
            raise web.HTTPUnsupportedMediaType
        is_signed = not (self.plain or (body.startswith("{") and "form" in self.faults))
        header, claims = parts(body) if is_signed else ({}, members(body))
        statement = claims.get("software_statement")
        if statement is None and (self.plain or "statement-missing" in self.faults):
            return Asked(header, claims, {}, {}, is_signed, self.used)
        if not isinstance(statement, str):
            raise Refused("invalid_software_statement")
        said = parts(statement, "invalid_software_statement")
        self._verify(statement, self.directory, "statement", said[0], "invalid_software_statement")
        if is_signed:
            self._verify(body, self.software, "request", header, "invalid_client_metadata")
        return Asked(header, claims, *said, is_signed, self.used)

    def _verify(self, token: str, key: SigningKey, whose: str, header: Claims, code: str) -> None:
        """Raises: Refused."""
        if header.get("alg") == "none" and f"{whose}-alg-none" in self.faults:
            return
        if f"{whose}-signature" in self.faults:
            return
        if "crit" in header:
            if "crit" not in self.faults:
                raise Refused(code)
            return
        keys = KeySet.import_key_set({"keys": [key.public_jwk()]})
        algorithms = ["PS256", "ES256", *(["RS256"] if f"{whose}-alg" in self.faults else [])]
        if header.get("alg") == "RS256":
            keys = KeySet.import_key_set({"keys": [key.public_jwk(alg=None)]})
        try:
            jws.deserialize_compact(token, keys, algorithms=algorithms)
        except (errors.JoseError, ValueError, TypeError, AttributeError):
            raise Refused(code) from None

    def _judge(self, asked: Asked, current: dict[str, Any] | None) -> None:
        """Raises: Refused."""
        for fault, code, is_wrong in RULES:
            if fault not in self.faults and is_wrong(asked):
                raise Refused(code)
        named = asked.statement.get("software_id")
        is_other = current is not None and named not in (None, current.get("software_id"))
        if is_other and "other-software" not in self.faults:
            raise Refused("unapproved_software_statement")

    # ------------------------------------------------------------ tokens and management

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        claims = parts(str(form["client_assertion"]))[1] if "client_assertion" in form else {}
        client_id = str(form.get("client_id") or claims.get("sub") or "")
        if not client_id and request.headers.get("Authorization", "").startswith("Basic "):
            client_id = basic(request.headers["Authorization"])
        if client_id not in self.clients and "dead-get-tokens" not in self.faults:
            return web.json_response({"error": "invalid_client"}, status=401)
        token = secrets.token_urlsafe(24)
        self.tokens[token] = client_id
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": 300})

    async def manage(self, request: web.Request) -> web.Response:
        client_id = request.match_info["client_id"]
        if not self._may_manage(request, client_id):
            challenge = "Bearer" if "no-error-named" in self.faults else 'Bearer error="invalid_token"'
            headers = {} if "no-challenge" in self.faults else {"WWW-Authenticate": challenge}
            return web.json_response({"error": "invalid_token"}, status=self._no(client_id), headers=headers)
        match request.method:
            case "GET":
                headers = {} if "cached" in self.faults else {"Cache-Control": "no-store"}
                return web.json_response(self.clients.get(client_id, {"client_id": client_id}), headers=headers)
            case "PUT":
                return await self._update(request, client_id)
            case "DELETE":
                if "delete-collides" in self.faults and await self.both.wait():
                    return web.Response(status=500, text="KeyError")
                if "delete-half" in self.faults and await self.both.wait() == 0:
                    self.clients[client_id] = {"client_id": client_id}
                    self.tokens[request.headers["Authorization"].partition(" ")[2]] = client_id
                    return web.Response(status=204)
                if "undead" not in self.faults:
                    self.clients.pop(client_id, None)
                    self.tokens = {token: owner for token, owner in self.tokens.items() if owner != client_id}
                return web.Response(status=200 if "delete-200" in self.faults else 204)
        return web.Response(status=405, headers={"Allow": "GET, PUT, DELETE"})

    def _no(self, client_id: str) -> int:
        return 404 if "not-found" in self.faults and client_id not in self.clients else 401

    def _may_manage(self, request: web.Request, client_id: str) -> bool:
        if not self._is_own_certificate(request):
            return False
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if f"{request.method}-without-token" in self.faults and not token:
            return True
        if scheme.lower() != "bearer" and "any-scheme" not in self.faults:
            return False
        if "case-of-bearer" in self.faults and scheme != "Bearer":
            return False
        if "access_token" in request.query and "two-tokens" not in self.faults:
            return False
        owner = self.tokens.get(token)
        if owner is None:
            return "any-token" in self.faults and bool(token)
        if owner != client_id:
            if "tokens-live-on" not in self.faults:
                self.tokens.pop(token)
            return "foreign-token" in self.faults
        return client_id in self.clients or "undead" in self.faults

    async def _update(self, request: web.Request, client_id: str) -> web.Response:
        before = self.clients[client_id]
        try:
            asked = await self._asked(request)
            if "update-unjudged" not in self.faults:
                self._judge(asked, before)
            if asked.claims.get("client_id", client_id) != client_id and "any-client-id" not in self.faults:
                raise Refused("invalid_client_metadata")
            if self.plain and "client_id" not in asked.claims and "no-client-id" not in self.faults:
                raise Refused("invalid_client_metadata")
            if set(asked.claims) & _OF_THE_BANK and "sets-the-bank-s" not in self.faults:
                raise Refused("invalid_client_metadata")
            secret = asked.claims.get("client_secret", before.get("client_secret"))
            if secret != before.get("client_secret") and "chosen-secret" not in self.faults:
                raise Refused("invalid_client_metadata")
        except Refused as refused:
            if "half-an-update" in self.faults:
                before["redirect_uris"] = ["https://half.example/cb"]
            return self._refusal(str(refused))
        if "update-collides" in self.faults and await self.both.wait():
            return web.Response(status=500, text="database is locked")
        made = self._client(client_id, asked)
        if "update-loses" in self.faults and await self.both.wait() == 0:
            self.clients[client_id] = {**made, "redirect_uris": []}
            return web.json_response(made)
        kept = ("client_id_issued_at", "client_secret", "registration_access_token", "registration_client_uri")
        if "rotates" not in self.faults:
            self.tokens.pop(made.get("registration_access_token", ""), None)
            made |= {name: before[name] for name in kept if name in before}
        elif "rotates-wrongly" in self.faults:
            self.tokens.pop(made["registration_access_token"])
        if "merges" in self.faults:
            made = {**before, **made}
        if "sets-the-bank-s" in self.faults:
            made |= {name: asked.claims[name] for name in _OF_THE_BANK if name in asked.claims}
        if "tokens-end" in self.faults:
            self.tokens.clear()
        self.clients[client_id] = made
        return web.json_response(made, headers={"Cache-Control": "no-store"})


_OF_THE_BANK = {
    "registration_access_token",
    "registration_client_uri",
    "client_id_issued_at",
    "client_secret_expires_at",
}


@asynccontextmanager
async def tester_of(bank: Careful, folder: Path) -> AsyncIterator[Tester]:
    """The bank serving behind TLS, and a tester for it whose hook gives statements."""
    issued = [AUTHORITY.issue("obtransport", software_id=name, org_id="organisation") for name in ("software", "other")]
    files = {"ca.pem": AUTHORITY.certificate_pem, "s.key": bank.software.pem}
    for name, each in zip(("own", "other"), issued, strict=True):
        files |= {f"{name}.pem": each.chain_pem, f"{name}.key": each.key_pem}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    server = TestServer(bank.app(), scheme="https", host="127.0.0.1")
    await server.start_server(ssl=_context(folder))
    bank.base = str(server.make_url("")).rstrip("/")
    own, other = (PartyTable(certificate=folder / f"{n}.pem", key=folder / f"{n}.key") for n in ("own", "other"))
    more = {"signing_key": folder / "s.key", "kid": "sig-1", "scope": "openid accounts"}
    own = own.model_copy(update={**more, "software_id": str(statement_claims()["software_id"])})
    place = BankTable(well_known=f"{bank.base}{_WELL_KNOWN}", audience=AUDIENCE, server_ca=folder / "ca.pem")
    hook = web.Application()
    hook.router.add_post("/statements", bank.hook)
    try:
        async with TestServer(hook, host="127.0.0.1") as asked:
            yield Tester(Party(own, place), Party(other, place), HookTable(url=str(asked.make_url(""))))
    finally:
        await server.close()


def _context(folder: Path) -> ssl.SSLContext:
    served = AUTHORITY.issue_server("127.0.0.1", "localhost")
    (folder / "server.pem").write_bytes(served.chain_pem + served.key_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=AUTHORITY.certificate_pem.decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(folder / "server.pem")
    return context


@dataclass(frozen=True)
class Examined:
    """A bank that serves, and a tester on the phone with it."""

    bank: Careful
    pack: Pack
    known: Bank
    phone: Phone

    async def ran(self, *only: str, faults: tuple[str, ...] = ()) -> dict[str, Played]:
        """What came of the pack's cases, by their ids, while the bank has some faults."""
        self.bank.faults = frozenset(faults)
        self.bank.clients.clear()
        planned = running.plan(self.pack, self.known, only)
        return {each.id: each async for each in running.run(self.pack, self.known, planned, self.phone)}


@asynccontextmanager
async def examined(folder: Path, *, plain: bool) -> AsyncIterator[Examined]:
    """A bank without faults for now, of signed or of plain requests."""
    bank = Careful(plain=plain)
    async with tester_of(bank, folder) as tests, phone.phone(tests, timeout_s=60, pause_s=0) as opened:
        yield Examined(bank, loading.load(PLAIN if plain else SIGNED), await running.known(tests, opened), opened)
