"""What sort of application the client is, and how it sees its users."""

from __future__ import annotations

from dcrgw.core.checks import Outcome, Skipped, check
from dcrgw.core.registration.rules.subject import Registration
from dcrgw.errors import ErrorCode

_META = ErrorCode.INVALID_CLIENT_METADATA
_SUBJECT_TYPES = frozenset({"public", "pairwise"})


@check(
    "rules.application_type.offered", spec="OB UK DCR, application_type; OpenID Connect Registration 1.0 §2", code=_META
)
def application_type_offered(subject: Registration) -> Outcome:
    """application_type is one that the market knows."""
    kind = subject.metadata.text("application_type")
    if kind is None:
        return Skipped("no application_type is asked for")
    types = subject.profile.metadata.application_types
    return None if kind in types else f"application_type must be one of {', '.join(sorted(types))}"


@check("rules.subject_type.known", spec="OpenID Connect Registration 1.0 §2", code=_META)
def subject_type_known(subject: Registration) -> Outcome:
    """subject_type is public or pairwise."""
    kind = subject.metadata.text("subject_type")
    if kind is None:
        return Skipped("no subject_type is asked for")
    return None if kind in _SUBJECT_TYPES else "subject_type must be public or pairwise"
