"""Which profiles use a check: by the profile's own data, since that is what makes a judgement skip one.

The runs of the conformance packs hold it against what really judges in each market (tests/gateway/pack_runs.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dcrgw.config.profiles import load_profile, profile_names
from dcrgw.core.registration.profile import Profile

_Use = Callable[[Profile], bool]


def _member(*names: str) -> _Use:
    return lambda profile: not profile.metadata.members.isdisjoint(names)


def _method(*names: str) -> _Use:
    return lambda profile: not profile.metadata.auth_methods.isdisjoint(names)


def _grant(name: str) -> _Use:
    return lambda profile: name in profile.metadata.grant_types


def _is_signed(profile: Profile) -> bool:
    return bool(profile.request.jws_media_types)


def _is_hybrid(profile: Profile) -> bool:
    return any("id_token" in each for each in profile.metadata.response_types)


#: Beginning of ids -> the profiles that use them. What matches none is used by every profile.
_USES: Mapping[str, _Use] = {
    "request.jws.": _is_signed,
    "request.iss.": _is_signed,
    "request.iss.software": lambda profile: profile.request.issuer_is_software_id,
    "request.aud.": _is_signed,
    "request.iat.": _is_signed,
    "request.exp.": _is_signed,
    "request.nbf.": _is_signed,
    "request.jti.": _is_signed,
    "request.shape.json": lambda profile: bool(profile.request.json_media_types),
    "keys.request.": _is_signed,
    "statement.jti.present": lambda profile: profile.statement.single_use,
    "statement.roles.admitted": lambda profile: bool(profile.statement.admitted_roles),
    "standing.": lambda profile: profile.standing != "off",
    "standing.software.mode": lambda profile: profile.standing_compares_metadata,
    "standing.redirect_uris.": lambda profile: profile.standing_compares_metadata,
    "standing.roles.authorised": lambda profile: bool(profile.member_states),
    "rules.scope.authorised": lambda profile: bool(profile.member_states),
    "rules.scope.certified": lambda profile: profile.certificate_roles_limit_scopes,
    "rules.scope.within_roles": lambda profile: bool(profile.metadata.role_scopes),
    "rules.scope.known": lambda profile: bool(profile.metadata.role_scopes),
    "rules.identity.software": lambda profile: set(profile.identity.values()) != {"none"},
    "rules.identity.organisation": lambda profile: set(profile.identity.values()) != {"none"},
    "rules.grant_types.needed": lambda profile: bool(profile.metadata.needed_grant_types),
    "rules.response_types.members": lambda profile: bool(profile.metadata.response_type_members),
    "rules.metadata.forbidden": lambda profile: bool(profile.metadata.forbidden),
    "rules.auth_method.algorithm_named": lambda profile: bool(profile.metadata.auth_methods_needing_alg),
    "rules.subject_type.": _member("subject_type"),
    "rules.authorization_details_types.": _member("authorization_details_types"),
    "rules.jwks.by_value": _member("jwks"),
    "rules.jwks.public": _member("jwks"),
    "rules.jwks.usable": _member("jwks"),
    "rules.jwks.certificate": _method("self_signed_tls_client_auth"),
    "rules.jwks.of_statement": _member("jwks_uri"),
    "rules.algorithms.encryption": lambda profile: any("encrypted" in each for each in profile.metadata.members),
    "rules.ciba.": lambda profile: profile.metadata.ciba,
    "rules.tls_client_auth.": _method("tls_client_auth"),
    "client.basic.": _method("client_secret_basic"),
    "client.secret": _method("client_secret_basic", "client_secret_post", "client_secret_jwt"),
    "client.certificate.name": _method("tls_client_auth"),
    "client.certificate.keys": _method("self_signed_tls_client_auth"),
    "client.certificate.published": _method("self_signed_tls_client_auth"),
    "tls.self_signed.": _method("self_signed_tls_client_auth"),
    "client.assertion.": _method("private_key_jwt", "client_secret_jwt"),
    "authorize.": _grant("authorization_code"),
    "par.": _grant("authorization_code"),
    "authorize.nonce": _is_hybrid,
    "authorize.id_token.openid": _is_hybrid,
    "interaction.": _grant("authorization_code"),
    "customer.": _grant("authorization_code"),
    "token.code.": _grant("authorization_code"),
    "token.refresh.": _grant("refresh_token"),
    "token.scope.narrowed": _grant("refresh_token"),
    "management.token.scope": lambda profile: bool(profile.management_scope),
    **dict.fromkeys(
        (
            "management.token.current",
            "management.token.market",
            "management.token.client",
            "management.token.own_right",
            "management.token.certificate",
        ),
        lambda profile: profile.management == "access_token",
    ),
    "update.statement.not_older": lambda profile: profile.update_refuses_older_statement,
}


def profiles_of(check: str) -> list[str]:
    """The shipped profiles in whose markets the check may pass or fail."""
    uses = [use for beginning, use in _USES.items() if check.startswith(beginning)]
    return [name for name in profile_names() if all(use(load_profile(name)) for use in uses)]
