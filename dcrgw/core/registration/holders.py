"""Whose certificate it is: a profile's identity strategies, for a statement's TPP and for a registered client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dcrgw.core.certificates.identity import ClientIdentity, subject_key
from dcrgw.core.checks import Failed, Outcome, Skipped
from dcrgw.core.registration import authorities
from dcrgw.core.registration.authorities import RegulatorEntry
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.profile import Profile
from dcrgw.core.values import lean

__all__ = ["Party", "client_fault", "organisation_fault", "software_fault"]


@lean
@dataclass(frozen=True, slots=True)
class Party:
    """A software and its organisation, as the directory knows them."""

    software_id: str | None
    org_id: str | None
    regulator_entries: tuple[RegulatorEntry, ...] = ()


class Named(Protocol):
    """What both a subject and an identity say."""

    @property
    def common_name(self) -> str: ...

    @property
    def organizational_unit(self) -> str | None: ...

    @property
    def organization_identifier(self) -> str | None: ...

    @property
    def uid(self) -> str | None: ...


def software_fault(strategy: str, identity: ClientIdentity, party: Party) -> Outcome:
    """Why the certificate is not this software's; `strategy` is one of a profile's `identity`."""
    return _STRATEGIES[strategy][0](identity, party)


def organisation_fault(strategy: str, identity: ClientIdentity, party: Party) -> Outcome:
    """Why the certificate is not this organisation's; `strategy` is one of a profile's `identity`."""
    return _STRATEGIES[strategy][1](identity, party)


def client_fault(identity: ClientIdentity, client: RegisteredClient, profile: Profile) -> str | None:
    """Why a certificate is not one of a registered client's TPP, None when it is.

    Where nothing in the certificate names a TPP, it is the subject that registered: that stays the same over renewals.
    """
    strategy = profile.identity.get(identity.kind)
    if strategy is None:
        return f"a certificate of kind {identity.kind} identifies no client in this market"
    if strategy == "none" or client.software_statement is None:
        return (
            None if subject_key(identity) == client.subject_key else "the certificate is not the registered subject's"
        )
    party = Party(client.software_id, client.org_id, _regulator_entries(client, profile))
    for outcome in (software_fault(strategy, identity, party), organisation_fault(strategy, identity, party)):
        if isinstance(outcome, Failed):
            return outcome.description
    return None


def in_words(strategy: str, named: Named) -> str:
    """Whom a certificate names by a profile's strategy, for people."""
    match strategy:
        case "cn=software_id,ou=org_id":
            return f"software {named.common_name} of organisation {named.organizational_unit}"
        case "cn=org_id":
            return f"organisation {named.common_name}, and no software"
        case "uid=software_id,organizationIdentifier=OFBBR-org_id":
            organisation = (named.organization_identifier or "").removeprefix("OFBBR-")
            return f"software {named.uid} of organisation {organisation}"
        case "organizationIdentifier=registration_id":
            return f"the organisation that regulators know as {named.organization_identifier}, and no software"
        case _:
            return "its subject alone: the market ties no certificate to a statement"


def _regulator_entries(client: RegisteredClient, profile: Profile) -> tuple[RegulatorEntry, ...]:
    name = profile.statement.claims.get("competent_authority_claims")
    read = authorities.read(client.statement_claims.get(name, [])) if name is not None else None
    return read[1] if read is not None else ()


def _software_in_cn(identity: ClientIdentity, party: Party) -> Outcome:
    if party.software_id is not None and identity.common_name == party.software_id:
        return None
    return Failed(
        "the client certificate's common name is not the statement's software_id", f"CN {identity.common_name}"
    )


def _no_software(identity: ClientIdentity, _party: Party) -> Outcome:
    return Skipped(f"a certificate of kind {identity.kind} names no software")


def _organisation_in_ou(identity: ClientIdentity, party: Party) -> Outcome:
    if party.org_id is not None and identity.organizational_unit == party.org_id:
        return None
    return Failed(
        "the client certificate's organizational unit is not the statement's org_id",
        f"OU {identity.organizational_unit}",
    )


def _organisation_in_cn(identity: ClientIdentity, party: Party) -> Outcome:
    if party.org_id is not None and identity.common_name == party.org_id:
        return None
    return Failed("the client certificate's common name is not the statement's org_id", f"CN {identity.common_name}")


def _organisation_at_regulator(identity: ClientIdentity, party: Party) -> Outcome:
    named = identity.organization_identifier
    if named is not None and any(entry.is_named_by(named) for entry in party.regulator_entries):
        return None
    return Failed(
        "the client certificate's organizationIdentifier is not a registration of the statement's organisation",
        f"organizationIdentifier {named}",
    )


def _software_in_uid(identity: ClientIdentity, party: Party) -> Outcome:
    if party.software_id is not None and identity.uid == party.software_id:
        return None
    return Failed("the client certificate's UID is not the statement's software_id", f"UID {identity.uid}")


def _organisation_of_brazil(identity: ClientIdentity, party: Party) -> Outcome:
    # Open Finance Brasil, certificate standard: the prefix says whose register the id is of.
    if party.org_id is not None and identity.organization_identifier == f"OFBBR-{party.org_id}":
        return None
    return Failed(
        "the client certificate's organizationIdentifier is not OFBBR- and the statement's org_id",
        f"organizationIdentifier {identity.organization_identifier}",
    )


def _no_organisation(_identity: ClientIdentity, _party: Party) -> Outcome:
    return Skipped("the market ties no certificate to a statement")


_Compare = Callable[[ClientIdentity, Party], Outcome]

#: Strategy of a profile -> how the software, and how the organisation, is compared.
_STRATEGIES: dict[str, tuple[_Compare, _Compare]] = {
    "cn=software_id,ou=org_id": (_software_in_cn, _organisation_in_ou),
    "cn=org_id": (_no_software, _organisation_in_cn),
    "organizationIdentifier=registration_id": (_no_software, _organisation_at_regulator),
    "uid=software_id,organizationIdentifier=OFBBR-org_id": (_software_in_uid, _organisation_of_brazil),
    "none": (_no_software, _no_organisation),
}
