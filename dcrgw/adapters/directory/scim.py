"""The question about one software and the reading of its answer (RFC 7644). Values in, values out.

Strict in what is sent, tolerant in how a directory spells its answer, and never a guess: what says two things
at once, or less than it claims to, is unreadable and not a yes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from dcrgw.core import strict_json
from dcrgw.core.registration.standing import Standing
from dcrgw.core.registration.statement import Authorisation
from dcrgw.core.strict_json import JsonValue

_MAX_DEPTH = 32
_ORGANISATION = "urn:openbanking:organisation:1.0"
_SOFTWARE = "urn:openbanking:softwarestatement:1.0"
_AUTHORITIES = ("urn:openbanking:competentauthorityclaims:1.0", "urn:trustframework:competentauthorityclaims:1.1")
#: The directory writes the one or the other.
_STATES = {"GBR": "GB"}

Members = dict[str, JsonValue]


class AnswerUnreadable(ValueError):
    """The answer is no SCIM list that can be relied on. The message never echoes it."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of resources. `is_whole` False: the directory has more than it sent."""

    resources: tuple[Members, ...]
    is_whole: bool


def question(base_url: str, software_id: str) -> str:
    """The URL that asks for the organisation with this active software."""
    # RFC 7644 §3.4.2.2: a value is a JSON string, so JSON's escapes keep an odd id from becoming filter syntax.
    value = json.dumps(software_id)
    asked = f"{_SOFTWARE}:SoftwareStatements[Id eq {value} and Active eq true]"
    return f"{base_url}{'&' if '?' in base_url else '?'}filter={quote(asked, safe='')}"


def read(body: bytes) -> Listing:
    """The resources of a ListResponse. Raises: AnswerUnreadable."""
    try:
        members = strict_json.loads_object(body, max_depth=_MAX_DEPTH)
    except strict_json.JsonRefused as error:
        raise AnswerUnreadable(f"the SCIM answer {error}") from None
    total, start = _member(members, "totalResults"), _member(members, "startIndex")
    if isinstance(total, bool) or not isinstance(total, int) or total < 0:
        raise AnswerUnreadable("the SCIM answer has no totalResults")
    # RFC 7644 §3.4.2: Resources may be left out when there are none.
    resources = tuple(_object(entry) for entry in _list(_member(members, "Resources")))
    if total == 0 and resources:
        raise AnswerUnreadable("the SCIM answer counts no result but lists some")
    before = start - 1 if isinstance(start, int) and start > 1 else 0
    return Listing(resources, before == 0 and len(resources) >= total)


def standing(listing: Listing, software_id: str, org_id: str | None, *, observed_at: float, source: str) -> Standing:
    """What the listing says of a software in an organisation (None: in the only one that lists it).

    Raises: AnswerUnreadable, also when it is not listed but the listing is not whole.
    """
    records = [record for record in (_record(resource, software_id) for resource in listing.resources) if record]
    fitting = [record for record in records if org_id is None or record.org_id == org_id]
    if not fitting and not listing.is_whole:
        raise AnswerUnreadable("the SCIM answer is only a part of the results")
    if len(fitting) != 1:
        return Standing(False, None, software_id, False, False, None, None, observed_at, source)
    (record,) = fitting
    return Standing(
        found=True,
        org_id=record.org_id,
        software_id=software_id,
        organisation_active=_is_active(record.organisation),
        software_active=all(_is_active(entry) for entry in record.entries),
        software_roles=_agreed(record.entries, "Roles"),
        authorisations=_authorisations(record.resource),
        observed_at=observed_at,
        source=source,
        redirect_uris=_agreed(record.entries, "RedirectUri"),
        software_mode=_mode(record.entries),
    )


@dataclass(frozen=True, slots=True)
class _Record:
    """A resource that lists the software, with what it says of both."""

    org_id: str | None
    organisation: Members
    entries: list[Members]
    resource: Members


