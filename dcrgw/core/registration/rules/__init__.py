"""The rules of a registration: one file a theme, each rule a check, all judged together.

They run on what would be registered, also when a bank's script has changed it, and on every update.
"""

from __future__ import annotations

from dcrgw.core.checks import Check, Conditional, Findings, Judgement
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.registration.rules import (
    algorithms,
    application,
    ciba,
    grants,
    identity,
    jwks,
    methods,
    presence,
    redirects,
    scopes,
    subject,
    tls,
)
from dcrgw.core.registration.rules.subject import Registration

__all__ = ["RULES", "Registration", "judge"]

#: Whatever is asked for: who, what is there, where to, what for, how.
_ALWAYS: tuple[Check[Registration], ...] = (
    identity.identity_kind,
    presence.metadata_required,
    presence.metadata_forbidden,
    redirects.redirect_uris_present,
    redirects.redirect_uris_form,
    redirects.redirect_uris_loopback,
    scopes.scope_form,
    scopes.scope_known,
    scopes.scope_certified,
    scopes.scope_openid,
    grants.grant_types_offered,
    grants.grant_types_needed,
    grants.response_types_offered,
    grants.response_types_members,
    grants.grant_types_consistent,
    application.application_type_offered,
    application.subject_type_known,
    methods.auth_method_offered,
    methods.auth_method_algorithm_named,
    tls.tls_form,
    jwks.jwks_one_source,
    jwks.jwks_by_value,
    jwks.jwks_public,
    algorithms.algorithms_signing,
    algorithms.algorithms_client_auth,
    algorithms.algorithms_encryption,
)
_ON_CONDITION: tuple[Conditional[Registration], ...] = (
    Conditional(
        subject.has_statement,
        "the request brings no software statement",
        (
            identity.identity_software,
            identity.identity_organisation,
            redirects.redirect_uris_subset,
            scopes.scope_within_roles,
            scopes.scope_authorised,
            jwks.jwks_of_statement,
        ),
    ),
    Conditional(
        tls.is_method,
        "the client does not authenticate by tls_client_auth",
        (tls.tls_one_name, tls.tls_presented),
    ),
    Conditional(
        jwks.are_needed,
        "the client authenticates without a key set",
        (jwks.jwks_present, jwks.jwks_vouched),
    ),
    Conditional(jwks.sign_assertions, "the client authenticates without a key set", (jwks.jwks_usable,)),
    Conditional(
        jwks.is_self_signed, "the client does not authenticate by self-signed certificates", (jwks.jwks_certificate,)
    ),
    Conditional(
        ciba.is_used,
        "the client does not use CIBA, or may not",
        (ciba.ciba_delivery_mode, ciba.ciba_notification_endpoint, ciba.ciba_signing, ciba.ciba_user_code),
    ),
)

RULES = (*_ALWAYS, *(rule for conditional in _ON_CONDITION for rule in conditional.rules))


def judge(registration: Registration) -> Judgement[ClientMetadata]:
    """What may be registered, judged by every rule; all faults come at once."""
    findings = Findings()
    findings.run(_ALWAYS, registration)
    for conditional in _ON_CONDITION:
        findings.judge(conditional, registration)
    return findings.judgement(registration.metadata)
