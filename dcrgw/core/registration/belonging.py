"""Whose certificate is it: how each identity strategy ties a certificate to a software and its organisation.

The same comparison holds when a client registers (against its statement) and whenever it comes again
(against what is stored of it), so that a renewed certificate is the same client and a stranger's never is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Failed, Outcome, Skipped
from dcrgw.core.registration import authorities
from dcrgw.core.registration.authorities import RegulatorEntry
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.profile import Profile


class Party(Protocol):
    """A software and its organisation, as a directory knows them: a software statement is one."""

    @property
    def software_id(self) -> str | None:
        """The software."""
        ...

    @property
    def org_id(self) -> str | None:
        """Its organisation."""
        ...

    @property
    def regulator_entries(self) -> tuple[RegulatorEntry, ...]:
        """Under which ids regulators know the organisation."""
        ...


@dataclass(frozen=True, slots=True)
class RegisteredParty:
    """The software and organisation that a client was registered for."""

    software_id: str | None
    org_id: str | None
    regulator_entries: tuple[RegulatorEntry, ...]


def party_of(client: RegisteredClient, profile: Profile) -> RegisteredParty:
    """Whom a client was registered for, by its stored statement."""
    claim = profile.statement.claims.get("competent_authority_claims")
    read = authorities.read(client.statement_claims.get(claim) or []) if claim is not None else None
    return RegisteredParty(client.software_id, client.org_id, read[1] if read else ())


def same_software(strategy: str, identity: ClientIdentity, party: Party) -> Outcome:
    """A certificate that names a software names the party's."""
    return _STRATEGIES[strategy][0](identity, party)


def same_organisation(strategy: str, identity: ClientIdentity, party: Party) -> Outcome:
    """The certificate's organisation is the party's."""
    return _STRATEGIES[strategy][1](identity, party)


def _software_in_cn(identity: ClientIdentity, party: Party) -> Outcome:
    if party.software_id is not None and identity.common_name == party.software_id:
        return None
    return Failed(
        "the client certificate's common name is not the software's software_id", f"CN {identity.common_name}"
    )


def _no_software(identity: ClientIdentity, _party: Party) -> Outcome:
    return Skipped(f"a certificate of kind {identity.kind} names no software")


def _organisation_in_ou(identity: ClientIdentity, party: Party) -> Outcome:
    if party.org_id is not None and identity.organizational_unit == party.org_id:
        return None
    return Failed(
        "the client certificate's organizational unit is not the organisation's org_id",
        f"OU {identity.organizational_unit}",
    )


def _organisation_in_cn(identity: ClientIdentity, party: Party) -> Outcome:
    if party.org_id is not None and identity.common_name == party.org_id:
        return None
    return Failed("the client certificate's common name is not the organisation's org_id", f"CN {identity.common_name}")


def _organisation_at_regulator(identity: ClientIdentity, party: Party) -> Outcome:
    named = identity.organization_identifier
    if named is not None and any(entry.is_named_by(named) for entry in party.regulator_entries):
        return None
    return Failed(
        "the client certificate's organizationIdentifier is not a registration of the organisation",
        f"organizationIdentifier {named}",
    )


def _no_organisation(_identity: ClientIdentity, _party: Party) -> Outcome:
    return Skipped("the market ties no certificate to a statement")


_Compare = Callable[[ClientIdentity, Party], Outcome]

#: Strategy of a profile -> how the software, and how the organisation, is compared.
_STRATEGIES: dict[str, tuple[_Compare, _Compare]] = {
    "cn=software_id,ou=org_id": (_software_in_cn, _organisation_in_ou),
    "cn=org_id": (_no_software, _organisation_in_cn),
    "organizationIdentifier=registration_id": (_no_software, _organisation_at_regulator),
    "none": (_no_software, _no_organisation),
}
