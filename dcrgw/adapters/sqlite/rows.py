"""Values to rows and back. Secrets are sealed on the way in, outside of any transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dcrgw.adapters.sealer import Sealer
from dcrgw.adapters.sqlite.errand_rows import PreparedErrand, prepare_errand
from dcrgw.core.authorization.details import AuthorizationDetail, Details, as_json
from dcrgw.core.authorization.tokens import AccessToken
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.client import UpstreamRef
from dcrgw.core.values import lean
from dcrgw.ports.registry import AuditRecord, Change, UsedToken

#: ASCII JSON: any text, even a lone surrogate, survives; NaN does not.
_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

#: A row as sqlite3 takes and gives it.
Row = tuple[Any, ...]
Parameters = dict[str, Any]

_OF_CLIENT = (
    *("client_id", "issued_at", "market", "software_id", "org_id", "directory", "ssa_jti", "x5t_s256", "subject_key"),
    *("request_digest", "registration_access_token_hash", "status", "version", "document"),
)
_OF_STATEMENT = ("jws", "claims")
_OF_AUDIT = (
    *("report_id", "interaction_id", "at", "operation", "market", "decision", "author"),
    *("client_id", "org_id", "software_id", "findings", "facts"),
)
#: Names are cut before they are searched: a name may be as long as a request.
_LONGEST_NAME = 200

#: What `client_of`, `audit_of` and `token_of` read, in their order.
CLIENT_COLUMNS = ", ".join([*(f"c.{name}" for name in _OF_CLIENT), *(f"s.{name}" for name in _OF_STATEMENT)])
CLIENT_SOURCE = "clients c LEFT JOIN statements s ON s.id = c.statement"
AUDIT_COLUMNS = ", ".join(_OF_AUDIT)
TOKEN_COLUMNS = (
    "t.hash, c.market, c.client_id, t.scope, t.issued_at, t.expires_at, t.x5t_s256, g.grant_id, t.sub, t.details"
)
TOKEN_SOURCE = "access_tokens t JOIN clients c ON c.id = t.client LEFT JOIN grants g ON g.id = t.granted"


@dataclass(frozen=True, slots=True)
class PreparedStatement:
    """A software statement; its claims become text only where it is not known yet."""

    digest: str
    jws: str
    claims: Mapping[str, JsonValue]

    def row(self) -> Row:
        """As a row of `statements`."""
        return self.digest, self.jws, _json(dict(self.claims))


@lean
@dataclass(frozen=True, slots=True)
class PreparedChange:
    """A change as SQL parameters. Without client, token and ends it is a bare audit row."""

    audit: Row
    client: Parameters | None
    statement: PreparedStatement | None
    replaces: int | None
    used: tuple[Parameters, ...]
    duplicates_allowed: bool
    issues: Parameters | None
    ends_tokens_of: tuple[str, str] | None
    ends_token: str | None
    #: What it is to errands; None for nearly all changes.
    errand: PreparedErrand | None


def prepare(change: Change, sealer: Sealer, *, burns: bool = False) -> PreparedChange:
    """The rows of a change. One that stores neither client nor token burns no jti, unless it is told to.

    Raises: ValueError for a change that no flow may make.
    """
    client, token = change.client, change.issues
    if client is not None and change.replaces is not None and client.version not in _versions(change, change.replaces):
        raise ValueError("a client that takes another's place bears the next version")
    return PreparedChange(
        audit=_audit_row(change.audit),
        client=_client_parameters(client, sealer) if client else None,
        statement=_statement(client) if client else None,
        replaces=change.replaces,
        used=tuple(_used_parameters(used, change) for used in change.used) if _burns(change) or burns else (),
        duplicates_allowed=change.duplicates_allowed,
        issues=_token_parameters(token) if token else None,
        ends_tokens_of=change.ends_tokens_of,
        ends_token=change.ends_token,
        errand=prepare_errand(change.begins, change.ends, change.undoes, sealer),
    )


def _versions(change: Change, replaces: int) -> tuple[int, ...]:
    # What an authorization server confirmed of a client may be nothing that its TPP sees.
    return (replaces + 1,) if change.ends is None else (replaces, replaces + 1)


def _burns(change: Change) -> bool:
    return bool(change.client or change.issues or _begun(change))


def _begun(change: Change) -> RegisteredClient | None:
    """The client that an errand is about to put in another's place."""
    return change.begins.successor if change.begins else None


