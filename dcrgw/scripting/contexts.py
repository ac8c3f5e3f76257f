"""What a script gets to see of one request, and what it may change.

Everything here is the call's own copy: nothing that a script changes reaches another call, and of its
changes only those to `context.client` reach the gateway, which judges them by its rules again.

Python attributes are the API; the Java-style methods are thin aliases, so that scripts written for
Janssen and Gluu need few changes.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NoReturn

from cryptography import x509
from cryptography.x509.oid import NameOID

from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.ports.scripts import Refusal, ScriptCall
from dcrgw.scripting.client import Client
from dcrgw.scripting.properties import ConfigurationAttributes
from dcrgw.scripting.refusal import Rejection, refusal, refusal_of_entity
from dcrgw.scripting.request import RegisterRequest, Statement


class CertUtils:
    """The seeds' certificate helpers. Of a call, `context.identity` holds the same and more, already judged."""

    @staticmethod
    def x509CertificateFromPem(pem: str) -> x509.Certificate:
        """The certificate of a PEM text."""
        return x509.load_pem_x509_certificate(pem.encode())

    @staticmethod
    def getCN(certificate: x509.Certificate) -> str:
        """The first common name of the subject, empty when there is none."""
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(names[0].value) if names else ""


class DynamicClientRegistrationContext:
    """One registration, as createClient and updateClient see it.

    `identity` is who holds the client certificate, `market` where they register.
    """

    def __init__(self, call: ScriptCall, properties: Mapping[str, str]) -> None:
        self._call = call
        self._properties = properties
        #: The refusal that the script declared, if any: it holds even when the method then returns True.
        self.refusal: Refusal | None = None

    @property
    def market(self) -> str:
        """The market's name."""
        return self._call.market

    @property
    def identity(self) -> ClientIdentity:
        """The caller's certificate, read and judged: `common_name`, `organization_identifier` and so on."""
        return self._call.identity

    @cached_property
    def client(self) -> Client:
        """What will be stored; the one thing to change."""
        return Client(self._call.client_id, self._call.metadata, self._call.attributes)

    @property
    def touched_client(self) -> Client | None:
        """The client if the script ever asked for it; for the host."""
        return vars(self).get("client")

    @cached_property
    def register_request(self) -> RegisterRequest:
        """What was asked for."""
        return RegisterRequest(self._call.metadata, self._call.request_claims)

    @cached_property
    def software_statement(self) -> Statement | None:
        """The verified statement; None where the market takes registrations without one."""
        return Statement(self._call.statement) if self._call.statement else None

    @cached_property
    def certificate(self) -> x509.Certificate:
        """The caller's certificate itself."""
        return x509.load_der_x509_certificate(self._call.certificate)

    @cached_property
    def configuration_attributes(self) -> ConfigurationAttributes:
        """The script's properties, with `certProperty`: the PEM of this very caller's certificate."""
        return ConfigurationAttributes(self._properties, ssl.DER_cert_to_PEM_cert(self._call.certificate))

    def reject(self, error: str = "", description: str = "", status: int = 400) -> NoReturn:
        """Refuse the registration and end the method.

        `error` is one of invalid_redirect_uri, invalid_client_metadata, invalid_software_statement and
        unapproved_software_statement; the caller reads `description`.
        """
        self.refusal = refusal(error, description, status)
        raise Rejection(self.refusal)

    def createWebApplicationException(self, status: int, entity: Any, description: str = "") -> None:
        """Declare a refusal without ending the method: it holds whatever the method returns.

        `entity` is an OAuth error object or its JSON text; with a `description` it is the error code alone.
        """
        self.refusal = refusal(entity, description, status) if description else refusal_of_entity(status, entity)

    def throwWebApplicationException(self, message: str, error: str = "") -> NoReturn:
        """`reject` in the seeds' order of arguments."""
        self.reject(error, message)

    def getRegisterRequest(self) -> RegisterRequest:
        """register_request."""
        return self.register_request

    def getClient(self) -> Client:
        """client."""
        return self.client

    def getSoftwareStatement(self) -> Statement | None:
        """software_statement."""
        return self.software_statement

    def getCertificate(self) -> x509.Certificate:
        """certificate."""
        return self.certificate

    def getConfigurationAttributes(self) -> ConfigurationAttributes:
        """configuration_attributes."""
        return self.configuration_attributes

    #: Spelled so in Janssen.
    getConfigurationAttibutes = getConfigurationAttributes
