"""What regulators said: competent-authority claims, in the several shapes that directories give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dcrgw.core.strict_json import JsonValue


@dataclass(frozen=True, slots=True)
class Authorisation:
    """One competent-authority authorisation: the regulator lets the organisation act in this role there."""

    member_state: str
    roles: frozenset[str]
    active: bool = True


#: Alpha-3 codes seen beside alpha-2 (the OB directory writes both GB and GBR).
_ALPHA_2 = {"GBR": "GB", "IRL": "IE"}


def country(code: str) -> str:
    """The member state as two upper-case letters, so that `GB` and `GBR` are one."""
    code = code.upper()
    return _ALPHA_2.get(code, code)


def active_roles(authorisations: Iterable[Authorisation], member_states: Iterable[str]) -> frozenset[str]:
    """The roles that are authorised now in one of `member_states`."""
    wanted = {country(state) for state in member_states}
    roles: set[str] = set()
    for authorisation in authorisations:
        if authorisation.active and country(authorisation.member_state) in wanted:
            roles |= authorisation.roles
    return frozenset(roles)


def read(claims: JsonValue) -> tuple[tuple[Authorisation, ...], tuple[str, ...]] | None:
    """Authorisations and the registration ids of the active claims; None for neither an object nor a list of them.

    OB UK sends one object, Brazil a list; keys come as `member_state` or `MemberState`, `Status` in any
    letter case, `Active` as a boolean or a word. What cannot be read authorises nothing.
    """
    entries = claims if isinstance(claims, list) else [claims]
    if not all(isinstance(entry, dict) for entry in entries):
        return None
    authorisations: list[Authorisation] = []
    registrations: list[str] = []
    for entry in entries:
        folded = _folded(entry)
        active = _is_active(folded)
        authorisations += _authorisations(folded, active)
        registration = folded.get("registrationid")
        if active and isinstance(registration, str) and registration:
            registrations.append(registration)
    return tuple(authorisations), tuple(registrations)


def _authorisations(entry: dict[str, JsonValue], entry_is_active: bool) -> Iterator[Authorisation]:
    listed = entry.get("authorisations")
    for item in listed if isinstance(listed, list) else []:
        folded = _folded(item)
        state = folded.get("memberstate", entry.get("memberstate"))
        if isinstance(state, str):
            yield Authorisation(country(state), _roles(folded), entry_is_active and _is_active(folded))


def _roles(item: dict[str, JsonValue]) -> frozenset[str]:
    found: set[str] = set()
    for key in ("roles", "role", "psd2role"):
        value = item.get(key)
        found.update(v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str))
    return frozenset(found)


def _is_active(item: dict[str, JsonValue]) -> bool:
    """Said to be active, or nothing said; a word or a value that we do not know is a no."""
    return all(
        item[key] is True or (isinstance(value := item[key], str) and value.lower() in {"active", "true"})
        for key in ("status", "active")
        if key in item
    )


def _folded(item: JsonValue) -> dict[str, JsonValue]:
    return {key.lower().replace("_", ""): value for key, value in item.items()} if isinstance(item, dict) else {}
