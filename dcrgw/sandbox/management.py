"""The directory's management API: loopback HTTP, JSON in and out, every refusal a 4xx with a sentence."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from aiohttp import web
from cryptography import x509

from dcrgw.sandbox import calls
from dcrgw.sandbox.authorities import Authorities
from dcrgw.sandbox.parties import new_organisation, new_software
from dcrgw.sandbox.revocations import NotIssuedHere, Revocations
from dcrgw.sandbox.schemes import Scheme
from dcrgw.sandbox.statements import Naming, NoSuchKey, Order, WhichKey, mint
from dcrgw.sandbox.token import TokenService
from dcrgw.sandbox.traffic import Endpoint, Fault, Traffic
from dcrgw.sandbox.world import Organisation, Software, UnknownOrganisation, UnknownSoftware, World
from dcrgw.testkit.keys import SigningKey

Json = dict[str, Any]
R = TypeVar("R", Organisation, Software)
#: A report by its id, or the last one for None; None when there is none.
Reports = Callable[[str | None], Json | None]

#: Room for tokens and key sets that are too large on purpose.
LARGEST_BODY = 16 * 1024 * 1024

#: Answered by GET /; docs/sandbox.md has an example of each.
API = {
    "POST /statements": "mint a software statement, right or wrong",
    "POST /certificates": "issue a certificate, right or wrong",
    "POST /certificates/revoke": "take a certificate back",
    "POST /organisations": "enter an organisation",
    "PATCH /organisations/{id}": "change its status, or the roles that its regulator allows",
    "POST /software": "enter a software product",
    "PATCH /software/{id}": "change active, roles, mode, redirect_uris",
    "PUT /software/{id}/jwks": "publish any bytes as its key set",
    "POST /keys/rotate": "let a new key sign for the directory or a software",
    "PUT /faults/{jwks|software-jwks|revoked-jwks|token|scim|list|crl|ocsp}": "make an endpoint misbehave",
    "GET /requests": "what arrived at the directory",
    "GET /reports/last": "the gateway's newest report",
    "GET /reports/{id}": "one of its recent reports",
    "POST /reset": "back to the state at start",
}


@dataclass(frozen=True, slots=True)
class Office:
    """One directory as it is managed: its world, its authorities, what arrives there."""

    scheme: Scheme
    world: World
    traffic: Traffic
    authorities: Authorities
    revocations: Revocations
    #: Base URL of the key sets, no trailing slash.
    keystore: str
    default_software_id: str


@dataclass(slots=True)
class Management:
    """Changes worlds by HTTP. `markets` says whose statements each market takes and how they name their claims; the
    first is the default.
    """

    markets: Mapping[str, tuple[Office, Naming]]
    tokens: TokenService
    reports: Reports
    now: Callable[[], float] = time.time

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(middlewares=[_as_json], client_max_size=LARGEST_BODY)
        app.router.add_get("/", self._describe)
        app.router.add_post("/statements", self._mint)
        app.router.add_post("/certificates", self._issue)
        app.router.add_post("/certificates/revoke", self._revoke)
        app.router.add_post("/organisations", self._add_organisation)
        app.router.add_patch("/organisations/{id}", self._change_organisation)
        app.router.add_post("/software", self._add_software)
        app.router.add_patch("/software/{id}", self._change_software)
        app.router.add_put("/software/{id}/jwks", self._publish)
        app.router.add_post("/keys/rotate", self._rotate)
        app.router.add_put("/faults/{endpoint}", self._switch)
        app.router.add_get("/requests", self._requests)
        app.router.add_get("/reports/{id}", self._report)
        app.router.add_post("/reset", self._reset)
        return app

    async def _describe(self, _request: web.Request) -> web.Response:
        return web.json_response({"note": "a sandbox, not for production", "calls": API})

    async def _mint(self, request: web.Request) -> web.Response:
        call = await calls.read(request, calls.MintStatement)
        office, naming = self._market(call.market)
        order = Order(
            software_id=call.software_id or office.default_software_id,
            naming=naming,
            claims=call.claims,
            header=call.header,
            key=WhichKey(call.key),
            raw=calls.octets("raw", call.raw),
            raw_header=calls.octets("raw_header", call.raw_header),
        )
        minted = mint(office.world, order, keystore=office.keystore, at=self.now())
        return web.json_response({"statement": minted.statement, "claims": minted.claims})

    async def _issue(self, request: web.Request) -> web.Response:
        call = await calls.read(request, calls.IssueCertificate)
        office = self._office(call.market, software_id=call.software_id)
        software = office.world.software_of(call.software_id or office.default_software_id)
        organisation = office.world.organisation(software.org_id)
        try:
            issued = await asyncio.to_thread(
                office.authorities.issue,
                call.kind,
                software,
                organisation,
                foreign=call.issuer == "foreign",
                subject=call.subject,
                not_before=calls.instant("not_before", call.not_before),
                not_after=calls.instant("not_after", call.not_after),
                eku=call.eku,
                ca=call.ca,
                key_type=call.key_type,
            )
        except (ValueError, OverflowError, TypeError) as error:
            raise calls.Refused(f"no certificate can be made of this: {error}") from error
        return web.json_response(
            {
                "certificate": issued.certificate_pem.decode(),
                "key": issued.key_pem.decode(),
                # The intermediates alone: certificate + chain is what a client shows.
                "chain": issued.chain_pem.removeprefix(issued.certificate_pem).decode(),
            }
        )

    async def _revoke(self, request: web.Request) -> web.Response:
        call = await calls.read(request, calls.RevokeCertificate)
        try:
            certificate = x509.load_pem_x509_certificate(call.certificate.encode())
            if call.at == "authority":
                self._take_back(certificate, call.reason)
            else:
                office = self._office(software_id=call.software_id)
                software = office.world.software_of(call.software_id or office.default_software_id)
                known = (*software.revoked_certificates, certificate)
                office.world.put_software(replace(software, revoked_certificates=known))
        except ValueError as error:
            raise calls.Refused("certificate is no PEM certificate") from error
        except NotIssuedHere as error:
            raise calls.Refused("no authority of this sandbox issued the certificate") from error
        return web.json_response({"serial_number": hex(certificate.serial_number), "reason": call.reason})

    async def _add_organisation(self, request: web.Request) -> web.Response:
        call = await calls.read(request, calls.AddOrganisation)
        office = self._office(call.market)
        organisation = new_organisation(office.scheme, office.world, call.org_name)
        organisation = office.world.put_organisation(_changed(organisation, {"roles": _tuple(call.roles)}))
        return web.json_response(_organisation(organisation))

    async def _change_organisation(self, request: web.Request) -> web.Response:
        call = await calls.read(request, calls.ChangeOrganisation)
        org_id = request.match_info["id"]
        world = self._office(org_id=org_id).world
        organisation = world.organisation(org_id)
        changes: Json = {"status": call.status, "roles": _tuple(call.roles)}
        changed = world.put_organisation(_changed(organisation, changes))
        return web.json_response(_organisation(changed))

    async def _add_software(self, request: web.Request) -> web.Response:
        call = await calls.read(request, calls.AddSoftware)
        office = self._office(org_id=call.org_id)
        organisation = office.world.organisation(call.org_id)
        key = await asyncio.to_thread(SigningKey.generate, "sig-1")
        name = call.software_client_name or "Example Accounts"
        software = new_software(office.scheme, office.world, organisation, key, name)
        changes = {
            "roles": _tuple(call.roles),
            "redirect_uris": _tuple(call.redirect_uris),
        }
        software = office.world.put_software(_changed(software, changes))
        body = {**_software(software), "signing_key": key.pem.decode(), "kid": key.kid}
        return web.json_response(body)

    async def _change_software(self, request: web.Request) -> web.Response:
        call = await calls.read(request, calls.ChangeSoftware)
        world, software = self._software(request.match_info["id"])
        changes = {
            "active": call.active,
            "mode": call.mode,
            "roles": _tuple(call.roles),
            "redirect_uris": _tuple(call.redirect_uris),
        }
        return web.json_response(_software(world.put_software(_changed(software, changes))))

    async def _publish(self, request: web.Request) -> web.Response:
        call = await calls.read(request, calls.PublishKeySet)
        world, software = self._software(request.match_info["id"])
        document = calls.octets("raw", call.raw)
        if document is None and call.document is not None:
            text = call.document if isinstance(call.document, str) else json.dumps(call.document)
            document = text.encode("utf-8", "surrogatepass")
        world.put_software(replace(software, document=document))
        return web.json_response({"software_id": software.software_id, "bytes": len(document or b"")})

    async def _rotate(self, request: web.Request) -> web.Response:
        call = await calls.read(request, calls.RotateKeys)
        office = self._office(call.market, software_id=call.software_id)
        world = office.world
        if call.of == "directory":
            new = await asyncio.to_thread(_successor, world.keys.current)
            world.rotate_directory(new, keep_old=call.keep_old)
            return web.json_response({"kid": new.kid})
        software = world.software_of(call.software_id or office.default_software_id)
        new = await asyncio.to_thread(_successor, software.keys.current)
        world.rotate_software(software.software_id, new, keep_old=call.keep_old)
        return web.json_response({"kid": new.kid, "signing_key": new.pem.decode()})

    async def _switch(self, request: web.Request) -> web.Response:
        try:
            endpoint = Endpoint(request.match_info["endpoint"])
        except ValueError:
            raise calls.Refused(f"the endpoint is one of {', '.join(Endpoint)}", 404) from None
        call = await calls.read(request, calls.SwitchFault)
        fault = Fault(call.mode, count=call.count)
        if call.delay_s is not None:
            fault = replace(fault, delay_s=call.delay_s)
        self._office(call.market).traffic.switch(endpoint, fault)
        return web.json_response(
            {"endpoint": endpoint, "mode": fault.mode, "delay_s": fault.delay_s, "count": fault.count}
        )

    async def _requests(self, request: web.Request) -> web.Response:
        arrived = self._office(request.query.get("market")).traffic.arrivals
        arrivals = [{"endpoint": each.endpoint, "path": each.path, "at": each.at} for each in arrived]
        return web.json_response({"requests": arrivals})

    async def _report(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        report = self.reports(None if wanted == "last" else wanted)
        if report is None:
            raise calls.Refused("the gateway remembers no such report", 404)
        return web.json_response(report)

    async def _reset(self, _request: web.Request) -> web.Response:
        for office in self._offices():
            office.world.reset()
            office.traffic.reset()
            office.revocations.reset()
        self.tokens.reset()
        return web.json_response({"reset": True})

    def _market(self, name: str | None) -> tuple[Office, Naming]:
        """A market's directory and naming; the first market's for None. Raises: Refused."""
        chosen = name or next(iter(self.markets))
        if chosen not in self.markets:
            raise calls.Refused(f"market is one of {', '.join(self.markets)}")
        return self.markets[chosen]

    def _offices(self) -> list[Office]:
        """Each directory once, the first market's first."""
        found: list[Office] = []
        for office, _ in self.markets.values():
            if not any(office is each for each in found):
                found.append(office)
        return found

    def _office(self, market: str | None = None, *, org_id: str = "", software_id: str | None = None) -> Office:
        """A market's directory; without one, that which knows the organisation or the software, else the first."""
        if market is None:
            for office in self._offices():
                if org_id in office.world.organisations or software_id in office.world.software:
                    return office
        return self._market(market)[0]

    def _software(self, software_id: str) -> tuple[World, Software]:
        world = self._office(software_id=software_id).world
        return world, world.software_of(software_id)

    def _take_back(self, certificate: x509.Certificate, reason: str) -> None:
        """Let its authority take a certificate back, whichever it is. Raises: NotIssuedHere."""
        for office in self._offices():
            with suppress(NotIssuedHere):
                office.revocations.revoke(certificate, reason)
                return
        raise NotIssuedHere


