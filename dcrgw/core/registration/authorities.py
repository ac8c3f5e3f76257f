"""What regulators said: competent-authority claims, in the several shapes that directories give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dcrgw.core.certificates import organization_identifier as organization_identifiers
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.values import lean


@lean
@dataclass(frozen=True, slots=True)
class Authorisation:
    """One competent-authority authorisation: the regulator lets the organisation act in this role there."""

    member_state: str
    roles: frozenset[str]
    active: bool = True


@dataclass(frozen=True, slots=True)
class RegulatorEntry:
    """How a regulator knows an organisation: `FCAGBR`, `900001`."""

    authority_id: str
    registration_id: str
    #: What the directory itself says that certificates call it, in whole: any form of organizationIdentifier.
    identifiers: frozenset[str] = frozenset()

    def is_named_by(self, organization_identifier: str) -> bool:
        """An organizationIdentifier names this very entry: one that the directory lists for it, or the ETSI one
        (PSDGB-FCA-900001) of the same country, authority and id.
        """
        if organization_identifier in self.identifiers:
            return True
        named = organization_identifiers.read(organization_identifier)
        if named is None or named.scheme != "PSD" or named.number != self.registration_id:
            return False
        authority = self.authority_id.upper()
        return authority.startswith(named.authority) and country(authority[len(named.authority) :]) == named.country


#: Alpha-3 codes seen beside alpha-2 (the OB directory writes both GB and GBR): the UK and the EEA.
_CODES = (
    "AUT=AT BEL=BE BGR=BG HRV=HR CYP=CY CZE=CZ DNK=DK EST=EE FIN=FI FRA=FR DEU=DE GRC=GR HUN=HU ISL=IS IRL=IE "
    "ITA=IT LVA=LV LIE=LI LTU=LT LUX=LU MLT=MT NLD=NL NOR=NO POL=PL PRT=PT ROU=RO SVK=SK SVN=SI ESP=ES SWE=SE GBR=GB"
)
_ALPHA_2 = dict(pair.split("=") for pair in _CODES.split())


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


#: What the claims say: who is authorised for what, and under which ids regulators know the organisation.
Authorities = tuple[tuple[Authorisation, ...], tuple[RegulatorEntry, ...]]


def read(claims: JsonValue) -> Authorities | None:
    """Authorisations, and the regulators' active entries; None for neither an object nor a list of them.

    OB UK sends one object, Brazil a list; keys come as `member_state` or `MemberState`, `Status` in any
    letter case, `Active` as a boolean or a word. What cannot be read authorises nothing.
    """
    entries = claims if isinstance(claims, list) else [claims]
    if not all(isinstance(entry, dict) for entry in entries):
        return None
    authorisations: list[Authorisation] = []
    regulator_entries: list[RegulatorEntry] = []
    for entry in entries:
        folded = _folded(entry)
        active = _is_active(folded)
        authorisations += _authorisations(folded, active)
        authority, registration = folded.get("authorityid"), folded.get("registrationid")
        if active and isinstance(authority, str) and isinstance(registration, str) and registration:
            regulator_entries.append(RegulatorEntry(authority, registration, _identifiers(folded)))
    return tuple(authorisations), tuple(regulator_entries)


def _identifiers(entry: dict[str, JsonValue]) -> frozenset[str]:
    """EtsiIdentifier and X509OrganisationIdentifier, each a text or a list of texts (OB Directory, SCIM)."""
    found: set[str] = set()
    for key in ("etsiidentifier", "x509organisationidentifier"):
        value = entry.get(key)
        found.update(v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str) and v)
    return frozenset(found)


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
        found.update([v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str)])
    return frozenset(found)


_YES = frozenset({"active", "true"})


def _is_active(item: dict[str, JsonValue]) -> bool:
    """Said to be active, or nothing said; a word or a value that we do not know is a no."""
    said = [item[key] for key in ("status", "active") if key in item]
    return all(value is True or (isinstance(value, str) and value.lower() in _YES) for value in said)


def _folded(item: JsonValue) -> dict[str, JsonValue]:
    return {key.lower().replace("_", ""): value for key, value in item.items()} if isinstance(item, dict) else {}
