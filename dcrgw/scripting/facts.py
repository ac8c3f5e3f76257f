"""The facts of each call as plain JSON, made on the gateway's side from what the flows know.

What a worker gets is this and nothing else. No key, no password, no token of the gateway is ever among it.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.core.strict_json import JsonValue
from dcrgw.ports.scripts import ScriptCall

Facts = dict[str, JsonValue]


def facts_of_call(call: ScriptCall) -> Facts:
    """Of createClient and updateClient."""
    return {
        "market": call.market,
        "operation": call.operation,
        "client_id": call.client_id,
        "metadata": dict(call.metadata.members),
        "attributes": dict(call.attributes),
        "request": dict(call.request_claims),
        "request_jws": call.request_jws,
        "request_verified": call.request_jws is not None,
        "statement": None if call.statement is None else statement_facts(call.statement),
        "software": None if call.statement is None else software_facts(call.statement),
        "identity": identity_facts(call.identity),
        "certificate": base64.b64encode(call.certificate).decode(),
        "http": dict(call.http),
    }


def statement_facts(statement: SoftwareStatement) -> Facts:
    """A verified statement."""
    return {
        "jws": statement.jws,
        "verified": True,
        "software_id": statement.software_id,
        "org_id": statement.org_id,
        "directory": statement.directory,
        "software_roles": list[JsonValue](sorted(statement.software_roles)),
        "claims": dict(statement.claims),
    }


def software_facts(statement: SoftwareStatement) -> Facts:
    """Whom the capabilities speak of where a script names nobody."""
    return {"directory": statement.directory, "software_id": statement.software_id, "org_id": statement.org_id}


def identity_facts(identity: ClientIdentity) -> Facts:
    """Who holds the caller's certificate."""
    return {
        "common_name": identity.common_name,
        "subject_dn": identity.subject_dn,
        "kind": identity.kind.value,
        "organizational_unit": identity.organizational_unit,
        "organization_identifier": identity.organization_identifier,
        "uid": identity.uid,
        "san_dns": list(identity.san_dns),
        "san_uris": list(identity.san_uris),
        "x5t_s256": identity.x5t_s256,
        "serial_number": identity.serial_number,
        "subject": _name(identity.subject),
        "issuer": _name(identity.issuer),
        "not_before": identity.not_before,
        "not_after": identity.not_after,
        "psd2_roles": list(identity.psd2_roles),
    }


@lru_cache(maxsize=1024)
def _name(name: tuple[tuple[tuple[str, str], ...], ...]) -> list[Any]:
    """A distinguished name as lists. The same ones come again and again; a script is told tuples made of them."""
    return [[list(pair) for pair in rdn] for rdn in name]
