"""Between what the gateway tells of a call and what its script sees: facts to arguments, changes to facts."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from dcrgw.core.certificates.identity import CertificateKind, ClientIdentity
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.core.strict_json import JsonValue
from dcrgw.ports.scripts import Refusal, ScriptCall
from dcrgw.scripting.capabilities import Capabilities
from dcrgw.scripting.contexts import DynamicClientRegistrationContext
from dcrgw.scripting.members import copied_object

_STATEMENT_PLAIN = tuple(
    each.name for each in fields(SoftwareStatement) if each.name not in ("authorisations", "regulator_entries")
)


def facts_of(call: ScriptCall) -> dict[str, JsonValue]:
    """A registration as facts."""
    statement = call.statement
    found: Any = {
        "market": call.market,
        "identity": {name: getattr(call.identity, name) for name in _IDENTITY},
        "certificate": base64.b64encode(call.certificate).decode(),
        "statement": None
        if statement is None
        else {name: getattr(statement, name) for name in _STATEMENT_PLAIN}
        | {"software_roles": sorted(statement.software_roles), "claims": dict(statement.claims)},
        "metadata": dict(call.metadata.members),
        "request_claims": dict(call.request_claims),
        "client_id": call.client_id,
        "attributes": dict(call.attributes),
    }
    return found


_IDENTITY = tuple(each.name for each in fields(ClientIdentity))


def _call_of(facts: Mapping[str, Any]) -> ScriptCall:
    identity, statement = dict(facts["identity"]), facts["statement"]
    identity["kind"] = CertificateKind(identity["kind"])
    if statement is not None:
        statement = SoftwareStatement(
            **{
                **statement,
                "software_roles": frozenset(statement["software_roles"]),
                "software_redirect_uris": tuple(statement["software_redirect_uris"]),
                "authorisations": None,
            }
        )
    return ScriptCall(
        market=facts["market"],
        identity=ClientIdentity(**identity),
        certificate=base64.b64decode(facts["certificate"]),
        statement=statement,
        metadata=ClientMetadata(facts["metadata"]),
        request_claims=facts["request_claims"],
        client_id=facts["client_id"],
        attributes=facts["attributes"],
    )


class Bound:
    """One call, ready to be made."""

    def __init__(self, facts: Mapping[str, JsonValue], properties: Mapping[str, str], capabilities: Capabilities):
        self._facts = facts
        self._context = DynamicClientRegistrationContext(_call_of(facts), properties)
        vars(self._context).update(
            directory=capabilities.directory, keysets=capabilities.keysets, http=capabilities.http
        )

    @property
    def refusal(self) -> Mapping[str, JsonValue] | None:
        """The no that the script declared, if any."""
        declared: Refusal | None = self._context.refusal
        return None if declared is None else asdict(declared)

    def arguments(self, form: Sequence[str]) -> list[Any]:
        """The arguments of the form that the script's method takes."""
        context = self._context
        if len(form) == 1:
            return [context]
        return [context.register_request, context.client, context.configuration_attributes]

    def changes(self, _returned: object) -> dict[str, JsonValue]:
        """What the script changed. Raises: TypeError for what is not JSON."""
        client, found = self._context.touched_client, dict[str, JsonValue]()
        if client is None:
            return found
        if client.metadata != self._facts["metadata"]:
            found["metadata"] = copied_object(client.metadata)
        if client.attributes != self._facts["attributes"]:
            found["attributes"] = copied_object(client.attributes)
        if client.client_id != self._facts["client_id"]:
            if not isinstance(client.client_id, str):
                raise TypeError("a client_id is text")
            found["client_id"] = client.client_id
        return found


def bind(
    type_id: str,
    method: str,
    facts: Mapping[str, JsonValue],
    properties: Mapping[str, str],
    capabilities: Capabilities,
) -> Bound:
    """A call of this type's method."""
    return Bound(facts, properties, capabilities)
