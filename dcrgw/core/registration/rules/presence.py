"""Which members a request must have."""

from __future__ import annotations

from dcrgw.core.checks import Outcome, Skipped, check
from dcrgw.core.registration.rules.subject import Registration
from dcrgw.errors import ErrorCode


@check(
    "rules.metadata.required",
    spec="OB UK DCR, OBClientRegistrationRequest1; RFC 7591 §2",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
def metadata_required(subject: Registration) -> str | None:
    """Every member that the market needs is in the request."""
    missing = [name for name in subject.profile.metadata.required if name not in subject.asked.members]
    if not missing:
        return None
    return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"


@check(
    "rules.metadata.forbidden",
    spec="Open Finance Brasil DCR, tls_client_auth; RFC 7591 §2",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
def metadata_forbidden(subject: Registration) -> Outcome:
    """No member is in the request that the market refuses rather than drops."""
    forbidden = subject.profile.metadata.forbidden
    if not forbidden:
        return Skipped("the market drops what it does not take")
    sent = [name for name in forbidden if name in subject.request.claims]
    return f"{', '.join(sent)} must not be sent in this market" if sent else None