def _record(resource: Members, software_id: str) -> _Record | None:
    listed = _list(_member(_object(_member(resource, _SOFTWARE)), "SoftwareStatements"))
    entries = [entry for entry in map(_object, listed) if _text(_member(entry, "Id")) == software_id]
    if not entries:
        return None
    organisation = _object(_member(resource, _ORGANISATION))
    return _Record(_text(_member(organisation, "OBOrganisationId")), organisation, entries, resource)


def _agreed(entries: Iterable[Members], name: str) -> frozenset[str] | None:
    """What a list holds in every entry of this software; None when no entry has it."""
    said = [_member(entry, name) for entry in entries]
    if all(listed is None for listed in said):
        return None
    return frozenset.intersection(*(frozenset(_strings(listed)) for listed in said))


def _mode(entries: Iterable[Members]) -> str | None:
    """The software's mode; the word that is not Live where entries differ, None when no entry has one."""
    said = [mode for mode in (_text(_member(entry, "Mode")) for entry in entries) if mode is not None]
    return min(said, key=lambda mode: mode.strip().lower() == "live", default=None)


def _authorisations(resource: Members) -> tuple[Authorisation, ...] | None:
    # An organisation may hold claims under either schema, and one claim or several.
    claims = [claim for urn in _AUTHORITIES for claim in map(_object, _list_or_one(_member(resource, urn)))]
    if not claims and not _speaks_of_authorities(resource):
        return None
    return tuple(_authorisation(claim, entry) for claim in claims for entry in _listed(claim))


def _speaks_of_authorities(resource: Members) -> bool:
    """Whether a resource without claims says so, by its schemas or an empty list: then nobody authorises it."""
    schemas = {schema.lower() for schema in _strings(_member(resource, "schemas"))}
    return any(urn.lower() in schemas or _member(resource, urn) is not None for urn in _AUTHORITIES)


def _listed(claim: Members) -> list[Members]:
    return [_object(entry) for entry in _list(_member(claim, "Authorisations"))]


def _authorisation(claim: Members, entry: Members) -> Authorisation:
    state = _text(_member(entry, "MemberState")) or _text(_member(claim, "MemberState")) or ""
    state = state.strip().upper()
    # The claim as a whole may have been withdrawn; most directories do not say, then the entry counts.
    withdrawn = _says_anything(claim) and not _is_active(claim)
    return Authorisation(
        member_state=_STATES.get(state, state),
        roles=frozenset(_strings(_member(entry, "Psd2Role"))),
        active=_is_active(entry) and not withdrawn,
    )


def _says_anything(thing: Members) -> bool:
    return _member(thing, "Active") is not None or _member(thing, "Status") is not None


def _is_active(thing: Members) -> bool:
    """`Active` as a boolean or its name, `Status` as a text: one of them must be there, and all must agree."""
    said = [value for value in (_member(thing, "Active"), _member(thing, "Status")) if value is not None]
    return bool(said) and all(
        value is True or (isinstance(value, str) and value.strip().lower() in ("active", "true")) for value in said
    )


def _member(thing: Members, name: str) -> JsonValue:
    """A member by its name in any letter case (RFC 7643 §2.1)."""
    wanted = name.lower()
    found = [value for member, value in thing.items() if member.lower() == wanted]
    if len(found) > 1:
        raise AnswerUnreadable(f"the SCIM answer holds {name} twice")
    return found[0] if found else None


def _object(value: JsonValue) -> Members:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise AnswerUnreadable("the SCIM answer has another shape")
    return value


def _list(value: JsonValue) -> list[JsonValue]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise AnswerUnreadable("the SCIM answer has another shape")
    return value


def _list_or_one(value: JsonValue) -> list[JsonValue]:
    return [value] if isinstance(value, dict) else _list(value)


def _strings(value: JsonValue) -> list[str]:
    listed = [value] if isinstance(value, str) else _list(value)
    found = [entry for entry in listed if isinstance(entry, str)]
    if len(found) != len(listed):
        raise AnswerUnreadable("the SCIM answer has another shape")
    return found


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
