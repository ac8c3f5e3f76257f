"""What administrators see of clients. Member by member: what is not named here never leaves, secrets least of all."""

from __future__ import annotations

from typing import Any

from dcrgw.core.registration.client import RegisteredClient
from dcrgw.ports.registry import AuditRecord

#: Never members of stored metadata; left out all the same should a script have put one there.
_SECRET = frozenset({"client_secret", "registration_access_token"})


def summary(client: RegisteredClient) -> dict[str, Any]:
    """One line of a list."""
    return {
        "market": client.market,
        "client_id": client.client_id,
        "status": client.status.value,
        "version": client.version,
        "client_id_issued_at": client.client_id_issued_at,
        "client_name": client.metadata.members.get("client_name"),
        "org_id": client.org_id,
        "org_name": client.statement_claims.get("org_name"),
        "software_id": client.software_id,
    }


def whole(client: RegisteredClient) -> dict[str, Any]:
    """All that an operator may know of a client, the bank's attributes included; the statement as claims only."""
    return {
        **summary(client),
        "directory": client.directory,
        "ssa_jti": client.ssa_jti,
        "x5t_s256": client.x5t_s256,
        "upstream_client_id": client.upstream.client_id if client.upstream is not None else None,
        "attributes": dict(client.attributes),
        "metadata": {name: value for name, value in client.metadata.members.items() if name not in _SECRET},
        "software_statement_claims": dict(client.statement_claims),
    }


def audit_line(record: AuditRecord) -> dict[str, Any]:
    """One line of a client's history."""
    return {
        "at": record.at,
        "operation": record.operation,
        "decision": record.decision,
        "author": record.author,
        "report_id": record.report_id,
        "interaction_id": record.interaction_id,
        "findings": [
            {"check": check, "verdict": verdict, "description": description, "detail": detail}
            for check, verdict, description, detail in record.findings
        ],
        "facts": dict(record.facts),
    }
