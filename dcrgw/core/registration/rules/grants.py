"""Grant types and response types: offered, and in agreement."""

from __future__ import annotations

from dcrgw.core.checks import Outcome, Skipped, check
from dcrgw.core.registration.rules.subject import Registration
from dcrgw.errors import ErrorCode

_META = ErrorCode.INVALID_CLIENT_METADATA


def _foreign(name: str, asked: tuple[str, ...], offered: frozenset[str]) -> str | None:
    foreign = [index for index, value in enumerate(asked) if value not in offered]
    return f"{name}[{foreign[0]}] is not one of {', '.join(sorted(offered))}" if foreign else None


@check("rules.grant_types.offered", spec="OB UK DCR, grant_types; RFC 7591 §2", code=_META)
def grant_types_offered(subject: Registration) -> Outcome:
    """At least one grant type, and none that the market does not offer."""
    if not subject.grant_types:
        return "grant_types must name at least one grant type"
    return _foreign("grant_types", subject.grant_types, subject.profile.metadata.grant_types)


@check("rules.response_types.offered", spec="OB UK DCR, response_types; RFC 7591 §2", code=_META)
def response_types_offered(subject: Registration) -> Outcome:
    """No response type that the market does not offer."""
    return _foreign("response_types", subject.response_types, subject.profile.metadata.response_types)


@check("rules.grant_types.consistent", spec="RFC 7591 §2.1", code=_META)
def grant_types_consistent(subject: Registration) -> Outcome:
    """Response types and grant types need each other: code with authorization_code, tokens alone with implicit."""
    # DIVERGENCE: OpenID Connect Registration 1.0 §2 pairs `code id_token` with authorization_code and implicit;
    # OB UK has no implicit grant and its clients ask for `code id_token` with authorization_code alone.
    grants, types = subject.grant_types, subject.response_types
    for index, response_type in enumerate(types):
        needed = "authorization_code" if "code" in response_type.split(" ") else "implicit"
        if needed not in grants:
            return f"response_types[{index}] needs the grant type {needed}"
    if "authorization_code" in grants and not types:
        return "grant_types: authorization_code needs a response type with code"
    return None


@check("rules.grant_types.needed", spec="CDR DCR, grant_types; RFC 7591 §2", code=_META)
def grant_types_needed(subject: Registration) -> Outcome:
    """The grant types without which a client makes no sense in the market are asked for."""
    needed = subject.profile.metadata.needed_grant_types
    if not needed:
        return Skipped("the market needs no grant type")
    missing = sorted(needed.difference(subject.grant_types))
    return f"grant_types must hold {', '.join(missing)}" if missing else None


@check("rules.response_types.members", spec="CDR DCR, response_types; RFC 7591 §2", code=_META)
def response_types_members(subject: Registration) -> Outcome:
    """What the market wants beside a response type is there: how its answer is signed or encrypted."""
    wanted = subject.profile.metadata.response_type_members
    # As asked and as registered: a default does not say it, and a script may not take it away.
    members = subject.asked.members.keys() & subject.metadata.members.keys()
    if not wanted:
        return Skipped("the market wants nothing beside a response type")
    for index, response_type in enumerate(subject.response_types):
        missing = sorted(name for name in wanted.get(response_type, ()) if name not in members)
        if missing:
            return f"response_types[{index}] needs {', '.join(missing)}"
    return None
