"""The kinds of script there are, as data: what their author writes, and where the gateway calls it.

Docs, the loader, `dcrgw scripts` and the admin listener all read this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: One list of arguments that a method may be written with, beside `self`.
Form = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a script type.

    `forms` are the lists of arguments that it may be written with, the preferred one first. `returns` says in a
    few words what the answer means. `since` is the API version from which the gateway calls it. `called` is
    where the gateway calls it; empty: no caller in this version. `every` is true where all enabled scripts of the
    type run (by descending level, then name, up to the first no); otherwise the one with the highest level does.
    """

    name: str
    forms: tuple[Form, ...]
    returns: str
    mandatory: bool = True
    since: int = 1
    called: str = ""
    every: bool = False


@dataclass(frozen=True, slots=True)
class ScriptType:
    """One type of script: its id in configuration, the class that the author writes, and its base class.

    `methods` are those that the author writes beside the ones of every script (`LIFE`).
    """

    id: str
    class_name: str
    base_name: str
    purpose: str
    methods: tuple[Method, ...]

    @property
    def has_caller(self) -> bool:
        """Whether this version of the gateway calls any method of the type."""
        return any(method.called for method in self.methods)

    def method(self, name: str) -> Method | None:
        """The method of this name, those of every script among them."""
        return next((method for method in (*LIFE, *self.methods) if method.name == name), None)


#: Methods that every type has.
LIFE: tuple[Method, ...] = (
    Method(
        "init",
        (("customScript", "configurationAttributes"), ("configurationAttributes",)),
        "True keeps the script",
        called="loading",
    ),
    Method("destroy", (("configurationAttributes",),), "True when it is cleanly put away", called="putting away"),
    Method(
        "getApiVersion",
        ((), ("configurationAttributes",), ("configurationAttributes", "customScript")),
        "a whole number; 11 where it is not written",
        mandatory=False,
        called="loading",
    ),
)

_CFG = "configurationAttributes"
_CONTEXT: tuple[Form, ...] = (("context",),)
_STEP: tuple[Form, ...] = (("step", "context"),)
_REGISTERING: tuple[Form, ...] = (("context",), ("registerRequest", "client", _CFG))
_RESPONSE: tuple[Form, ...] = (("responseAsJsonObject", "executionContext"),)
_USER: tuple[Form, ...] = (("user", _CFG),)
_STORED: tuple[Form, ...] = (("user", "persisted", _CFG),)
_SIGN_UP: tuple[Form, ...] = (("user", "requestParameters", _CFG),)
_GROUP: tuple[Form, ...] = (("group", _CFG),)
_RESULTS: tuple[Form, ...] = (("results", _CFG),)
_OF_STEP: tuple[Form, ...] = ((_CFG, "requestParameters", "step"), ("step", "context"))

_GOES_ON = "True lets it go on, False refuses it"
_CHANGED_RESPONSE = "True: the changed JSON is the answer; False: it is not"
_KEYS = "the text of a JWK Set; empty: no key"
_SECRET = "the shared secret; empty: none"

_CLIENT_REGISTRATION = ScriptType(
    "client_registration",
    "ClientRegistration",
    "ClientRegistrationType",
    "Intercepts registrations, after every built-in check has passed",
    (
        Method("createClient", _REGISTERING, _GOES_ON, called="POST /register", every=True),
        Method("updateClient", _REGISTERING, _GOES_ON, called="PUT /register/{client_id}", every=True),
        Method(
            "getSoftwareStatementJwks",
            _CONTEXT,
            _KEYS,
            mandatory=False,
            called='the statement\'s keys, for a directory with `keys = "script"`',
        ),
        Method(
            "getSoftwareStatementHmacSecret",
            _CONTEXT,
            _SECRET,
            mandatory=False,
            called="the same, where the profile lists HS256 for statements",
        ),
        Method(
            "getDcrJwks",
            _CONTEXT,
            _KEYS,
            mandatory=False,
            called='the request\'s keys, for a directory with `keys = "script"`',
        ),
        Method(
            "getDcrHmacSecret",
            _CONTEXT,
            _SECRET,
            mandatory=False,
            called="the same, where the profile lists HS256 for requests",
        ),
        Method(
            "isCertValidForClient",
            (("cert", "context"),),
            "True: a certificate of another subject is the client's too; False: it is not",
            mandatory=False,
            called="client authentication by tls_client_auth, where the certificate's subject is not the stored one",
        ),
        Method(
            "modifyPostResponse", _RESPONSE, _CHANGED_RESPONSE, mandatory=False, since=11, called="answer to a POST"
        ),
        Method("modifyPutResponse", _RESPONSE, _CHANGED_RESPONSE, mandatory=False, since=11, called="answer to a PUT"),
        Method("modifyReadResponse", _RESPONSE, _CHANGED_RESPONSE, mandatory=False, since=11, called="answer to a GET"),
    ),
)

