"""What a market's own authorization server needs to be asked, and what would let others speak for it or for TPPs."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from dcrgw.config.credentials import has_credentials
from dcrgw.config.faults import ConfigFault
from dcrgw.config.model import Settings
from dcrgw.config.sections.upstream import UpstreamSettings
from dcrgw.core.upstream.gaps import BY_SECRET

Fault = tuple[str, str, str]


def _servers(settings: Settings) -> Iterator[tuple[str, UpstreamSettings]]:
    for i, market in enumerate(settings.markets):
        if market.upstream is not None:
            yield f"market[{i}].upstream", market.upstream


def _complete(settings: Settings) -> Iterator[ConfigFault]:
    for key, own in _servers(settings):
        for name, reason, fix in (*_pairs(own), *_of_kind(own), *_keycloak(own)):
            yield ConfigFault(f"{key}.{name}", reason, fix)


def _pairs(own: UpstreamSettings) -> Iterator[Fault]:
    """Settings that mean nothing alone."""
    for name, other in (
        ("proof", "proof_header"),
        ("proof_header", "proof"),
        ("admin_client_secret", "admin_client_id"),
        ("introspection_client_secret", "introspection_client_id"),
    ):
        if getattr(own, name) is not None and getattr(own, other) is None:
            yield other, f"is missing beside {name}", "add it"
    if own.certificate_header is not None and own.form is None:
        yield "certificate_header", "names a header, but no certificate is passed on", "set certificate_form"


#: Settings that only some kinds have.
_ONLY = {
    "admin_url": ("keycloak", "hydra"),
    "admin_client_id": ("keycloak",),
    "admin_client_secret": ("keycloak",),
    "client_id_header": ("rfc7592", "oidc-provider"),
    "registration_token": ("rfc7592", "oidc-provider"),
}


def _of_kind(own: UpstreamSettings) -> Iterator[Fault]:
    for name, kinds in _ONLY.items():
        if getattr(own, name) is not None and own.kind not in kinds:
            yield name, f"is not for {own.kind}", f"remove it: it is for {' and '.join(kinds)}"
    if own.kind == "hydra" and own.admin_url is None:
        yield "admin_url", "is missing: clients of Hydra are kept by its admin port", "add it"


def _keycloak(own: UpstreamSettings) -> Iterator[Fault]:
    if own.kind != "keycloak":
        return
    if "/realms/" not in own.url or "/" in own.realm:
        yield "url", "names no realm of Keycloak", "let it end in /realms/ and the realm's name"
    if own.admin_client_id is None:
        fix = "make a client there with a service account that has realm-management's manage-clients"
        yield "admin_client_id", "is missing", fix
    elif own.admin_client_secret is None and not has_credentials(own, prefix="transport_"):
        yield "admin_client_secret", "is missing, and there is no transport certificate in its place", "add it"


def _certificates_are_believed(settings: Settings) -> Iterator[ConfigFault]:
    """A header that says who the TPP is may be believed only from the gateway: so the gateway must prove itself."""
    for key, own in _servers(settings):
        is_proven = has_credentials(own, prefix="transport_") or own.proof is not None
        if own.form is not None and not is_proven:
            reason = "passes TPPs' certificates on over a connection on which the gateway does not prove itself"
            fix = 'set transport_keystore, or proof_header and proof; or "none"'
            yield ConfigFault(f"{key}.certificate_form", reason, fix)
        for i, method in enumerate(own.auth_methods):
            if own.form is None and "tls_client_auth" in method:
                reason = f"{method} cannot be the server's own: it is not told of the certificate"
                yield ConfigFault(f"{key}.auth_methods[{i}]", reason, "set certificate_form, or take it out")


def _bridged_by_a_secret(settings: Settings) -> Iterator[ConfigFault]:
    """For a client whose method the server lacks the gateway shows a secret, by a method that the server has."""
    for key, own in _servers(settings):
        if own.gap == "bridge" and own.auth_methods and not {*BY_SECRET} & {*own.auth_methods}:
            reason = f"is bridge, but auth_methods has neither {' nor '.join(BY_SECRET)}"
            yield ConfigFault(f"{key}.gap", reason, "add one of them that the server has, or set refuse")


def _elsewhere(settings: Settings) -> Iterator[ConfigFault]:
    """The gateway behind itself would ask itself for ever."""
    ours = {urlsplit(url).netloc for each in settings.markets for url in (each.base_url, each.issuer)}
    for key, own in _servers(settings):
        for name in ("url", "admin_url"):
            url = getattr(own, name)
            if url is not None and urlsplit(url).netloc in ours:
                reason = "is the gateway's own address"
                yield ConfigFault(f"{key}.{name}", reason, "write where the server behind the gateway listens")


UPSTREAM_RULES = (_complete, _certificates_are_believed, _bridged_by_a_secret, _elsewhere)
