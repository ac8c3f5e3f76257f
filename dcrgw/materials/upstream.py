"""A market's own authorization server, with what it takes to speak with it opened."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509
from pydantic import SecretStr

from dcrgw.adapters.keystores import KeyPair
from dcrgw.config.credentials import has_credentials
from dcrgw.config.sections.upstream import UpstreamSettings
from dcrgw.core.upstream.server import Gap, TokenSource, UpstreamServer
from dcrgw.materials.opening import Opening

#: What each kind of server has, whatever its discovery document says.
_KNOWN_METHODS = {
    "rfc7592": ("private_key_jwt", "tls_client_auth", "client_secret_basic", "client_secret_post", "client_secret_jwt"),
    "oidc-provider": (
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
    ),
    "keycloak": (
        "private_key_jwt",
        "tls_client_auth",
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
    ),
    "hydra": ("private_key_jwt", "client_secret_basic", "client_secret_post"),
}


@dataclass(frozen=True, slots=True)
class UpstreamMaterials:
    """What it takes to speak with one market's AS. `issuer` is the market's."""

    market: str
    issuer: str
    settings: UpstreamSettings
    trust: tuple[x509.Certificate, ...] | None
    transport: KeyPair | None
    registration_token: SecretStr | None = field(repr=False)
    admin_client_secret: SecretStr | None = field(repr=False)
    introspection_client_secret: SecretStr | None = field(repr=False)
    proof: SecretStr | None = field(repr=False)


def upstream_server(settings: UpstreamSettings) -> UpstreamServer:
    """What judgements depend on."""
    return UpstreamServer(
        kind=settings.kind,
        auth_methods=frozenset(settings.auth_methods or _known_methods(settings)),
        gap=Gap(settings.gap),
        takes_client_id=settings.kind in ("keycloak", "hydra") or settings.header_of_ids is not None,
        finds_clients=settings.kind in ("keycloak", "hydra") or settings.header_of_ids is not None,
        url=settings.url,
        pages=settings.pages,
        page_redirects=settings.page_redirects,
        token_source=TokenSource(settings.management_tokens),
        give_up_s=settings.give_up_s,
        # Where it is not told of a certificate there is nothing to bind to.
        binds_tokens=settings.kind != "hydra" and settings.form is not None,
        added_scopes=frozenset(settings.added_scopes),
        # An attempt may look for a client first, and ask for a token before that.
        attempt_s=3 * settings.total_s,
        retry_s=settings.retry_s,
        alarm_s=settings.alarm_s,
        may_drop=frozenset(settings.may_drop),
        gets_statement=settings.kind == "oidc-provider" if settings.send_statement is None else settings.send_statement,
    )


def _known_methods(settings: UpstreamSettings) -> tuple[str, ...]:
    """What such a server has; a certificate that it is not told of proves nothing to it."""
    known = _KNOWN_METHODS[settings.kind]
    return known if settings.form else tuple(method for method in known if "tls_client_auth" not in method)


def upstream_materials(
    opening: Opening, key: str, market: str, issuer: str, settings: UpstreamSettings
) -> UpstreamMaterials:
    """Faults are noted in `opening`."""

    def secret(name: str) -> SecretStr | None:
        reference = getattr(settings, name)
        return opening.secret(f"{key}.{name}", reference) if reference is not None else None

    return UpstreamMaterials(
        market=market,
        issuer=issuer,
        settings=settings,
        trust=opening.trust(f"{key}.trust_keystore", settings.trust_keystore, settings.trust_keystore_password),
        transport=_transport(opening, key, settings) if has_credentials(settings, prefix="transport_") else None,
        registration_token=secret("registration_token"),
        admin_client_secret=secret("admin_client_secret"),
        introspection_client_secret=secret("introspection_client_secret"),
        proof=secret("proof"),
    )


def _transport(opening: Opening, key: str, settings: UpstreamSettings) -> KeyPair | None:
    if settings.transport_keystore is not None:
        password = settings.transport_keystore_password
        return opening.keystore(f"{key}.transport_keystore", settings.transport_keystore, password)
    assert settings.transport_cert is not None
    assert settings.transport_key is not None
    password = settings.transport_key_password
    return opening.pem_pair(f"{key}.transport_key", settings.transport_cert, settings.transport_key, password)
