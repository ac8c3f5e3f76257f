"""What the sandbox's authorities say about certificates that they took back: lists, and an OCSP responder.

Plain HTTP on loopback, as authorities publish: what is had here is signed.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable
from functools import cached_property
from urllib.parse import unquote

from aiohttp import web
from cryptography import x509
from cryptography.x509 import ocsp

from dcrgw.sandbox.authorities import Authorities
from dcrgw.sandbox.traffic import Endpoint, Traffic, faulty
from dcrgw.testkit.certificates import CertificateAuthority, Issued
from dcrgw.testkit.revocation import answer, no_answer, responder, revocation_list

#: Long enough that a run needs no other, short enough that a kept one shows its age.
LIFE_S = 300.0
LIST_TYPE, ANSWER_TYPE = "application/pkix-crl", "application/ocsp-response"


class NotIssuedHere(LookupError):
    """No authority of the sandbox signed that certificate."""


class Revocations:
    """Serves the lists of the root and of the issuing CA, and answers about what they issued."""

    def __init__(self, traffic: Traffic, authorities: Authorities, *, now: Callable[[], float] = time.time) -> None:
        self._traffic = traffic
        self._authorities = authorities
        self._now = now
        #: Authority's name -> serial number -> reason.
        self._revoked: dict[str, dict[int, str]] = {name: {} for name in authorities.published}
        self._number = 0

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.router.add_get("/{authority}.crl", faulty(self._traffic, Endpoint.CRL, self._list, self._now))
        app.router.add_post("/ocsp", faulty(self._traffic, Endpoint.OCSP, self._asked_by_post, self._now))
        app.router.add_get("/ocsp/{question:.+}", faulty(self._traffic, Endpoint.OCSP, self._asked_by_get, self._now))
        return app

    def revoke(self, certificate: x509.Certificate, reason: str) -> None:
        """Take a certificate back. Raises: NotIssuedHere."""
        name, _ = self._issuer_of(certificate)
        self._revoked[name][certificate.serial_number] = reason

    def reset(self) -> None:
        """Every certificate counts again."""
        for serial_numbers in self._revoked.values():
            serial_numbers.clear()

    async def _list(self, request: web.Request) -> web.Response:
        name = request.match_info["authority"]
        authority = self._authorities.published.get(name)
        if authority is None:
            raise web.HTTPNotFound
        self._number += 1
        revoked: dict[int, str | None] = dict(self._revoked[name])
        der = revocation_list(authority, revoked, at=self._now(), life_s=LIFE_S, number=self._number)
        return web.Response(body=der, content_type=LIST_TYPE)

    async def _asked_by_post(self, request: web.Request) -> web.Response:
        return self._answer(await request.read())

    async def _asked_by_get(self, request: web.Request) -> web.Response:
        asked = unquote(request.raw_path.partition("/ocsp/")[2])
        try:
            return self._answer(base64.b64decode(asked, validate=True))
        except binascii.Error:
            return web.Response(body=no_answer("MALFORMED_REQUEST"), content_type=ANSWER_TYPE)

    def _answer(self, question: bytes) -> web.Response:
        return web.Response(body=self._answered(question), content_type=ANSWER_TYPE)

    def _answered(self, question: bytes) -> bytes:
        try:
            asked = ocsp.load_der_ocsp_request(question)
        except ValueError:
            return no_answer("MALFORMED_REQUEST")
        for name, authority in self._authorities.published.items():
            own = ocsp.OCSPRequestBuilder().add_certificate(
                authority.certificate, authority.certificate, asked.hash_algorithm
            )
            if own.build().issuer_key_hash == asked.issuer_key_hash:
                return self._about(asked, name, authority)
        return no_answer("UNAUTHORIZED")

    def _about(self, asked: ocsp.OCSPRequest, name: str, authority: CertificateAuthority) -> bytes:
        reason = self._revoked[name].get(asked.serial_number)
        known = "good" if asked.serial_number in self._authorities.issued else "unknown"
        return answer(
            asked,
            authority,
            known if reason is None else "revoked",
            at=self._now(),
            life_s=LIFE_S,
            signer=self._responders[name],
            nonce=_nonce(asked),
            reason=reason,
        )

    @cached_property
    def _responders(self) -> dict[str, Issued]:
        return {name: responder(authority) for name, authority in self._authorities.published.items()}

    def _issuer_of(self, certificate: x509.Certificate) -> tuple[str, CertificateAuthority]:
        for name, authority in self._authorities.published.items():
            try:
                certificate.verify_directly_issued_by(authority.certificate)
            except Exception:  # noqa: S112 - another authority's, or none's
                continue
            return name, authority
        raise NotIssuedHere


def _nonce(asked: ocsp.OCSPRequest) -> bytes | None:
    try:
        return asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return None
