"""What an author may name beside the base classes: the contexts of the calls, for annotations, and CertUtils.

What a context holds is built from plain JSON, the call's own copy: nothing that a script changes reaches another
call, and its changes reach the gateway as values only, which judges them by its rules again.
"""

from dcrgw.scripting.certificates import CertUtils, Identity
from dcrgw.scripting.client import BankAttributes, Client
from dcrgw.scripting.grant_contexts import AuthzDetail, AuthzDetailContext, IntrospectionContext
from dcrgw.scripting.http_request import HttpRequest
from dcrgw.scripting.json_object import JsonObject
from dcrgw.scripting.person_contexts import PasswordCredentialsContext, PersonContext
from dcrgw.scripting.properties import ConfigurationAttributes, Property
from dcrgw.scripting.questions import CapabilityFailed, CapabilityRefused, HttpAnswer, Standing
from dcrgw.scripting.records import Person, Record
from dcrgw.scripting.registration_context import DynamicClientRegistrationContext
from dcrgw.scripting.request import Claims, Jwt, RegisterRequest, Statement
from dcrgw.scripting.script_context import CustomScript, ScriptContext

__all__ = [
    "AuthzDetail",
    "AuthzDetailContext",
    "BankAttributes",
    "CapabilityFailed",
    "CapabilityRefused",
    "CertUtils",
    "Claims",
    "Client",
    "ConfigurationAttributes",
    "CustomScript",
    "DynamicClientRegistrationContext",
    "HttpAnswer",
    "HttpRequest",
    "Identity",
    "IntrospectionContext",
    "JsonObject",
    "Jwt",
    "PasswordCredentialsContext",
    "Person",
    "PersonContext",
    "Property",
    "Record",
    "RegisterRequest",
    "ScriptContext",
    "Standing",
    "Statement",
]
