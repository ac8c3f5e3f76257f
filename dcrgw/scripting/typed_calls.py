"""The methods beside createClient and updateClient: from the ports' values to facts, and from answers to values."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.ports.scripts import (
    Capability,
    ClientCall,
    IntrospectionCall,
    IntrospectionOutcome,
    KeysCall,
    Occasion,
)
from dcrgw.scripting.calls import MethodAnswer
from dcrgw.scripting.facts import Facts, identity_facts, software_facts, statement_facts

REGISTRATION, IDS, INTROSPECTION = "client_registration", "id_generator", "introspection"

#: The client's attribute that names its introspection scripts.
INTROSPECTION_SCRIPTS = "introspection_scripts"

_RESPONSE_METHODS = {"create": "modifyPostResponse", "update": "modifyPutResponse", "read": "modifyReadResponse"}
_KEY_METHODS = {
    ("statement", False): "getSoftwareStatementJwks",
    ("statement", True): "getSoftwareStatementHmacSecret",
    ("request", False): "getDcrJwks",
    ("request", True): "getDcrHmacSecret",
}


@dataclass(frozen=True, slots=True)
class About:
    """The request that a call is made for."""

    market: str
    interaction_id: str = ""
    report_id: str = ""


async def ask_nothing(name: str, _arguments: object) -> JsonValue:
    """For a call in which nothing can be asked."""
    raise ValueError(f"{name} cannot be asked here")


class Asking(Protocol):
    """What the methods below stand on: `dcrgw.scripting.host.ScriptHost`."""

    def entries_of(self, type_id: str, method: str, market: str) -> tuple[ScriptEntry, ...]: ...

    async def highest(
        self, type_id: str, method: str, facts: Mapping[str, JsonValue], about: About, ask: Capability
    ) -> MethodAnswer | None: ...

    async def named(
        self, type_id: str, name: str, method: str, facts: Mapping[str, JsonValue], about: About, ask: Capability
    ) -> MethodAnswer | None: ...


class TypedCalls:
    """The part of `dcrgw.ports.scripts.Scripts` that asks one script, a mixin over `Asking`."""

    async def modify_response(
        self: Asking, call: ClientCall, response: Mapping[str, JsonValue], ask: Capability
    ) -> Mapping[str, JsonValue] | None:
        """See `dcrgw.ports.scripts.Scripts`."""
        method = _RESPONSE_METHODS[call.occasion.operation]
        if not self.entries_of(REGISTRATION, method, call.occasion.market):
            return None
        facts = {**client_facts(call), "response": dict(response)}
        answer = await self.highest(REGISTRATION, method, facts, _about(call.occasion), ask)
        return _changed_response(answer, method, response)

    async def is_certificate_valid(self: Asking, call: ClientCall, ask: Capability) -> bool | None:
        """See `dcrgw.ports.scripts.Scripts`."""
        method = "isCertValidForClient"
        if not self.entries_of(REGISTRATION, method, call.occasion.market):
            return None
        answer = await self.highest(REGISTRATION, method, client_facts(call), _about(call.occasion), ask)
        if answer is None:
            return None
        # A declared no holds whatever was returned.
        return _yes_or_no(answer, method) and answer.refusal is None

    async def keys(self: Asking, call: KeysCall, ask: Capability) -> str | None:
        """See `dcrgw.ports.scripts.Scripts`."""
        method = _KEY_METHODS[call.of, call.is_shared]
        if not self.entries_of(REGISTRATION, method, call.occasion.market):
            return None
        answer = await self.highest(REGISTRATION, method, keys_facts(call), _about(call.occasion), ask)
        if answer is None or answer.refusal is not None or answer.returned is None:
            return None if answer is None else ""
        if isinstance(answer.returned, dict) and not call.is_shared:
            return json.dumps(answer.returned)
        return _text(answer.returned, method)

    async def generate_id(self: Asking, occasion: Occasion, id_type: str, prefix: str = "") -> str | None:
        """See `dcrgw.ports.scripts.Scripts`."""
        if not self.entries_of(IDS, "generateId", occasion.market):
            return None
        facts: Facts = {**_occasion_facts(occasion), "appId": "dcrgw", "idType": id_type, "idPrefix": prefix}
        answer = await self.highest(IDS, "generateId", facts, _about(occasion), ask_nothing)
        if answer is None or answer.returned is None:
            return None
        return _text(answer.returned, "generateId").strip() or None

    async def modify_introspection(self: Asking, call: IntrospectionCall) -> IntrospectionOutcome:
        """See `dcrgw.ports.scripts.Scripts`."""
        response, into_jwt = dict(call.response), dict(call.response)
        ran = []
        for entry in _introspection_scripts(self, call):
            facts = {**_occasion_facts(call.occasion), "client": registered_facts(call.client), "response": response}
            facts["grant"] = dict(call.response)
            about = _about(call.occasion)
            answer = await self.named(INTROSPECTION, entry.inum, "modifyResponse", facts, about, ask_nothing)
            changed = _changed_response(answer, "modifyResponse", response)
            if answer is None or changed is None:
                continue
            if answer.changes.get("transfers_into_jwt") is not False:
                into_jwt = {**into_jwt, **_additions(response, changed)}
            response = dict(changed)
            ran.append(entry.name)
        return IntrospectionOutcome(response, into_jwt, tuple(ran))


def client_facts(call: ClientCall) -> Facts:
    """Of a client as it is registered."""
    client = call.client
    return {
        **_occasion_facts(call.occasion),
        "client_id": client.client_id,
        "metadata": dict(client.metadata.members),
        "attributes": dict(client.attributes),
        "statement": _stored_statement(client),
        "software": {"directory": client.directory, "software_id": client.software_id, "org_id": client.org_id},
        "identity": identity_facts(call.identity),
        "certificate": base64.b64encode(call.certificate).decode(),
    }


def keys_facts(call: KeysCall) -> Facts:
    """Of a token that is not proven yet."""
    facts: Facts = {**_occasion_facts(call.occasion), "software": {"directory": call.directory}}
    if call.of == "statement":
        facts["statement"] = {"jws": call.jws, "claims": dict(call.claims), "verified": False}
        return facts
    facts |= {"request": dict(call.claims), "request_jws": call.jws, "request_verified": False}
    if call.statement is not None:
        facts |= {"statement": statement_facts(call.statement), "software": software_facts(call.statement)}
    return facts


def registered_facts(client: RegisteredClient) -> Facts:
    """A client in one object: its metadata, id and attributes."""
    return {**client.metadata.members, "client_id": client.client_id, "attributes": dict(client.attributes)}


def _stored_statement(client: RegisteredClient) -> Facts | None:
    """The statement that the client was registered by: verified then, perhaps out of date now."""
    if client.software_statement is None:
        return None
    return {
        "jws": client.software_statement,
        "verified": True,
        "software_id": client.software_id,
        "org_id": client.org_id,
        "directory": client.directory,
        "claims": dict(client.statement_claims),
    }


def _occasion_facts(occasion: Occasion) -> Facts:
    return {"market": occasion.market, "operation": occasion.operation, "http": dict(occasion.http)}


def _about(occasion: Occasion) -> About:
    return About(occasion.market, occasion.interaction_id, occasion.report_id)


def _introspection_scripts(scripts: Asking, call: IntrospectionCall) -> list[ScriptEntry]:
    """The client's own, in the order in which they run; every enabled one where the client names none.

    Raises: Unavailable where one that the client names does not serve: without it the answer is not the whole one.
    """
    serving = scripts.entries_of(INTROSPECTION, "modifyResponse", call.occasion.market)
    own = call.client.attributes.get(INTROSPECTION_SCRIPTS)
    if own is None:
        return list(serving)
    names = [own] if isinstance(own, str) else own
    if not isinstance(names, list):
        raise Misconfigured(f"the client's attribute {INTROSPECTION_SCRIPTS} is no list of names")
    wanted = {_entry_named(str(name)) for name in names}
    found = [entry for entry in serving if wanted & {entry.name, entry.inum}]
    gone = wanted - {name for entry in found for name in (entry.name, entry.inum)}
    if gone:
        raise Unavailable("scripts", f"introspection script {min(gone):.60}, which the client names, does not serve")
    return found


def _entry_named(name: str) -> str:
    """The seeds name a script by its DN: `inum=CABA-2222,ou=scripts,o=jans` is the script of that inum."""
    first = name.partition(",")[0]
    return first.partition("=")[2] if first.startswith("inum=") else name


def _changed_response(
    answer: MethodAnswer | None, method: str, response: Mapping[str, JsonValue]
) -> Mapping[str, JsonValue] | None:
    """The changed answer; None where it stays as it was."""
    if answer is None:
        return None
    if answer.refusal is not None:
        raise Misconfigured(f"{method} refused: what it changes is decided already")
    if not _yes_or_no(answer, method):
        return None
    changed = answer.changes.get("response", dict(response))
    if not isinstance(changed, dict):
        raise Misconfigured(f"{method} left an answer that is no object")
    return changed


def _additions(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in after.items() if name not in before or before[name] != value}


def _yes_or_no(answer: MethodAnswer, method: str) -> bool:
    if not isinstance(answer.returned, bool):
        raise Misconfigured(f"{method} returned {type(answer.returned).__name__}, neither True nor False")
    return answer.returned


def _text(returned: JsonValue, method: str) -> str:
    if not isinstance(returned, str):
        raise Misconfigured(f"{method} returned {type(returned).__name__}, which is no text")
    return returned
