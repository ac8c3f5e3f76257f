"""What the settings name on disk or in the environment, opened: one whole generation, or every fault at once.

A start, a reload and `check-config` all come through here. It is synchronous and may take long
(keystores stretch their passwords): use a thread where a loop is running.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from dcrgw.adapters import customers
from dcrgw.adapters.keystores import KeyPair, PrivateKey
from dcrgw.adapters.revocation_sources import RevocationSources
from dcrgw.config.credentials import has_credentials
from dcrgw.config.explaining import did_you_mean
from dcrgw.config.faults import ConfigFault, ConfigurationRefused
from dcrgw.config.model import Settings
from dcrgw.config.profiles import profile_served
from dcrgw.config.sections.directories import DirectorySettings
from dcrgw.config.sections.keeping import SigningSettings
from dcrgw.config.sections.listeners import ServerListener
from dcrgw.config.sections.markets import MarketSettings
from dcrgw.config.values import split_https
from dcrgw.core.authorization.detail_rules import DeclaredType
from dcrgw.core.certificates.leaf import LeafPolicy
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.market import Directory, Market
from dcrgw.materials.administration import AdminMaterials, admin_socket, admin_tls
from dcrgw.materials.authorization import authorization_server, declared_types
from dcrgw.materials.opening import Opening
from dcrgw.materials.proxied import ProxiedMaterials, proxied
from dcrgw.materials.revocation import revocation_policy, revocation_sources
from dcrgw.materials.scripts import script_values
from dcrgw.materials.self_signed import SelfSignedMaterials, self_signed_listener
from dcrgw.materials.upstream import UpstreamMaterials, upstream_materials, upstream_server

__all__ = [
    "AdminMaterials",
    "DirectoryMaterials",
    "Materials",
    "UpstreamMaterials",
    "open_asking",
    "open_markets",
    "open_materials",
    "open_sealing_keys",
]

#: A trust store's certificates; None is the system's own roots.
Trust = tuple[x509.Certificate, ...] | None


@dataclass(frozen=True, slots=True)
class DirectoryMaterials:
    """What it takes to speak with one directory. `proxy` is a URL, with its user's password where it has one."""

    settings: DirectorySettings
    client_id: str | None
    transport: KeyPair | None
    signing_key: PrivateKey | None = field(repr=False)
    #: The signing key's certificate, where one is named.
    signing_certificate: x509.Certificate | None
    trust: Trust
    software_trust: Trust
    proxy: SecretStr | None


@dataclass(frozen=True, slots=True)
class Materials:
    """A generation, ready to serve. `sealing_keys` are in their order: the first seals, all open."""

    settings: Settings
    mtls: KeyPair
    public: KeyPair | None
    admin: AdminMaterials | None
    directories: Mapping[str, DirectoryMaterials]
    markets: Mapping[str, Market]
    sealing_keys: tuple[bytes, ...] = field(repr=False)
    #: The operator's own signature key; None where ours stand in the registry.
    signing_key: PrivateKey | None = field(repr=False)
    #: Its certificate, where it came with one.
    signing_certificate: x509.Certificate | None
    #: Those who may sign in on our pages.
    customers: tuple[customers.Entry, ...] = field(repr=False)
    #: Script name -> property name -> value, references resolved.
    script_properties: Mapping[str, Mapping[str, SecretStr]]
    #: Types of authorization_details that the settings declare.
    detail_types: tuple[DeclaredType, ...]
    #: The proxy that scripts' questions go by.
    script_proxy: SecretStr | None
    warnings: tuple[ConfigFault, ...]
    #: Whom the markets ask about revoked certificates.
    revocation: tuple[RevocationSources, ...] = ()
    #: The general way out, for what is no directory's.
    proxy: SecretStr | None = None
    proxied: ProxiedMaterials | None = None
    self_signed: SelfSignedMaterials | None = None
    #: The authorization servers behind markets that have their own, by market.
    upstreams: Mapping[str, UpstreamMaterials] = field(default_factory=dict)

    @property
    def pairs(self) -> tuple[tuple[str, KeyPair], ...]:
        """Our own key pairs, each with the words that name it."""
        found = [("the mutual TLS listener", self.mtls)]
        if self.public is not None:
            found.append(("the public listener", self.public))
        if self.proxied is not None and self.proxied.pair is not None:
            found.append(("the proxied listener", self.proxied.pair))
        if self.self_signed is not None:
            found.append(("the self-signed listener", self.self_signed.pair))
        if self.admin is not None and self.admin.tls is not None:
            found.append(("the administration's listener", self.admin.tls.pair))
        transports = ((each.settings.name, each.transport) for each in self.directories.values())
        found += [(f"transport to {name}", pair) for name, pair in transports if pair is not None]
        upstreams = ((name, each.transport) for name, each in self.upstreams.items())
        found += [(f"transport to {name}'s authorization server", pair) for name, pair in upstreams if pair is not None]
        return tuple(found)

    @property
    def own(self) -> frozenset[x509.Certificate]:
        """Our own certificates."""
        signing = [self.signing_certificate, *(each.signing_certificate for each in self.directories.values())]
        return frozenset([*(pair.certificate for _, pair in self.pairs), *(each for each in signing if each)])


