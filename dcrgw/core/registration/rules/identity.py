"""The certificate on the connection is the statement's: the TPP that connects is the TPP that registers."""

from __future__ import annotations

from collections.abc import Callable

from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Failed, Outcome, Skipped, check
from dcrgw.core.registration.rules.subject import NO_STATEMENT, Registration
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.errors import ErrorCode

_SPEC = "OB Directory certificate profiles; OB UK DCR, mutual TLS; RFC 8705 §2.1"
_UNAPPROVED = ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT


def _software_in_cn(identity: ClientIdentity, statement: SoftwareStatement) -> Outcome:
    if identity.common_name == statement.software_id:
        return None
    return Failed(
        "the client certificate's common name is not the statement's software_id", f"CN {identity.common_name}"
    )


def _no_software(identity: ClientIdentity, _statement: SoftwareStatement) -> Outcome:
    return Skipped(f"a certificate of kind {identity.kind} names no software")


def _organisation_in_ou(identity: ClientIdentity, statement: SoftwareStatement) -> Outcome:
    if statement.org_id is not None and identity.organizational_unit == statement.org_id:
        return None
    return Failed(
        "the client certificate's organizational unit is not the statement's org_id",
        f"OU {identity.organizational_unit}",
    )


def _organisation_in_cn(identity: ClientIdentity, statement: SoftwareStatement) -> Outcome:
    if statement.org_id is not None and identity.common_name == statement.org_id:
        return None
    return Failed("the client certificate's common name is not the statement's org_id", f"CN {identity.common_name}")


def _organisation_at_regulator(identity: ClientIdentity, statement: SoftwareStatement) -> Outcome:
    named = identity.organization_identifier
    if named is not None and any(entry.is_named_by(named) for entry in statement.regulator_entries):
        return None
    return Failed(
        "the client certificate's organizationIdentifier is not a registration of the statement's organisation",
        f"organizationIdentifier {named}",
    )


def _no_organisation(_identity: ClientIdentity, _statement: SoftwareStatement) -> Outcome:
    return Skipped("the market ties no certificate to a statement")


_Compare = Callable[[ClientIdentity, SoftwareStatement], Outcome]

#: Strategy of a profile -> how the software, and how the organisation, is compared.
_STRATEGIES: dict[str, tuple[_Compare, _Compare]] = {
    "cn=software_id,ou=org_id": (_software_in_cn, _organisation_in_ou),
    "cn=org_id": (_no_software, _organisation_in_cn),
    "organizationIdentifier=registration_id": (_no_software, _organisation_at_regulator),
    "none": (_no_software, _no_organisation),
}


@check("rules.identity.kind", spec=_SPEC, code=_UNAPPROVED)
def identity_kind(subject: Registration) -> Outcome:
    """The client certificate is of a kind that the market ties to statements."""
    if subject.identity.kind in subject.profile.identity:
        return None
    return f"a client certificate of kind {subject.identity.kind} may not register in this market"


@check("rules.identity.software", spec=_SPEC, code=_UNAPPROVED)
def identity_software(subject: Registration) -> Outcome:
    """A client certificate that names a software names the statement's."""
    return _compare(subject, 0)


@check("rules.identity.organisation", spec=_SPEC, code=_UNAPPROVED)
def identity_organisation(subject: Registration) -> Outcome:
    """The client certificate's organisation is the statement's."""
    return _compare(subject, 1)


def _compare(subject: Registration, which: int) -> Outcome:
    if subject.statement is None:
        return NO_STATEMENT
    strategy = subject.profile.identity.get(subject.identity.kind)
    if strategy is None:
        return Skipped("the certificate's kind is refused already")
    return _STRATEGIES[strategy][which](subject.identity, subject.statement)