_AUTHZ_DETAIL = ScriptType(
    "authz_detail",
    "AuthzDetail",
    "AuthzDetailType",
    "Judges one element of authorization_details (RFC 9396); its property `type`, or else its name, is the type",
    (
        Method(
            "validateDetail",
            _CONTEXT,
            "True: the element is valid; False: the request is refused",
            called="wherever authorization_details are asked for, of each element, once its schema holds",
        ),
        Method(
            "getUiRepresentation",
            _CONTEXT,
            "the element in words for the consent page",
            called="the consent page, and servers that ask",
        ),
        Method(
            "narrowsDetail",
            _CONTEXT,
            "True: the element asks for no more than `context.granted`; False: it does",
            mandatory=False,
            since=11,
            called="a token request with other details than were granted; without it, none may differ",
        ),
    ),
)

_PERSON_AUTHENTICATION = ScriptType(
    "person_authentication",
    "PersonAuthentication",
    "PersonAuthenticationType",
    "Authenticates a person in one or more steps; the script's name is the acr value",
    (
        Method("isValidAuthenticationMethod", (("usageType", _CFG),), "False: another method must be taken"),
        Method(
            "getAlternativeAuthenticationMethod",
            (("usageType", _CFG),),
            "the acr of the method to take where this one is not valid",
        ),
        Method("authenticate", ((_CFG, "requestParameters", "step"),), "whether the person passed the step"),
        Method(
            "getNextStep",
            ((_CFG, "requestParameters", "step"),),
            "the number of the step to go to; -1: the next in order",
            mandatory=False,
            since=2,
        ),
        Method("prepareForStep", _OF_STEP, "whether the step may be shown"),
        Method("getExtraParametersForStep", ((_CFG, "step"),), "names of what the session keeps", mandatory=False),
        Method("getCountAuthenticationSteps", ((_CFG,),), "how many steps there are"),
        Method(
            "getPageForStep", ((_CFG, "step"), ("step", "context")), "the page of the step; empty: the built-in one"
        ),
        Method("logout", ((_CFG, "requestParameters"),), "False stops the logout", mandatory=False),
        Method(
            "getLogoutExternalUrl", ((_CFG, "requestParameters"),), "where a logout goes on", mandatory=False, since=9
        ),
        Method(
            "getAuthenticationMethodClaims",
            (("requestParameters",), (_CFG,)),
            "claims about how the person was authenticated",
            mandatory=False,
            since=11,
        ),
    ),
)


def _pages(id: str, class_name: str, purpose: str, decides: Method) -> ScriptType:
    """A type that leads a person through pages."""
    return ScriptType(
        id,
        class_name,
        f"{class_name}Type",
        purpose,
        (
            decides,
            Method("getNextStep", _STEP, "the number of the step to go to; -1: the next in order"),
            Method("prepareForStep", _STEP, "whether the step may be shown"),
            Method("getStepsCount", _CONTEXT, "how many steps there are"),
            Method("getPageForStep", _STEP, "the page of the step"),
        ),
    )


_CONSENT_GATHERING = _pages(
    "consent_gathering",
    "ConsentGathering",
    "Asks a person for consent in one or more steps",
    Method("authorize", _STEP, "False denies"),
)

_UPDATE_USER = ScriptType(
    "update_user",
    "UpdateUser",
    "UpdateUserType",
    "Changes a person's entry before and after an administrator's edit is stored",
    (
        Method("updateUser", _STORED, _GOES_ON),
        *(Method(name, _STORED, _GOES_ON, mandatory=False, since=2) for name in ("addUser", "deleteUser")),
        *(
            Method(name, _USER, "True when it is done", mandatory=False, since=2)
            for name in ("newUser", "postAddUser", "postUpdateUser", "postDeleteUser")
        ),
    ),
)

_USER_REGISTRATION = ScriptType(
    "user_registration",
    "UserRegistration",
    "UserRegistrationType",
    "Shapes and judges a person's own sign-up",
    (
        Method("initRegistration", _SIGN_UP, "True when the entry is prepared"),
        Method("preRegistration", _SIGN_UP, "True: the entry is stored; False: it is not"),
        Method("postRegistration", _SIGN_UP, "True when it is done"),
        Method("confirmRegistration", _SIGN_UP, "True: the sign-up is confirmed", mandatory=False),
    ),
)

_DYNAMIC_SCOPE = ScriptType(
    "dynamic_scope",
    "DynamicScope",
    "DynamicScopeType",
    "Adds claims for a scope that is bound to the script",
    (
        Method("update", (("context", _CFG),), "True: the claims are added"),
        Method("getSupportedClaims", ((_CFG,),), "the names of the claims", mandatory=False, since=2),
    ),
)

_ID_GENERATOR = ScriptType(
    "id_generator",
    "IdGenerator",
    "IdGeneratorType",
    "Chooses ids",
    (
        Method(
            "generateId",
            (("appId", "idType", "idPrefix", _CFG),),
            "the id; None or blank: the built-in one",
            called="a new client's client_id (idType `client`); a new script's inum (idType `script`)",
        ),
    ),
)