def client_of(row: Row, sealer: Sealer | None) -> RegisteredClient:
    """The client of a row, equal to the one that was stored; without its secrets where no sealer is given.

    Raises: Misconfigured when a secret does not open.
    """
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
        secrets=_opened(document["secrets"], market, client_id, sealer) if sealer else {},
        registration_access_token_hash=column["registration_access_token_hash"],
        status=ClientStatus(column["status"]),
        version=column["version"],
        upstream=UpstreamRef(**document["upstream"]) if "upstream" in document else None,
    )


def audit_of(row: Row) -> AuditRecord:
    """The audit record of a row of AUDIT_COLUMNS."""
    column = dict(zip(_OF_AUDIT, (*row[:-2], *map(json.loads, row[-2:])), strict=True))
    column["findings"] = tuple(tuple(finding) for finding in column["findings"])
    return AuditRecord(**column)


def token_of(row: Row) -> AccessToken:
    """The access token of a row of TOKEN_COLUMNS."""
    hash_, market, client_id, scope, issued_at, expires_at, x5t_s256, grant, sub, details = row
    return AccessToken(
        hash_,
        market,
        client_id,
        tuple(scope.split()),
        issued_at,
        expires_at,
        x5t_s256,
        grant,
        sub,
        details_of(details) if details else (),
    )


def details_text(details: Details) -> str:
    """Details as JSON."""
    return _json(as_json(details))


def details_of(text: str) -> Details:
    """The details of such a text, equal to those that were stored."""
    return tuple(AuthorizationDetail(each["type"], each) for each in json.loads(text))


def _opened(sealed: Parameters, market: str, client_id: str, sealer: Sealer) -> dict[str, str]:
    return {name: sealer.open(secret, _context(name, market, client_id)) for name, secret in sealed.items()}


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
    if client.upstream is not None:
        document["upstream"] = {"client_id": client.upstream.client_id, "uri": client.upstream.uri}
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
        "registration_access_token_hash": client.registration_access_token_hash,
        "status": client.status.value,
        "version": client.version,
        "document": _json(document),
        "sought": _sought(client),
    }


def _sought(client: RegisteredClient) -> str:
    """What an operator's text is sought in."""
    names = (client.metadata.members.get("client_name"), client.statement_claims.get("org_name"))
    texts = [name[:_LONGEST_NAME] if isinstance(name, str) else "" for name in names]
    text = "\n".join([client.client_id, client.org_id or "", client.software_id or "", *texts])
    # A lone surrogate has no UTF-8, and nobody types one.
    return text.casefold().encode(errors="replace").decode()


def _statement(client: RegisteredClient) -> PreparedStatement | None:
    jws = client.software_statement
    if jws is None:
        return None
    return PreparedStatement(hashlib.sha256(jws.encode()).hexdigest(), jws, client.statement_claims)


def _used_parameters(used: UsedToken, change: Change) -> Parameters:
    client, token = change.client or _begun(change), change.issues
    return {
        "market": client.market if client else token.market if token else change.audit.market,
        "kind": used.kind,
        "issuer": used.issuer,
        "jti": used.jti,
        "request_digest": client.request_digest if client else "",
        "subject_key": client.subject_key if client else "",
        "expires_at": used.expires_at,
        # Only a registration may come twice, once its client is gone; a client assertion never.
        "repeatable": change.client is not None and change.replaces is None and used.kind != "client_assertion",
    }


def _token_parameters(token: AccessToken) -> Parameters:
    return {
        "hash": token.hash,
        "market": token.market,
        "client_id": token.client_id,
        "scope": " ".join(token.scope),
        "issued_at": token.issued_at,
        "expires_at": token.expires_at,
        "x5t_s256": token.x5t_s256,
        "grant": token.grant,
        "sub": token.sub,
        "details": details_text(token.details) if token.details else None,
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
