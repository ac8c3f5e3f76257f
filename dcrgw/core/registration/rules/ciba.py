"""Client initiated backchannel authentication: four members that come with the grant."""

from __future__ import annotations

from dcrgw.core.checks import Outcome, Skipped, check
from dcrgw.core.registration.members import CIBA_GRANT
from dcrgw.core.registration.rules.subject import Registration
from dcrgw.errors import ErrorCode

_META = ErrorCode.INVALID_CLIENT_METADATA


def is_used(subject: Registration) -> bool:
    """Whether the client uses CIBA, and the market has it."""
    # Where the market has no such grant, asking for it is refused already, and its members mean nothing.
    return CIBA_GRANT in subject.grant_types and CIBA_GRANT in subject.profile.metadata.grant_types


@check(
    "rules.ciba.delivery_mode",
    spec="OB UK DCR 3.3, backchannel_token_delivery_mode; OpenID CIBA Core 1.0 §4",
    code=_META,
)
def ciba_delivery_mode(subject: Registration) -> Outcome:
    """A CIBA client names a token delivery mode that the market offers."""
    modes = subject.profile.metadata.ciba_delivery_modes
    if subject.metadata.text("backchannel_token_delivery_mode") in modes:
        return None
    return f"backchannel_token_delivery_mode must be one of {', '.join(sorted(modes))}"


@check(
    "rules.ciba.notification_endpoint",
    spec="OB UK DCR 3.3, backchannel_client_notification_endpoint; OpenID CIBA Core 1.0 §4",
    code=_META,
)
def ciba_notification_endpoint(subject: Registration) -> Outcome:
    """A CIBA client that does not poll names where it is notified."""
    if subject.metadata.text("backchannel_token_delivery_mode") == "poll":
        return Skipped("the client polls")
    if subject.metadata.text("backchannel_client_notification_endpoint"):
        return None
    return "backchannel_client_notification_endpoint is missing"


@check(
    "rules.ciba.signing",
    spec="OB UK DCR 3.3, backchannel_authentication_request_signing_alg; OpenID CIBA Core 1.0 §4",
    code=_META,
)
def ciba_signing(subject: Registration) -> Outcome:
    """A CIBA client says how it signs its authentication requests."""
    if subject.metadata.text("backchannel_authentication_request_signing_alg"):
        return None
    return "backchannel_authentication_request_signing_alg is missing"


@check(
    "rules.ciba.user_code",
    spec="OB UK DCR 3.3, backchannel_user_code_parameter_supported; OpenID CIBA Core 1.0 §4",
    code=_META,
)
def ciba_user_code(subject: Registration) -> Outcome:
    """A CIBA client does not use user codes."""
    used = [
        name
        for name in ("backchannel_user_code_parameter_supported", "backchannel_user_code_parameter")
        if subject.metadata.members.get(name) is True
    ]
    return f"{used[0]} must be false" if used else None
