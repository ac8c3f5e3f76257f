"""The certificate on the connection is the statement's: the TPP that connects is the TPP that registers."""

from __future__ import annotations

from collections.abc import Callable

from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Outcome, Skipped, check
from dcrgw.core.registration import holders
from dcrgw.core.registration.holders import Party
from dcrgw.core.registration.rules.subject import Registration
from dcrgw.errors import ErrorCode

_SPEC = "OB Directory certificate profiles; OB UK DCR, mutual TLS; RFC 8705 §2.1"
_UNAPPROVED = ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT


@check("rules.identity.kind", spec=_SPEC, code=_UNAPPROVED)
def identity_kind(subject: Registration) -> Outcome:
    """The client certificate is of a kind that the market ties to statements."""
    if subject.identity.kind in subject.profile.identity:
        return None
    return f"a client certificate of kind {subject.identity.kind} may not register in this market"


@check("rules.identity.software", spec=_SPEC, code=_UNAPPROVED)
def identity_software(subject: Registration) -> Outcome:
    """A client certificate that names a software names the statement's."""
    return _compare(subject, holders.software_fault)


@check("rules.identity.organisation", spec=_SPEC, code=_UNAPPROVED)
def identity_organisation(subject: Registration) -> Outcome:
    """The client certificate's organisation is the statement's."""
    return _compare(subject, holders.organisation_fault)


def _compare(subject: Registration, fault: Callable[[str, ClientIdentity, Party], Outcome]) -> Outcome:
    statement = subject.proven
    strategy = subject.profile.identity.get(subject.identity.kind)
    if strategy is None:
        return Skipped("the certificate's kind is refused already")
    party = Party(statement.software_id, statement.org_id, statement.regulator_entries)
    return fault(strategy, subject.identity, party)
