"""Scopes: only what the software's roles allow, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dcrgw.core.checks import Outcome, Skipped, check
from dcrgw.core.registration.authorities import active_roles
from dcrgw.core.registration.rules.subject import Registration
from dcrgw.errors import ErrorCode

_META = ErrorCode.INVALID_CLIENT_METADATA
_SPEC = "OB UK DCR, scope; OB UK DCR, software_roles; RFC 7591 §2"
#: RFC 6749 §3.3: scope-token; the words stand apart by exactly one blank.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")


def _scopes_of_roles(subject: Registration) -> list[tuple[int, str]]:
    """The requested scopes that need a role, with their place."""
    free = subject.profile.metadata.free_scopes
    return [(index, scope) for index, scope in enumerate(subject.scopes) if scope not in free]


def _places(indices: Iterable[int]) -> str:
    return ", ".join(str(index + 1) for index in indices)


@check("rules.scope.form", spec="RFC 6749 §3.3; RFC 7591 §2", code=_META)
def scope_form(subject: Registration) -> Outcome:
    """scope is words of scope characters, one blank between them, none twice."""
    scope = subject.metadata.text("scope")
    if scope is None:
        return Skipped("the request names no scope")
    if not _SCOPE.fullmatch(scope):
        return "scope must be words with one blank between them"
    words = scope.split(" ")
    return None if len(set(words)) == len(words) else "scope holds a word twice"


@check("rules.scope.known", spec="OB UK DCR, scope; RFC 7591 §2", code=_META)
def scope_known(subject: Registration) -> Outcome:
    """Every scope is one that the market has."""
    rules = subject.profile.metadata
    if not rules.role_scopes:
        return Skipped("the market lists no scopes")
    unknown = [index for index, scope in _scopes_of_roles(subject) if scope not in rules.roles_by_scope]
    return f"scope: word {_places(unknown)} is not a scope of this market" if unknown else None


@check("rules.scope.within_roles", spec=_SPEC, code=_META)
def scope_within_roles(subject: Registration) -> Outcome:
    """Every scope is allowed by one of the statement's software roles."""
    rules = subject.profile.metadata
    if not rules.role_scopes:
        return Skipped("roles do not limit scopes in this market")
    roles, by_scope = subject.proven.software_roles, rules.roles_by_scope
    beyond = [i for i, scope in _scopes_of_roles(subject) if roles.isdisjoint(by_scope.get(scope, ()))]
    return f"scope: word {_places(beyond)} is beyond the statement's software roles" if beyond else None


@check(
    "rules.scope.authorised",
    spec="OB UK DCR, organisation_competent_authority_claims; RFC 7591 §3.2.2",
    code=ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT,
)
def scope_authorised(subject: Registration) -> Outcome:
    """Every scope is allowed by a role that the statement says a regulator authorises now."""
    rules, statement = subject.profile.metadata, subject.proven
    if not rules.role_scopes or not subject.profile.member_states:
        return Skipped("the market compares no authorisations")
    if statement.authorisations is None:
        return Skipped("the statement carries no competent-authority claims")
    # The effective roles are those of the software which the organisation may still play.
    roles = statement.software_roles & active_roles(statement.authorisations, subject.profile.member_states)
    barred = []
    for index, scope in _scopes_of_roles(subject):
        allowing = rules.roles_by_scope.get(scope, frozenset())
        if roles.isdisjoint(allowing) and not statement.software_roles.isdisjoint(allowing):
            barred.append(index)
    return f"scope: word {_places(barred)} needs a role that no regulator authorises" if barred else None


#: ETSI TS 119 495 §5.1: the roles of a PSD2 statement, as statements call them.
_PSD2_ROLES = {"PSP_AS": "ASPSP", "PSP_PI": "PISP", "PSP_AI": "AISP", "PSP_IC": "CBPII"}


@check(
    "rules.scope.certified",
    spec="PSD2 RTS art. 34; ETSI TS 119 495 §5.1; RFC 7591 §2",
    code=ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT,
)
def scope_certified(subject: Registration) -> Outcome:
    """Every scope is allowed by a PSD2 role of the certificate, where it has any and the market compares them."""
    rules = subject.profile.metadata
    if not subject.profile.certificate_roles_limit_scopes or not rules.role_scopes:
        return Skipped("certificates limit no scopes in this market")
    certified = subject.identity.psd2_roles
    if not certified:
        return Skipped("the client certificate has no PSD2 statement")
    roles = {_PSD2_ROLES.get(role, role) for role in certified}
    beyond = [
        index for index, scope in _scopes_of_roles(subject) if roles.isdisjoint(rules.roles_by_scope.get(scope, ()))
    ]
    return f"scope: word {_places(beyond)} needs a PSD2 role that the client certificate lacks" if beyond else None


@check("rules.scope.openid", spec="OpenID Connect Core 1.0 §3.1.2.1", code=_META)
def scope_openid(subject: Registration) -> Outcome:
    """A client that is to get ID tokens asks for the scope openid."""
    scope = subject.metadata.text("scope")
    if scope is None or not any("id_token" in response_type.split(" ") for response_type in subject.response_types):
        return Skipped("no ID token comes from the authorization endpoint")
    return None if "openid" in subject.scopes else "scope must hold openid for a response type with id_token"