def open_materials(settings: Settings, at: float, *, serving: Materials | None = None) -> Materials:
    """Open and judge all of it as of `at` (epoch seconds).

    What is `serving` already may have expired meanwhile: that must not keep other changes out.
    Raises: ConfigurationRefused with every fault.
    """
    opening = Opening(at, is_sandbox=settings.is_sandbox, serving=serving.own if serving is not None else frozenset())
    mtls = _listener(opening, "listeners.mtls", settings.listeners.mtls)
    public = settings.listeners.public
    public_pair = _listener(opening, "listeners.public", public) if public else None
    directories = {
        each.name: _directory(opening, f"directory[{i}]", each, settings) for i, each in enumerate(settings.directories)
    }
    markets = {
        each.name: _market(opening, f"market[{i}]", each, settings, mtls) for i, each in enumerate(settings.markets)
    }
    admin = _admin(opening, settings, markets.values())
    behind_proxy = _proxied(opening, settings, markets.values())
    self_signed = self_signed_listener(
        opening, settings.listeners.self_signed, _self_signed_pair(opening, settings), settings.markets, markets
    )
    upstreams = {
        each.name: upstream_materials(opening, f"market[{i}].upstream", each.name, each.issuer, each.upstream)
        for i, each in enumerate(settings.markets)
        if each.upstream is not None
    }
    sealing_keys = _sealing_keys(opening, settings)
    signing_key, signing_certificate = _signing_key(opening, settings.signing)
    known_customers = _customers(opening, settings)
    properties = {
        each.name: script_values(opening, f"script[{i}]", each)
        for i, each in enumerate(settings.scripts)
        if each.enabled
    }
    detail_types = declared_types(opening, settings)
    proxy = opening.proxy("outbound", settings.outbound)
    script_proxy = opening.proxy("outbound", settings.outbound) if settings.scripting.http_hosts else None
    opening.folder("registry.path", settings.registry.path.parent)
    opening.private("registry.path", settings.registry.path)
    opening.own_file("configuration", settings.source)
    for i, path in enumerate(settings.reload.gate.bundles):
        opening.bundles(f"reload.gate.bundles[{i}]", path)
    if opening.faults or mtls is None:
        raise ConfigurationRefused(settings.source, opening.faults)
    return Materials(
        settings,
        mtls,
        public_pair,
        admin,
        directories,
        markets,
        sealing_keys,
        signing_key,
        signing_certificate,
        known_customers,
        properties,
        detail_types,
        script_proxy,
        (*settings.warnings, *opening.warnings),
        revocation_sources(settings, markets, admin.tls.anchors if admin is not None and admin.tls else None),
        proxy,
        behind_proxy,
        self_signed,
        upstreams,
    )


