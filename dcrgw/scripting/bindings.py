"""From a call's facts to what a script's method is given, and from what it did back to plain JSON.

Imported by workers: nothing here knows the gateway, its ports or its secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from dcrgw.core.strict_json import JsonValue
from dcrgw.scripting.grant_contexts import AuthzDetailContext, IntrospectionContext
from dcrgw.scripting.http_request import parameters_of
from dcrgw.scripting.json_object import JsonObject
from dcrgw.scripting.members import copied, copied_object, left
from dcrgw.scripting.person_contexts import PasswordCredentialsContext, PersonContext
from dcrgw.scripting.questions import Capabilities, CapabilityRefused
from dcrgw.scripting.records import Person, Record
from dcrgw.scripting.registration_context import DynamicClientRegistrationContext
from dcrgw.scripting.script_context import CustomScript, ScriptContext

#: What each type's methods see; PersonContext where nothing else is said.
_CONTEXTS: Mapping[str, type[ScriptContext]] = {
    "client_registration": DynamicClientRegistrationContext,
    "id_generator": ScriptContext,
    "introspection": IntrospectionContext,
    "authz_detail": AuthzDetailContext,
    "resource_owner_password_credentials": PasswordCredentialsContext,
}

#: Methods of a client registration script whose changes to the client count; in the others it is there to be read.
_CHANGE_THE_CLIENT = frozenset({"createClient", "updateClient"})


def ask_nothing(name: str, _arguments: list[Any], /) -> NoReturn:
    """The capabilities of a call that has none."""
    raise CapabilityRefused(f"{name} is not to be had in this call")


class Bound:
    """One call of one method: its arguments before, its changes after. Serves one call only."""

    def __init__(self, method: str, facts: Mapping[str, JsonValue], context: ScriptContext) -> None:
        self._method, self._facts = method, facts
        self.context = context
        self._given: dict[str, Any] = {}

    def arguments(self, form: Sequence[str]) -> tuple[Any, ...]:
        """The positional arguments of the form that the script's signature takes."""
        return tuple([self._argument(name) for name in form])

    @property
    def refusal(self) -> Mapping[str, JsonValue] | None:
        """The no that the script declared without raising: `status`, and `error` and `description` if chosen."""
        return self.context.refusal

    def changes(self, returned: object = None) -> dict[str, JsonValue]:
        """What the script changed, by the facts' own names; absent what it left alone.

        createClient, updateClient: `client_id`, `metadata`, `attributes`. modify…: `response`. Introspection besides:
        `transfers_into_jwt` (only ever False). authz_detail: `faults`. Of people: `user`, `group`, `results`,
        `claims`, `attributes`. `returned` is what the method returned; it changes nothing today.
        Raises: TypeError where something is not JSON; its message names no value.
        """
        changed: dict[str, JsonValue] = {}
        for name, now in (self._given | self._of_context()).items():
            before = self._facts.get(name)
            if name not in _READ_ONLY and now != before:
                changed[name] = self._json(name, now)
        return changed

    def _argument(self, name: str) -> Any:
        if name in _OF_CONTEXT:
            return _OF_CONTEXT[name](self.context)
        if name not in self._given:
            fact, build = _OF_FACTS.get(name, (name, _as_it_is))
            self._given.setdefault(fact, build(self._facts.get(fact)))
            return self._given[fact]
        return self._given[name]

    def _of_context(self) -> dict[str, Any]:
        """What the script touched through the context."""
        match self.context:
            case DynamicClientRegistrationContext(touched_client=client) if client is not None:
                if self._method not in _CHANGE_THE_CLIENT:
                    return {}
                if not isinstance(client.client_id, str):
                    raise TypeError(f"{self._method} chose a client_id that is no text")
                return {"client_id": client.client_id, "metadata": client.metadata, "attributes": client.attributes}
            case IntrospectionContext(transfers_into_jwt=False):
                return {"transfers_into_jwt": False}
            case AuthzDetailContext() as context:
                return {"faults": context.faults} if context.faults else {}
            case PersonContext() as context:
                touched = vars(context)
                return {name: touched[name] for name in ("user", "claims", "attributes") if name in touched}
        return {}

    def _json(self, name: str, value: Any) -> JsonValue:
        try:
            return left(value)
        except (TypeError, RecursionError):
            raise TypeError(f"{self._method} left what is not JSON in {name}") from None


def bind(
    type_id: str,
    method: str,
    facts: Mapping[str, JsonValue],
    properties: Mapping[str, str],
    capabilities: Capabilities = ask_nothing,
    *,
    script: CustomScript | None = None,
) -> Bound:
    """One call, ready to be made. `facts` are the type's own, as `scripting.facts` makes them: they are not changed."""
    context = _CONTEXTS.get(type_id, PersonContext)(facts, properties, capabilities, script)
    return Bound(method, facts, context)


def _itself(context: ScriptContext) -> ScriptContext:
    return context


#: Arguments that are the context or a part of it.
_OF_CONTEXT: Mapping[str, Callable[[Any], Any]] = {
    "context": _itself,
    "executionContext": _itself,
    "authorizationContext": _itself,
    "configurationAttributes": lambda context: context.configuration_attributes,
    "registerRequest": lambda context: context.register_request,
    "client": lambda context: context.client,
    "cert": lambda context: context.certificate,
    "httpRequest": lambda context: context.http_request,
}


def _as_it_is(value: JsonValue) -> JsonValue:
    return copied(value)


def _json_object(value: JsonValue) -> JsonObject:
    return JsonObject(copied_object(value) if isinstance(value, dict) else {})


def _record(value: JsonValue) -> Record:
    return Record(copied_object(value) if isinstance(value, dict) else {})


def _person(value: JsonValue) -> Person:
    return Person(copied_object(value) if isinstance(value, dict) else {})


def _records(value: JsonValue) -> list[Record]:
    return [_record(item) for item in value] if isinstance(value, list) else []


def _parameters(value: JsonValue) -> dict[str, list[str]]:
    return parameters_of(value if isinstance(value, dict) else {})


#: Arguments that are facts: which, and in what shape. All others are facts of the argument's own name, as they are.
_OF_FACTS: Mapping[str, tuple[str, Callable[[JsonValue], Any]]] = {
    "responseAsJsonObject": ("response", _json_object),
    "rptAsJsonObject": ("response", _json_object),
    "user": ("user", _person),
    "group": ("group", _person),
    "results": ("results", _records),
    "requestParameters": ("parameters", _parameters),
    "sessionState": ("session", _record),
    "authorizationGrant": ("grant", _record),
    "event": ("event", _record),
}

#: Facts that are told, not asked: what a script does to them changes nothing.
_READ_ONLY = frozenset(
    {"parameters", "session", "grant", "event"}
    | {"appId", "idType", "idPrefix", "usageType", "step", "persisted", "configId"}
)