@web.middleware
async def _as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every refusal as JSON with a sentence."""
    try:
        return await handler(request)
    except calls.Refused as refused:
        return web.json_response({"error": str(refused)}, status=refused.status)
    except UnknownOrganisation:
        return web.json_response({"error": "the directory knows no such organisation"}, status=404)
    except UnknownSoftware:
        return web.json_response({"error": "the directory knows no such software"}, status=404)
    except NoSuchKey as error:
        return web.json_response({"error": str(error)}, status=409)
    except web.HTTPException as error:
        sentence = "GET / lists the calls" if error.status in (404, 405) else error.reason
        return web.json_response({"error": sentence}, status=error.status)


def _successor(key: SigningKey) -> SigningKey:
    """A new key of the same sort: dir-2 after dir-1."""
    stem, _, number = key.kid.rpartition("-")
    return SigningKey.generate(f"{stem}-{int(number) + 1}", key.alg)


def _changed(record: R, changes: Json) -> R:
    return replace(record, **{name: value for name, value in changes.items() if value is not None})


def _tuple(texts: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if texts is None else tuple(texts)


def _organisation(organisation: Organisation) -> Json:
    return {
        "org_id": organisation.org_id,
        "org_name": organisation.org_name,
        "roles": list(organisation.roles),
        "status": organisation.status,
    }


def _software(software: Software) -> Json:
    return {
        "software_id": software.software_id,
        "org_id": software.org_id,
        "software_client_name": software.client_name,
        "roles": list(software.roles),
        "redirect_uris": list(software.redirect_uris),
        "mode": software.mode,
        "active": software.active,
    }