def open_markets(settings: Settings, at: float) -> dict[str, Market]:
    """The markets with their trust, and nothing that is private. Raises: ConfigurationRefused."""
    opening = Opening(at, is_sandbox=settings.is_sandbox)
    markets = {
        each.name: _market(opening, f"market[{i}]", each, settings, None) for i, each in enumerate(settings.markets)
    }
    if opening.faults:
        raise ConfigurationRefused(settings.source, opening.faults)
    return markets


def open_asking(
    settings: Settings, markets: Mapping[str, Market], at: float
) -> tuple[tuple[RevocationSources, ...], SecretStr | None]:
    """Whom the markets ask about revoked certificates, and the proxy on the way. Raises: ConfigurationRefused."""
    opening = Opening(at, is_sandbox=settings.is_sandbox)
    proxy = opening.proxy("outbound", settings.outbound)
    if opening.faults:
        raise ConfigurationRefused(settings.source, opening.faults)
    return revocation_sources(settings, markets, None), proxy


def open_sealing_keys(settings: Settings, at: float) -> tuple[bytes, ...]:
    """The keys that seal stored secrets, and nothing else. Raises: ConfigurationRefused."""
    opening = Opening(at, is_sandbox=settings.is_sandbox)
    keys = _sealing_keys(opening, settings)
    if opening.faults:
        raise ConfigurationRefused(settings.source, opening.faults)
    return keys


def _sealing_keys(opening: Opening, settings: Settings) -> tuple[bytes, ...]:
    references = enumerate(settings.registry.sealing_keys)
    opened = [opening.sealing_key(f"registry.sealing_keys[{i}]", each) for i, each in references]
    return tuple(key for key in opened if key is not None)


def _signing_key(opening: Opening, signing: SigningSettings) -> tuple[PrivateKey | None, x509.Certificate | None]:
    if signing.keystore is not None:
        pair = opening.keystore("signing.keystore", signing.keystore, signing.keystore_password)
        key = opening.fitting_key("signing.alg", pair.key if pair else None, signing.alg)
        return key, pair.certificate if pair else None
    if signing.key is not None:
        key = opening.private_key("signing.key", signing.key, signing.key_password)
        return opening.fitting_key("signing.alg", key, signing.alg), None
    if signing.hsm_key is not None:
        key = opening.hsm_key("signing.hsm_key", signing.hsm_key, "signing.hsm_pin", signing.hsm_pin)
        return opening.fitting_key("signing.alg", key, signing.alg), None
    return None, None


def _customers(opening: Opening, settings: Settings) -> tuple[customers.Entry, ...]:
    key, path = "consent.customers", settings.consent.customers
    found = opening.customers(key, path) if path is not None else ()
    known = [market.name for market in settings.markets]
    for entry in found:
        for name in sorted(entry.markets.difference(known)):
            fix = did_you_mean(name, known, f"there are {', '.join(known)}")
            opening.faults.append(ConfigFault(key, f"{entry.login} names a market {name} that is not there", fix))
    return found


def _listener(opening: Opening, key: str, listener: ServerListener) -> KeyPair | None:
    if listener.keystore is not None:
        return opening.keystore(f"{key}.keystore", listener.keystore, listener.keystore_password)
    assert listener.certificate is not None
    assert listener.key is not None
    return opening.pem_pair(f"{key}.key", listener.certificate, listener.key, listener.key_password)


def _admin(opening: Opening, settings: Settings, markets: Iterable[Market]) -> AdminMaterials | None:
    admin = settings.admin
    if admin is None:
        return None
    pair = _listener(opening, "admin.tls", admin.tls) if admin.tls else None
    of_tpps = [each for market in markets for each in market.anchors.certificates]
    return AdminMaterials(admin_socket(opening, admin), admin_tls(opening, admin.tls, pair, of_tpps))


def _proxied(opening: Opening, settings: Settings, markets: Iterable[Market]) -> ProxiedMaterials | None:
    listener = settings.listeners.proxied
    pair = _listener(opening, "listeners.proxied", listener) if listener is not None and listener.has_tls else None
    of_tpps = [each for market in markets for each in market.anchors.certificates]
    return proxied(opening, listener, pair, of_tpps)


