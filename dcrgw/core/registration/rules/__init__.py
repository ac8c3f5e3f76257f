"""The rules of a registration: one file a theme, each rule a check, all judged together.

They run on what would be registered, also when a bank's script has changed it, and on every update.
"""

from __future__ import annotations

from typing import Any

from dcrgw.core.checks import Check, Findings, Judgement
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
    tls,
)
from dcrgw.core.registration.rules.subject import Registration

__all__ = ["RULES", "Registration", "judge"]

#: In the order in which a reader would ask: who, what is there, where to, what for, how.
RULES: tuple[Check[Any], ...] = (
    identity.identity_kind,
    identity.identity_software,
    identity.identity_organisation,
    presence.metadata_required,
    redirects.redirect_uris_present,
    redirects.redirect_uris_form,
    redirects.redirect_uris_loopback,
    redirects.redirect_uris_subset,
    scopes.scope_form,
    scopes.scope_known,
    scopes.scope_within_roles,
    scopes.scope_authorised,
    scopes.scope_certified,
    scopes.scope_openid,
    grants.grant_types_offered,
    grants.response_types_offered,
    grants.grant_types_consistent,
    application.application_type_offered,
    application.subject_type_known,
    methods.auth_method_offered,
    methods.auth_method_algorithm_named,
    tls.tls_one_name,
    tls.tls_form,
    tls.tls_presented,
    jwks.jwks_one_source,
    jwks.jwks_by_value,
    jwks.jwks_public,
    jwks.jwks_of_statement,
    jwks.jwks_present,
    jwks.jwks_vouched,
    jwks.jwks_usable,
    algorithms.algorithms_signing,
    algorithms.algorithms_client_auth,
    algorithms.algorithms_encryption,
    ciba.ciba_delivery_mode,
    ciba.ciba_notification_endpoint,
    ciba.ciba_signing,
    ciba.ciba_user_code,
)


def judge(subject: Registration) -> Judgement[ClientMetadata]:
    """What may be registered, judged by every rule; all faults come at once."""
    findings = Findings()
    findings.run(RULES, subject)
    return findings.judgement(subject.metadata)
