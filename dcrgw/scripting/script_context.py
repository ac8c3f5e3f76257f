"""What every call shows to a script: its properties, the caller, capabilities, and the ways to say no.

Everything here is the call's own copy, built from plain JSON: nothing that a script changes reaches another call,
and its changes reach the gateway as values only, which judges them by its rules again.

Python attributes are the API; the Java-style methods are thin aliases, so that scripts written for
Janssen and Gluu need few changes.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from dcrgw.core.strict_json import JsonValue
from dcrgw.scripting.certificates import Identity, certificate_of, pem_of
from dcrgw.scripting.http_request import HttpRequest
from dcrgw.scripting.properties import ConfigurationAttributes
from dcrgw.scripting.questions import Capabilities, DirectoryCapability, HttpCapability, KeySetsCapability
from dcrgw.scripting.refusal import Rejection, refusal, refusal_of_entity

if TYPE_CHECKING:
    from cryptography import x509

#: What the seeds' contexts had and this gateway does not, and what to do instead.
_ABSENT = {
    "getPersistenceEntryManager": "there is no LDAP here: set context.client",
    "persistenceEntryManager": "there is no LDAP here: set context.client",
    "getHttpResponse": "the gateway writes the answer: refuse with context.reject, change it in modify...Response",
    "getErrorResponseFactory": "use context.reject(error, description)",
}


@dataclass(frozen=True, slots=True)
class CustomScript:
    """The script's own entry, as `init` is told of it and `context.script` says it."""

    name: str
    type: str
    level: int = 1
    inum: str = ""
    revision: int = 1
    description: str = ""

    def getName(self) -> str:
        """name."""
        return self.name

    def getLevel(self) -> int:
        """level."""
        return self.level

    def getInum(self) -> str:
        """inum."""
        return self.inum

    def getRevision(self) -> int:
        """revision."""
        return self.revision

    def getScriptType(self) -> str:
        """type."""
        return self.type

    def getDescription(self) -> str:
        """description."""
        return self.description

    def getCustomScript(self) -> CustomScript:
        """Itself: the seeds' getScript().getCustomScript()."""
        return self


class ScriptContext:
    """What every call has: properties, the HTTP request, capabilities, and the ways to say no."""

    #: The codes that a refusal may carry; empty: any.
    codes: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        facts: Mapping[str, JsonValue],
        properties: Mapping[str, str],
        ask: Capabilities,
        script: CustomScript | None = None,
    ) -> None:
        self._facts, self._properties, self._ask = facts, properties, ask
        #: The script's own entry.
        self.script = script
        #: The refusal that the script declared, if any: it holds even when the method then returns True.
        self.refusal: Mapping[str, JsonValue] | None = None

    @property
    def market(self) -> str:
        """The market's name."""
        return str(self._facts.get("market") or "")

    @property
    def operation(self) -> str:
        """What the gateway is doing: create, update, read, token …"""
        return str(self._facts.get("operation") or "")

    @cached_property
    def http_request(self) -> HttpRequest:
        """The HTTP request, without body and secrets."""
        return HttpRequest(self.object_of("http"))

    @cached_property
    def configuration_attributes(self) -> ConfigurationAttributes:
        """The script's properties, with `certProperty`: the PEM of this very caller's certificate, if there is one."""
        der = self._facts.get("certificate")
        return ConfigurationAttributes(self._properties, pem_of(der) if isinstance(der, str) else None)

    @cached_property
    def identity(self) -> Identity | None:
        """The caller's certificate, read and judged: `common_name`, `organization_identifier` and so on."""
        found = self._facts.get("identity")
        return Identity.of(found) if isinstance(found, dict) else None

    @cached_property
    def certificate(self) -> x509.Certificate | None:
        """The caller's certificate itself."""
        der = self._facts.get("certificate")
        return certificate_of(base64.b64decode(der)) if isinstance(der, str) else None

    @cached_property
    def directory(self) -> DirectoryCapability:
        """Ask the directory."""
        of = self.object_of("software")
        directory, software_id, org_id = (_text(of.get(name)) for name in ("directory", "software_id", "org_id"))
        return DirectoryCapability(self._ask, directory, software_id, org_id)

    @cached_property
    def keysets(self) -> KeySetsCapability:
        """Read a key set."""
        return KeySetsCapability(self._ask, _text(self.object_of("software").get("directory")))

    @cached_property
    def http(self) -> HttpCapability:
        """Read an https URL."""
        return HttpCapability(self._ask)

    def reject(self, error: str = "", description: str = "", status: int = 400) -> NoReturn:
        """Refuse, and end the method. The caller reads `error` and `description`; what is empty is the gateway's."""
        self.refusal = refusal(error, description, status, codes=self.codes)
        raise Rejection(self.refusal)

    def object_of(self, name: str) -> dict[str, JsonValue]:
        """An object among the call's facts, empty where there is none; for the contexts."""
        value = self._facts.get(name)
        return value if isinstance(value, dict) else {}

    def createWebApplicationException(self, status: int, entity: Any, description: str = "") -> None:
        """Declare a refusal without ending the method: it holds whatever the method returns.

        `entity` is an OAuth error object or its JSON text; with a `description` it is the error code alone.
        """
        self.refusal = (
            refusal(entity, description, status, codes=self.codes)
            if description
            else refusal_of_entity(status, entity, codes=self.codes)
        )

    def throwWebApplicationException(self, message: str, error: str = "") -> NoReturn:
        """`reject` in the seeds' order of arguments."""
        self.reject(error, message)

    def throwWebApplicationExceptionIfSet(self) -> None:
        """End the method where a refusal was declared."""
        if self.refusal is not None:
            raise Rejection(self.refusal)

    def getWebApplicationException(self) -> Mapping[str, JsonValue] | None:
        """The refusal declared so far."""
        return self.refusal

    def getHttpRequest(self) -> HttpRequest:
        """http_request."""
        return self.http_request

    def getIpAddress(self) -> str | None:
        """The caller's address."""
        return self.http_request.remote_address

    def isInNetwork(self, cidr: str) -> bool:
        """Whether the caller's address is in a network such as 10.0.0.0/8; an unknown address is in none."""
        return self.http_request.is_in_network(cidr)

    def getScript(self) -> CustomScript | None:
        """script."""
        return self.script

    def getCertificate(self) -> x509.Certificate | None:
        """certificate."""
        return self.certificate

    def getConfigurationAttributes(self) -> ConfigurationAttributes:
        """configuration_attributes."""
        return self.configuration_attributes

    #: Spelled so in Janssen.
    getConfigurationAttibutes = getConfigurationAttributes

    def __getattr__(self, name: str) -> Any:
        advice = _ABSENT.get(name)
        raise AttributeError(f"{name}: {advice}" if advice else f"the context has no {name}")


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
