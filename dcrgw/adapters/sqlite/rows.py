"""Values to rows and back. Pure: a value that cannot be written fails here, before any transaction."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dcrgw.adapters.sealer import Sealer
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.ports.registry import AuditRecord, Change, UsedToken

#: ASCII JSON: any text, even a lone surrogate, survives; NaN does not.
_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

#: A row as sqlite3 takes and gives it.
Row = tuple[Any, ...]
Parameters = dict[str, Any]

_OF_CLIENT = (
    *("client_id", "issued_at", "market", "software_id", "org_id", "directory", "ssa_jti", "x5t_s256", "subject_key"),
    *("request_digest", "status", "version", "document"),
)
_OF_STATEMENT = ("jws", "claims")
_OF_AUDIT = (
    *("report_id", "interaction_id", "at", "operation", "market", "decision", "author"),
    *("client_id", "org_id", "software_id", "findings", "facts"),
)

#: What `client_of` and `audit_of` read, in their order.
CLIENT_COLUMNS = ", ".join([*(f"c.{name}" for name in _OF_CLIENT), *(f"s.{name}" for name in _OF_STATEMENT)])
CLIENT_SOURCE = "clients c LEFT JOIN statements s ON s.id = c.statement"
AUDIT_COLUMNS = ", ".join(_OF_AUDIT)


@dataclass(frozen=True, slots=True)
class PreparedChange:
    """A change as SQL parameters. `client` is None for a bare audit row."""

    audit: Row
    client: Parameters | None
    used: tuple[Parameters, ...]
    duplicates_allowed: bool


def prepare(change: Change, sealer: Sealer) -> PreparedChange:
    """The rows of a change. A change without a client writes its audit row and burns no jti."""
    client = change.client
    return PreparedChange(
        audit=_audit_row(change.audit),
        client=_client_parameters(client, sealer) if client else None,
        used=tuple(_token_parameters(token, client) for token in change.used) if client else (),
        duplicates_allowed=change.duplicates_allowed,
    )


def client_of(row: Row, sealer: Sealer) -> RegisteredClient:
    """The client of a row, equal to the one that was stored. Raises: Misconfigured when a secret does not open."""
    column = dict(zip((*_OF_CLIENT, *_OF_STATEMENT), row, strict=True))
    document = json.loads(column["document"])
    market, client_id = column["market"], column["client_id"]
    return RegisteredClient(
        client_id=client_id,
        client_id_issued_at=column["issued_at"],
        market=market,
        metadata=ClientMetadata(document["metadata"]),
        software_id=column["software_id"],
        org_id=column["org_id"],
        directory=column["directory"],
        software_statement=column["jws"],
        statement_claims=json.loads(column["claims"]) if column["claims"] else {},
        ssa_jti=column["ssa_jti"],
        x5t_s256=column["x5t_s256"],
        subject_key=column["subject_key"],
        request_digest=column["request_digest"],
        attributes=document["attributes"],
        secrets={
            name: sealer.open(sealed, _context(name, market, client_id)) for name, sealed in document["secrets"].items()
        },
        status=ClientStatus(column["status"]),
        version=column["version"],
    )


def audit_of(row: Row) -> AuditRecord:
    """The audit record of a row of AUDIT_COLUMNS."""
    column = dict(zip(_OF_AUDIT, (*row[:-2], *map(json.loads, row[-2:])), strict=True))
    column["findings"] = tuple(tuple(finding) for finding in column["findings"])
    return AuditRecord(**column)


def _client_parameters(client: RegisteredClient, sealer: Sealer) -> Parameters:
    # Claims without their statement have no row of their own to stand in; no flow makes such a client.
    if client.software_statement is None and client.statement_claims:
        raise ValueError("statement claims without a statement")
    document = {
        "metadata": dict(client.metadata.members),
        "attributes": dict(client.attributes),
        "secrets": {
            name: sealer.seal(secret, _context(name, client.market, client.client_id))
            for name, secret in client.secrets.items()
        },
    }
    return {
        "client_id": client.client_id,
        "issued_at": client.client_id_issued_at,
        "market": client.market,
        "software_id": client.software_id,
        "org_id": client.org_id,
        "directory": client.directory,
        "ssa_jti": client.ssa_jti,
        "x5t_s256": client.x5t_s256,
        "subject_key": client.subject_key,
        "request_digest": client.request_digest,
        "status": client.status.value,
        "version": client.version,
        "document": _json(document),
        **_statement_parameters(client),
    }


def _statement_parameters(client: RegisteredClient) -> Parameters:
    jws = client.software_statement
    if jws is None:
        return {"digest": None, "jws": None, "claims": None}
    digest = hashlib.sha256(jws.encode()).hexdigest()
    return {"digest": digest, "jws": jws, "claims": _json(dict(client.statement_claims))}


def _token_parameters(token: UsedToken, client: RegisteredClient) -> Parameters:
    return {
        "market": client.market,
        "kind": token.kind,
        "issuer": token.issuer,
        "jti": token.jti,
        "request_digest": client.request_digest,
        "subject_key": client.subject_key,
        "expires_at": token.expires_at,
    }


def _audit_row(record: AuditRecord) -> Row:
    return (
        record.report_id,
        record.interaction_id,
        record.at,
        record.operation,
        record.market,
        record.decision,
        record.author,
        record.client_id,
        record.org_id,
        record.software_id,
        f"[{','.join(map(_finding, record.findings))}]",
        _json(dict(record.facts)),
    )


@lru_cache(maxsize=4096)
def _finding(finding: tuple[str, str, str, str]) -> str:
    """One finding as JSON. Nearly all are the same few hundred, and forty of them stand in a row."""
    return _json(finding)


def _context(name: str, market: str, client_id: str) -> str:
    """What a sealed secret is bound to. A client_id holds no colon, so no two contexts read alike."""
    return f"{name}:{market}:{client_id}"