def _self_signed_pair(opening: Opening, settings: Settings) -> KeyPair | None:
    listener = settings.listeners.self_signed
    return _listener(opening, "listeners.self_signed", listener) if listener is not None else None


def _directory(opening: Opening, key: str, directory: DirectorySettings, settings: Settings) -> DirectoryMaterials:
    transport = _transport(opening, key, directory) if has_credentials(directory, prefix="transport_") else None
    client_id = directory.client_id
    if client_id is None and transport is not None:
        client_id = _common_name(transport.certificate)
        if client_id is None:
            reason = "is missing, and the transport certificate has no single common name"
            opening.faults.append(ConfigFault(f"{key}.client_id", reason, "set client_id"))
    trust = opening.trust(f"{key}.trust_keystore", directory.trust_keystore, directory.trust_keystore_password)
    software_trust = trust
    if directory.software_jwks_trust != directory.trust_keystore:
        software_key = f"{key}.software_jwks_trust"
        password = directory.software_jwks_trust_password
        software_trust = opening.trust(software_key, directory.software_jwks_trust, password)
    outbound = settings.outbound_of(directory)
    outbound_key = f"{key}.outbound" if directory.outbound else "outbound"
    return DirectoryMaterials(
        directory,
        client_id,
        transport,
        *opening.signing_key(key, directory),
        trust,
        software_trust,
        opening.proxy(outbound_key, outbound),
    )


def _transport(opening: Opening, key: str, directory: DirectorySettings) -> KeyPair | None:
    if directory.transport_keystore is not None:
        password = directory.transport_keystore_password
        return opening.keystore(f"{key}.transport_keystore", directory.transport_keystore, password)
    assert directory.transport_cert is not None
    assert directory.transport_key is not None
    password = directory.transport_key_password
    return opening.pem_pair(f"{key}.transport_key", directory.transport_cert, directory.transport_key, password)


def _market(opening: Opening, key: str, market: MarketSettings, settings: Settings, mtls: KeyPair | None) -> Market:
    password = market.trust_password, f"{key}.trust_password"
    roots = opening.trust_files(f"{key}.trust", market.trust, *password)
    intermediates = opening.trust_files(f"{key}.intermediates", market.intermediates, *password)
    qualified = opening.trust_files(f"{key}.qualified_trust", market.qualified_trust, *password)
    profile = profile_served(market, settings)
    opening.check_ids(f"{key}.error_codes", market.error_codes)
    opening.check_ids(f"{key}.profile, error_codes", profile.error_codes)
    if mtls is not None:
        opening.server_name(f"{key}.base_url", mtls, split_https(market.base_url).hostname or "")
    directories = [each for name in market.directories if (each := settings.directory(name))]
    return Market(
        name=market.name,
        base_url=market.base_url,
        issuer=market.issuer,
        profile=profile,
        directories={each.name: _core_directory(each) for each in directories},
        anchors=TrustAnchors(roots, intermediates, qualified),
        auth_methods=market.client_auth_methods,
        request_audiences=frozenset(market.request_audiences),
        refuse_loopback_redirects=not settings.is_sandbox,
        leeway_s=market.leeway_s,
        error_codes={**profile.error_codes, **market.error_codes},
        access_token_lifetime_s=market.access_token_lifetime_s,
        explain_errors=market.explain_errors,
        leaf=LeafPolicy(**market.certificates.model_dump()),
        revocation=revocation_policy(market.revocation),
        server=authorization_server(opening, f"{key}.authorization_server", market.authorization_server),
        upstream=upstream_server(market.upstream) if market.upstream is not None else None,
    )


def _core_directory(directory: DirectorySettings) -> Directory:
    return Directory(
        name=directory.name,
        issuers=frozenset(directory.issuers),
        software_jwks_hosts=frozenset(directory.software_jwks_hosts),
        has_standing=directory.has_standing,
        check_own_standing=directory.check_own_standing,
        keys_by_script=directory.keys == "script",
        revoked_keys_url=directory.jwks_revoked_endpoint,
    )


def _common_name(certificate: x509.Certificate) -> str | None:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 and names[0].value else None
