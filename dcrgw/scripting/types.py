"""The kinds of script there are. An author subclasses the base class of the kind.

from dcrgw.scripting.types import ClientRegistrationType

class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes): ...
    def createClient(self, context): ...
    def updateClient(self, context): ...
    def destroy(self, configurationAttributes): ...

Every method may be `def` or `async def`, except those of a script's life (init, destroy, getApiVersion). Which
methods a kind has, in which forms and since when, is the table in `dcrgw.core.scripts.types`, docs/script-types.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dcrgw.scripting.contexts import AuthzDetailContext, IntrospectionContext, JsonObject

__all__ = [
    "ApplicationSessionType",
    "AuthzDetailType",
    "BaseScript",
    "CacheRefreshType",
    "ClientRegistrationType",
    "ConsentGatheringType",
    "DynamicScopeType",
    "IdGeneratorType",
    "IntrospectionType",
    "PersonAuthenticationType",
    "ResourceOwnerPasswordCredentialsType",
    "ScimType",
    "UmaClaimsGatheringType",
    "UmaRptClaimsType",
    "UmaRptPolicyType",
    "UpdateUserType",
    "UserRegistrationType",
]


class BaseScript:
    """What every script has. `currentTimeMillis` is the time of loading, epoch milliseconds.

    One instance serves many calls, inline several at a time: what belongs to a call stays in local variables.
    """

    def __init__(self, currentTimeMillis: int) -> None:
        self.currentTimeMillis = currentTimeMillis

    def init(self, *arguments: Any) -> bool:
        """Called once at loading: `(customScript, configurationAttributes)`, or `(configurationAttributes)` alone
        where `getApiVersion` says 10 or less. Anything but True, and the script does not serve.
        """
        raise NotImplementedError

    def destroy(self, configurationAttributes: Any) -> bool:
        """Called once before the script is put away."""
        raise NotImplementedError

    def getApiVersion(self, *arguments: Any) -> int:
        """Which generation of the scripting API the script speaks."""
        return 11


class ClientRegistrationType(BaseScript):
    """Intercepts registrations, after every built-in check has passed.

    createClient and updateClient take `(context)` or `(registerRequest, client, configurationAttributes)`; `context`
    is a `DynamicClientRegistrationContext`. True lets the registration go on, False refuses it; anything else, and
    any exception, is a fault of the script and is answered 500.
    """

    def createClient(self, *arguments: Any) -> Any:
        """A client is about to be registered."""
        raise NotImplementedError

    def updateClient(self, *arguments: Any) -> Any:
        """A client is about to be replaced by a new state."""
        raise NotImplementedError

    def getSoftwareStatementJwks(self, context: Any) -> Any:
        """The keys of which one must have signed the statement: a JWK Set, or its text."""
        raise NotImplementedError

    def getSoftwareStatementHmacSecret(self, context: Any) -> Any:
        """The secret that proves the statement."""
        raise NotImplementedError

    def getDcrJwks(self, context: Any) -> Any:
        """The keys of which one must have signed the request."""
        raise NotImplementedError

    def getDcrHmacSecret(self, context: Any) -> Any:
        """The secret that proves the request."""
        raise NotImplementedError

    def isCertValidForClient(self, cert: Any, context: Any) -> Any:
        """Whether a certificate whose subject is not the stored one is this client's all the same."""
        raise NotImplementedError

    def modifyPostResponse(self, responseAsJsonObject: JsonObject, executionContext: Any) -> Any:
        """Change the answer to a registration."""
        raise NotImplementedError

    def modifyPutResponse(self, responseAsJsonObject: JsonObject, executionContext: Any) -> Any:
        """Change the answer to an update."""
        raise NotImplementedError

    def modifyReadResponse(self, responseAsJsonObject: JsonObject, executionContext: Any) -> Any:
        """Change the answer to a read."""
        raise NotImplementedError


class IdGeneratorType(BaseScript):
    """Chooses ids."""

    def generateId(self, appId: str, idType: str, idPrefix: str, configurationAttributes: Any) -> Any:
        """The id; None or a blank text leaves it to the gateway."""
        raise NotImplementedError


class IntrospectionType(BaseScript):
    """Changes the answer of the introspection endpoint, and with it JWT access tokens."""

    def modifyResponse(self, responseAsJsonObject: JsonObject, context: IntrospectionContext) -> Any:
        """True: the changed JSON is the answer."""
        raise NotImplementedError


class AuthzDetailType(BaseScript):
    """Judges one element of authorization_details, of the type that the property `type`, or else the name, says.

    A schema beside the script, or in its property `schema`, is asked first.
    """

    def validateDetail(self, context: AuthzDetailContext) -> Any:
        """Whether the element is valid."""
        raise NotImplementedError

    def getUiRepresentation(self, context: AuthzDetailContext) -> Any:
        """The element in words for the consent page."""
        raise NotImplementedError

    def narrowsDetail(self, context: AuthzDetailContext) -> Any:
        """Whether the element asks for no more than `context.granted`, another of its type."""
        raise NotImplementedError


class _Uncalled(BaseScript):
    """Kinds without a caller in this version. Their methods are in the table, and are judged at loading alike."""


class PersonAuthenticationType(_Uncalled):
    """Authenticates a person in one or more steps; the script's name is the acr value."""


class ConsentGatheringType(_Uncalled):
    """Asks a person for consent in one or more steps."""


class UpdateUserType(_Uncalled):
    """Changes a person's entry before and after an administrator's edit is stored."""


class UserRegistrationType(_Uncalled):
    """Shapes and judges a person's own sign-up."""


class DynamicScopeType(_Uncalled):
    """Adds claims for a scope that is bound to the script."""


class CacheRefreshType(_Uncalled):
    """Changes people's entries while they are copied from a bank's directory."""


class UmaRptPolicyType(_Uncalled):
    """Grants or denies an UMA scope."""


class UmaRptClaimsType(_Uncalled):
    """Changes the content of a requesting party token."""


class UmaClaimsGatheringType(_Uncalled):
    """Gathers the claims that an UMA policy needs."""


class ApplicationSessionType(_Uncalled):
    """Hears of sessions that begin and end."""


class ScimType(_Uncalled):
    """Hears of people and groups before and after they are stored."""


class ResourceOwnerPasswordCredentialsType(_Uncalled):
    """Has the last word on a password grant."""
