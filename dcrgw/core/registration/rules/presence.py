"""Which members a request must have."""

from __future__ import annotations

from dcrgw.core.checks import check
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
