"""Lists of participants as directories publish them, read into one shape. Values in, values out.

Open Finance Brasil lists organisations with their regulatory roles and names no software; the CDR Register lists data
recipients, their brands (the org_id of a statement) and each brand's software products, with a status on every level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dcrgw.core import strict_json
from dcrgw.core.registration.standing import Standing
from dcrgw.core.strict_json import JsonValue

_MAX_DEPTH = 32

Members = dict[str, JsonValue]


class ListUnreadable(ValueError):
    """The answer is no list that can be relied on. The message never echoes it."""


@dataclass(frozen=True, slots=True)
class Participant:
    """One organisation. `roles` and `software` (id -> whether it is active) are None where the list has none."""

    active: bool
    roles: frozenset[str] | None = None
    software: Mapping[str, bool] | None = None


#: By organisation id.
Participants = Mapping[str, Participant]


@dataclass(frozen=True, slots=True)
class ListKind:
    """How one kind of list is asked for and read."""

    read: Callable[[bytes], Participants]
    headers: Mapping[str, str]


def standing(
    listed: Participants, software_id: str, org_id: str | None, *, observed_at: float, source: str
) -> Standing:
    """What a list says of a software in an organisation."""
    entry = listed.get(org_id) if org_id is not None else None
    if entry is None or (entry.software is not None and software_id not in entry.software):
        return Standing(False, None, software_id, False, False, None, None, observed_at, source)
    return Standing(
        found=True,
        org_id=org_id,
        software_id=software_id,
        organisation_active=entry.active,
        software_active=None if entry.software is None else entry.software[software_id],
        software_roles=entry.roles,
        authorisations=None,
        observed_at=observed_at,
        source=source,
    )


def read_participants(body: bytes) -> Participants:
    """The organisations of Open Finance Brasil's list of participants. Raises: ListUnreadable."""
    return _by_id(
        (_text(each, "OrganisationId"), Participant(_is_active(each, "Status"), _roles(each)))
        for each in _objects(_loaded(body))
    )


def _roles(organisation: Members) -> frozenset[str] | None:
    claims = organisation.get("OrgDomainRoleClaims")
    if claims is None:
        return None
    return frozenset(_text(claim, "Role") for claim in _objects(claims) if _is_active(claim, "Status"))


def read_data_recipients(body: bytes) -> Participants:
    """The brands of the CDR Register's data recipients; a brand of a data recipient that is not active is not either.

    Raises: ListUnreadable.
    """
    listed = _loaded(body)
    if not isinstance(listed, dict):
        raise ListUnreadable("the list is no JSON object")
    return _by_id(
        (_text(brand, "dataRecipientBrandId"), _brand(brand, _is_active(recipient, "status")))
        for recipient in _objects(listed.get("data"))
        for brand in _objects(recipient.get("dataRecipientBrands", []))
    )


def _brand(brand: Members, recipient_is_active: bool) -> Participant:
    products = _objects(brand.get("softwareProducts", []))
    software = [(_text(product, "softwareProductId"), _is_active(product, "status")) for product in products]
    if len(dict(software)) != len(software):
        raise ListUnreadable("the list holds a software product twice")
    return Participant(recipient_is_active and _is_active(brand, "status"), software=dict(software))


#: A directory's kind -> its list.
LISTS: Mapping[str, ListKind] = {
    "participants": ListKind(read_participants, MappingProxyType({"Accept": "application/json"})),
    # CDR Register: the version of the list is asked for.
    "data-recipients": ListKind(read_data_recipients, MappingProxyType({"Accept": "application/json", "x-v": "3"})),
}


def _loaded(body: bytes) -> JsonValue:
    try:
        return strict_json.loads(body, max_depth=_MAX_DEPTH)
    except strict_json.JsonRefused as error:
        raise ListUnreadable(f"the list {error}") from None


def _by_id(entries: Iterable[tuple[str, Participant]]) -> Participants:
    found: dict[str, Participant] = {}
    for org_id, entry in entries:
        # Of two entries for one organisation nobody can say which holds.
        if org_id in found:
            raise ListUnreadable("the list holds an organisation twice")
        found[org_id] = entry
    return found


def _objects(value: JsonValue) -> list[Members]:
    if not isinstance(value, list):
        raise ListUnreadable("the list has another shape")
    found = [each for each in value if isinstance(each, dict)]
    if len(found) != len(value):
        raise ListUnreadable("the list has another shape")
    return found


def _text(entry: Members, name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value:
        raise ListUnreadable(f"the list has an entry without {name}")
    return value


def _is_active(entry: Members, name: str) -> bool:
    value = entry.get(name)
    return isinstance(value, str) and value.strip().lower() == "active"
