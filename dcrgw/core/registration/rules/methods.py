"""How the client will authenticate at the token endpoint."""

from __future__ import annotations

from dcrgw.core.checks import Outcome, Skipped, check
from dcrgw.core.registration.rules.subject import Registration
from dcrgw.core.upstream import gaps
from dcrgw.errors import ErrorCode

_META = ErrorCode.INVALID_CLIENT_METADATA


@check("rules.auth_method.offered", spec="OB UK DCR, token_endpoint_auth_method; RFC 7591 §2", code=_META)
def auth_method_offered(subject: Registration) -> Outcome:
    """token_endpoint_auth_method is one that the profile knows and this bank offers."""
    server = subject.market.upstream
    offered = [m for m in subject.market.auth_methods if m in subject.profile.metadata.auth_methods]
    if server is not None:
        offered = [method for method in offered if gaps.fault(method, server) is None]
    if subject.auth_method in offered:
        return None
    return f"token_endpoint_auth_method must be one of {', '.join(offered)}"


@check(
    "rules.auth_method.algorithm_named",
    spec="OB UK DCR, token_endpoint_auth_signing_alg; OpenID Connect Registration 1.0 §2",
    code=_META,
)
def auth_method_algorithm_named(subject: Registration) -> Outcome:
    """A client that signs assertions says with which algorithm, where the market needs to know."""
    method = subject.auth_method
    if method not in subject.profile.metadata.auth_methods_needing_alg:
        return Skipped("the method signs nothing, or the market has a default")
    if subject.metadata.text("token_endpoint_auth_signing_alg") is not None:
        return None
    return f"token_endpoint_auth_signing_alg is missing: {method} needs it"
