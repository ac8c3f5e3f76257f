"""The client information response: what a TPP sees of its registration."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.members import MEMBERS
from dcrgw.core.registration.profile import Profile
from dcrgw.core.strict_json import JsonValue

#: Claims about the token rather than the software: for the request only (OB UK DCR, data dictionary).
_TOKEN_CLAIMS = frozenset({"iss", "iat", "exp", "nbf", "aud", "jti"})
#: What only this server says of a client; a statement that holds such a claim does not get to say it.
_SERVER_MEMBERS = frozenset(
    {
        "client_id",
        "client_id_issued_at",
        "client_secret",
        "client_secret_expires_at",
        "registration_access_token",
        "registration_client_uri",
        "software_statement",
    }
)
_CREDENTIALS = frozenset({"client_secret", "registration_access_token"})
#: Members that are as much the statement's to say.
_SHARED_MEMBERS = frozenset({"software_id", "software_version", "software_roles"})


def client_information(client: RegisteredClient, profile: Profile) -> dict[str, JsonValue]:
    """The flat JSON of a 201 or 200: registered metadata, the statement's claims, ids and times.

    A client_secret stands in it only where there is one; `attributes` never do.
    Spec: RFC 7591 §3.2.1; OB UK DCR, OBClientRegistration1.
    """
    # What the server says comes last: no registered member, however it came there, gets to say it.
    answer: dict[str, JsonValue] = {name: v for name, v in client.metadata.members.items() if _is_metadata(name)}
    answer |= {alias: answer[name] for alias, name in profile.metadata.aliases.items() if name in answer}
    answer["client_id"] = client.client_id
    # Seconds, where several banks send milliseconds.
    answer["client_id_issued_at"] = int(client.client_id_issued_at)
    secret = client.secrets.get("client_secret")
    if secret is not None:
        answer["client_secret"] = secret
        answer["client_secret_expires_at"] = 0  # RFC 7591 §3.2.1: needed beside a secret; 0 is never
    if client.software_statement is not None:
        answer["software_statement"] = client.software_statement
    if profile.flatten_statement:
        for name, value in client.statement_claims.items():
            if name not in answer and _is_shown(name):
                answer[name] = value
    return answer


def registration_management(
    client: RegisteredClient, market: Market, registration_access_token: str | None
) -> dict[str, JsonValue]:
    """The members by which a client finds and manages its registration, beside its client information.

    None in markets where it does so by an access token: OB UK has no such members. The URL is made from the
    market's base URL, never from a request's Host. Spec: RFC 7592 §3.
    """
    if market.profile.management != "registration_access_token":
        return {}
    members: dict[str, JsonValue] = {"registration_client_uri": f"{market.base_url}/register/{client.client_id}"}
    if registration_access_token is not None:
        members["registration_access_token"] = registration_access_token
    return members


def without_credentials(answer: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The answer as a script may see it."""
    return {name: value for name, value in answer.items() if name not in _CREDENTIALS}


def additions(
    shown: Mapping[str, JsonValue], changed: Mapping[str, JsonValue]
) -> tuple[dict[str, JsonValue], list[str]]:
    """What a script added to an answer, and the members in which it went too far.

    An answer says what is registered (RFC 7591 §3.2.1), so no member of it may be changed or left out, and none be
    added that would pass for metadata, for a credential or for a member of RFC 7592.
    """
    unlike = [name for name, value in shown.items() if name not in changed or not _same(changed[name], value)]
    added = {name: value for name, value in changed.items() if name not in shown}
    foreign = [name for name in added if name in _SERVER_MEMBERS or name.partition("#")[0] in MEMBERS]
    return added, sorted(unlike + foreign)


def _same(left: JsonValue, right: JsonValue) -> bool:
    """As JSON: 1 and true are not the same."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _is_metadata(name: str) -> bool:
    return name not in _SERVER_MEMBERS


def _is_shown(name: str) -> bool:
    """A claim about the software, not one that would pass for metadata which is not registered."""
    if name in _TOKEN_CLAIMS or name in _SERVER_MEMBERS:
        return False
    return name in _SHARED_MEMBERS or name.partition("#")[0] not in MEMBERS
