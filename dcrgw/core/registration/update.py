"""What an update may not do, beyond what no registration may: the new state is still the same client's."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from dcrgw.core.checks import Findings, Judgement, gate
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.dates import numeric_date
from dcrgw.core.registration.profile import Profile
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode

_META = ErrorCode.INVALID_CLIENT_METADATA
_UNAPPROVED = ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT
_7592 = "RFC 7592 §2.2"

#: What only the server says of a client.
_NOT_SETTABLE = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)

SETTABLE = gate(
    "update.members.settable", "The request holds nothing that only the server sets.", spec=_7592, code=_META
)
CLIENT_ID = gate(
    "update.client_id.same",
    "client_id, which RFC 7592 needs and a signed request may leave out, is the one of the URL.",
    spec=_7592,
    code=_META,
)
CLIENT_SECRET = gate(
    "update.client_secret.same",
    "client_secret, where it is there, is the client's present one: nobody chooses a secret.",
    spec=_7592,
    code=_META,
)
SOFTWARE = gate(
    "update.software.same",
    "The statement is of the software that the client was registered for.",
    spec="OB UK DCR, PUT /register/{ClientId}; RFC 7591 §2",
    code=_UNAPPROVED,
)
ORGANISATION = gate(
    "update.organisation.same",
    "The statement is of the organisation that the client was registered for.",
    spec="OB UK DCR, PUT /register/{ClientId}; RFC 7592 §2.2",
    code=_UNAPPROVED,
)
NOT_OLDER = gate(
    "update.statement.not_older",
    "The statement was not issued before the stored one.",
    spec="OB UK DCR, PUT /register/{ClientId}; RFC 7592 §2.2",
    code=_UNAPPROVED,
)


def judge_members(
    unverified_claims: Mapping[str, JsonValue], client: RegisteredClient, profile: Profile
) -> Judgement[RegisteredClient]:
    """The client, when the request holds nothing that is not its to say."""
    findings = Findings()
    forbidden = [name for name in _NOT_SETTABLE if name in unverified_claims]
    findings.settle(SETTABLE, f"{', '.join(forbidden)} may not be sent: the server sets it" if forbidden else None)
    findings.settle(CLIENT_ID, _client_id_fault(unverified_claims, client, profile))
    findings.settle(CLIENT_SECRET, _client_secret_fault(unverified_claims, client))
    return findings.judgement(client)


def _client_id_fault(claims: Mapping[str, JsonValue], client: RegisteredClient, profile: Profile) -> str | None:
    if "client_id" not in claims:
        return "client_id is missing" if profile.management == "registration_access_token" else None
    return None if claims["client_id"] == client.client_id else "client_id is not the one of the URL"


def _client_secret_fault(claims: Mapping[str, JsonValue], client: RegisteredClient) -> str | None:
    if "client_secret" not in claims:
        return None
    sent, current = claims["client_secret"], client.secrets.get("client_secret", "")
    # Bytes: compare_digest takes ASCII text only, and a request may hold any. Nothing equals a secret that is not.
    same = isinstance(sent, str) and hmac.compare_digest(sent.encode("utf-8", "replace"), current.encode())
    return None if same and current else "client_secret is not the client's; leave it out"


def judge_statement(
    proven: SoftwareStatement | None, client: RegisteredClient, profile: Profile
) -> Judgement[RegisteredClient]:
    """The client, when the proven statement (None: none was sent) is of the same software and no older than its own."""
    findings = Findings()
    software = (proven.directory, proven.software_id) if proven else (None, None)
    same = software == (client.directory, client.software_id)
    findings.settle(SOFTWARE, None if same else "software_statement: is not of the software that the client is for")
    same = (proven.org_id if proven else None) == client.org_id
    findings.settle(ORGANISATION, None if same else "software_statement: is not of the client's organisation")
    if not profile.update_refuses_older_statement:
        findings.add(NOT_OLDER.skipped("this market takes older statements"))
    elif proven is None or proven.jws == client.software_statement:
        findings.add(NOT_OLDER.skipped("the request brings no other statement"))
    else:
        older = _is_older(proven.iat, client.statement_claims.get("iat"))
        findings.settle(NOT_OLDER, "software_statement: was issued before the stored one" if older else None)
    return findings.judgement(client)


def _is_older(iat: float | None, stored: JsonValue) -> bool:
    """A statement that does not say when it was issued cannot be shown to be as new as one that does."""
    since = numeric_date(stored)
    return since is not None and (iat is None or iat < since)
