"""One registration, as the methods of a client registration script see it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import NoReturn

from dcrgw.scripting.client import Client
from dcrgw.scripting.json_object import JsonObject
from dcrgw.scripting.members import copied_object
from dcrgw.scripting.refusal import REGISTRATION_CODES
from dcrgw.scripting.request import Jwt, RegisterRequest, Statement
from dcrgw.scripting.script_context import ScriptContext

_STATEMENT = "invalid_software_statement"
_METADATA = "invalid_client_metadata"
_REDIRECT = "invalid_redirect_uri"


class DynamicClientRegistrationContext(ScriptContext):
    """One registration. `identity` is who holds the client certificate, `market` where they register.

    A refusal carries one of invalid_redirect_uri, invalid_client_metadata, invalid_software_statement and
    unapproved_software_statement.

    The seeds' `validateSSA…` methods are here for scripts that call them: the gateway's own rules have passed all
    that they ask before the script runs. Each refuses like `reject` where its rule does not hold.
    """

    codes = REGISTRATION_CODES

    @cached_property
    def client(self) -> Client:
        """What will be stored; the one thing to change. In the other methods: the stored client, to read."""
        client_id = self._facts.get("client_id")
        return Client(str(client_id or ""), self.object_of("metadata"), self.object_of("attributes"))

    @property
    def touched_client(self) -> Client | None:
        """The client if the script ever asked for it; for the host."""
        return vars(self).get("client")

    @cached_property
    def register_request(self) -> RegisterRequest:
        """What was asked for."""
        return RegisterRequest(self.object_of("metadata"), self.object_of("request"))

    @cached_property
    def software_statement(self) -> Statement | None:
        """The statement; None where the market takes registrations without one. Verified in createClient and
        updateClient, not yet in getSoftwareStatementJwks and its like.
        """
        found = self.object_of("statement")
        return Statement(found) if found else None

    @cached_property
    def dcr(self) -> Jwt | None:
        """The signed request itself; None for a JSON body."""
        jws = self._facts.get("request_jws")
        if not isinstance(jws, str):
            return None
        return Jwt(jws, self.object_of("request"), verified=self._facts.get("request_verified") is True)

    @cached_property
    def evidence(self) -> Jwt | None:
        """The attestation evidence of the request, never verified by the gateway; None when there is none."""
        jws = self.object_of("request").get("evidence")
        return Jwt.unverified(jws) if isinstance(jws, str) else None

    def getRegisterRequest(self) -> RegisterRequest:
        """register_request."""
        return self.register_request

    def getRegisterRequestJson(self) -> JsonObject:
        """The request's claims as they arrived; a copy."""
        return JsonObject(copied_object(self.object_of("request")))

    def getClient(self) -> Client:
        """client."""
        return self.client

    def getSoftwareStatement(self) -> Statement | None:
        """software_statement."""
        return self.software_statement

    def getDcr(self) -> Jwt | None:
        """dcr."""
        return self.dcr

    def getEvidence(self) -> Jwt | None:
        """evidence."""
        return self.evidence

    def createStaleEvidenceWebApplicationException(self, nonce: str = "") -> None:
        """Declare that the attestation evidence is too old; the caller is told the `nonce` to attest anew with.

        Only four codes leave /register, so `stale_evidence` is said in the description of invalid_client_metadata.
        """
        told = f"stale_evidence: attest anew with the nonce {nonce}" if nonce else "stale_evidence: attest anew"
        self.createWebApplicationException(400, _METADATA, told)

    def validateSSA(self) -> None:
        """All of the following. A certificate that is no OBTransport names its holder in other ways, which the
        gateway's rules compare: then its CN and OU are not looked at.
        """
        self.validateSSANotNull()
        self.validateSSARedirectUri()
        self.validateSoftwareId()
        if self.identity is not None and self.identity.kind == "obtransport":
            self.validateCertSubjectHasCNAndOU()
            self.validateCNEqualsSoftwareId()
            self.validateOUEqualsOrgId()
        self.validateIssuer()

    def validateSSANotNull(self) -> None:
        """There is a verified statement."""
        if self.software_statement is None or not self.software_statement.verified:
            self._refuse(_STATEMENT, "the registration has no software statement")

    def validateSSARedirectUri(self, claim: str = "software_redirect_uris") -> None:
        """Every redirect URI is one of the statement's; without the claim there is nothing to compare."""
        signed = self._statement().claims
        if claim not in signed:
            return
        allowed = frozenset(signed.getClaimAsStringList(claim))
        for index, uri in enumerate(self.register_request.redirect_uris or ()):
            if uri not in allowed:
                self._refuse(_REDIRECT, f"redirect_uris[{index}] is not one of the software statement's")

    def validateSoftwareId(self) -> None:
        """The request's software_id, if it has one, is the statement's."""
        asked = self.object_of("request").get("software_id")
        if asked is not None and asked != self._statement().software_id:
            self._refuse(_METADATA, "software_id is not the software statement's")

    def validateCertSubjectHasCNAndOU(self) -> None:
        """The certificate names a CN and an OU."""
        self.validateCNIsNotBlank()
        self.validateOUIsNotBlank()

    def validateCNIsNotBlank(self) -> str:
        """The certificate's CN."""
        return self._named("CN", self.identity.common_name if self.identity else None)

    def validateOUIsNotBlank(self) -> str:
        """The certificate's OU."""
        return self._named("OU", self.identity.organizational_unit if self.identity else None)

    def validateCNEqualsSoftwareId(self) -> None:
        """The certificate's CN is the statement's software_id."""
        if self.validateCNIsNotBlank() != self._statement().software_id:
            self._refuse(_METADATA, "the certificate's CN is not the statement's software_id")

    def validateOUEqualsOrgId(self) -> None:
        """The certificate's OU is the statement's org_id."""
        if self.validateOUIsNotBlank() != self._statement().org_id:
            self._refuse(_METADATA, "the certificate's OU is not the statement's org_id")

    def validateIssuer(self, trusted: Iterable[str] = ()) -> None:
        """The statement comes from a configured directory, and its `iss` is one of `trusted` where any are given."""
        statement = self._statement()
        known = tuple(trusted)
        if statement.directory is None or (known and statement.claims.get("iss") not in known):
            self._refuse(_METADATA, "the statement's issuer is not trusted here")

    def _statement(self) -> Statement:
        self.validateSSANotNull()
        statement = self.software_statement
        assert statement is not None  # or the line above refused
        return statement

    def _named(self, name: str, value: str | None) -> str:
        if not (value or "").strip():
            self._refuse(_METADATA, f"the certificate has no {name}")
        return value or ""

    def _refuse(self, error: str, description: str) -> NoReturn:
        self.reject(error, description)