_CACHE_REFRESH = ScriptType(
    "cache_refresh",
    "CacheRefresh",
    "CacheRefreshType",
    "Changes people's entries while they are copied from a bank's directory",
    (
        Method("updateUser", _USER, "True when it is done"),
        Method("getBindCredentials", (("configId", _CFG),), "the credentials to bind with", mandatory=False, since=2),
        Method("isStartProcess", ((_CFG,),), "whether to begin now", mandatory=False, since=3),
    ),
)

_UMA_RPT_POLICY = ScriptType(
    "uma_rpt_policy",
    "UmaRptPolicy",
    "UmaRptPolicyType",
    "Grants or denies an UMA scope",
    (
        Method("authorize", (("context",), ("authorizationContext", _CFG)), "True grants"),
        Method("getRequiredClaims", _CONTEXT, "the claims that the policy needs", mandatory=False),
        Method("getClaimsGatheringScriptName", _CONTEXT, "the script that gathers them", mandatory=False),
    ),
)

_UMA_RPT_CLAIMS = ScriptType(
    "uma_rpt_claims",
    "UmaRptClaims",
    "UmaRptClaimsType",
    "Changes the content of a requesting party token",
    (Method("modify", (("rptAsJsonObject", "context"),), _CHANGED_RESPONSE),),
)

_UMA_CLAIMS_GATHERING = _pages(
    "uma_claims_gathering",
    "UmaClaimsGathering",
    "Gathers the claims that an UMA policy needs",
    Method("gather", _STEP, "True: the step's claims are gathered"),
)

_APPLICATION_SESSION = ScriptType(
    "application_session",
    "ApplicationSession",
    "ApplicationSessionType",
    "Hears of sessions that begin and end",
    (
        Method(
            "endSession",
            (("httpRequest", "authorizationGrant", _CFG), ("httpRequest", "sessionState", _CFG)),
            "False keeps the session",
            every=True,
        ),
        Method("startSession", (("httpRequest", "sessionState", _CFG),), "False: no session", mandatory=False),
        Method("onEvent", (("event",),), "not looked at", mandatory=False, every=True),
    ),
)

_SCIM = ScriptType(
    "scim",
    "ScimEventHandler",
    "ScimType",
    "Hears of people and groups before and after they are stored",
    (
        *(Method(name, _USER, _GOES_ON) for name in ("createUser", "updateUser", "deleteUser")),
        *(Method(name, _GROUP, _GOES_ON) for name in ("createGroup", "updateGroup", "deleteGroup")),
        *(
            Method(name, _USER, "True when it is done", mandatory=False, since=2)
            for name in ("postCreateUser", "postUpdateUser", "postDeleteUser")
        ),
        *(
            Method(name, _GROUP, "True when it is done", mandatory=False, since=2)
            for name in ("postCreateGroup", "postUpdateGroup", "postDeleteGroup")
        ),
        Method("getUser", _USER, _GOES_ON, mandatory=False, since=3),
        Method("getGroup", _GROUP, _GOES_ON, mandatory=False, since=3),
        *(
            Method(name, _RESULTS, _GOES_ON, mandatory=False, since=4)
            for name in ("postSearchUsers", "postSearchGroups")
        ),
    ),
)

_INTROSPECTION = ScriptType(
    "introspection",
    "Introspection",
    "IntrospectionType",
    "Changes the answer of the introspection endpoint (RFC 7662), and with it JWT access tokens",
    (
        Method(
            "modifyResponse",
            (("responseAsJsonObject", "context"),),
            _CHANGED_RESPONSE,
            called="POST /introspect, and JWT access tokens of clients that say so",
        ),
    ),
)

_PASSWORD_CREDENTIALS = ScriptType(
    "resource_owner_password_credentials",
    "ResourceOwnerPasswordCredentials",
    "ResourceOwnerPasswordCredentialsType",
    "Has the last word on a password grant",
    (Method("authenticate", _CONTEXT, "True: authenticated; False: as it was"),),
)

#: Every type, by id, in the order of the docs: those with a caller first.
TYPES: Mapping[str, ScriptType] = {
    one.id: one
    for one in (
        _CLIENT_REGISTRATION,
        _ID_GENERATOR,
        _INTROSPECTION,
        _AUTHZ_DETAIL,
        _PERSON_AUTHENTICATION,
        _CONSENT_GATHERING,
        _UPDATE_USER,
        _USER_REGISTRATION,
        _DYNAMIC_SCOPE,
        _CACHE_REFRESH,
        _UMA_RPT_POLICY,
        _UMA_RPT_CLAIMS,
        _UMA_CLAIMS_GATHERING,
        _APPLICATION_SESSION,
        _SCIM,
        _PASSWORD_CREDENTIALS,
    )
}
