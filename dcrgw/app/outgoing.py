"""Everything that asks others: fetchers, key sets and directories, one trust domain apart from the next.

What belongs to one directory is a part of its own, so that a change of one leaves the caches of the others alone.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from ipaddress import ip_network

from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import SecretStr

from dcrgw.adapters.directory.settings import ListedDirectory, OpenBankingDirectory
from dcrgw.adapters.directory.standing import DirectoryStanding
from dcrgw.adapters.fetcher import Fetcher, FetchLimits
from dcrgw.adapters.kept_keys import Freshness, KeySetStatus
from dcrgw.adapters.keysets import CachedKeySets, KeySetSource
from dcrgw.adapters.keystores import KeyPair, install
from dcrgw.adapters.script_http import ScriptHttp
from dcrgw.app.parts import Parts
from dcrgw.config.model import Settings
from dcrgw.core.jose.keys import KeySet
from dcrgw.core.registration.standing import Standing
from dcrgw.edge.health import Health
from dcrgw.errors import Misconfigured
from dcrgw.materials import DirectoryMaterials, Materials, Trust
from dcrgw.ports.http import Http, NoHttp


class KeySetsByDirectory:
    """`dcrgw.ports.keysets.KeySets`: each directory's own."""

    def __init__(self, caches: Mapping[str, CachedKeySets]) -> None:
        self._caches = caches

    async def of_directory(self, directory: str, kid: str) -> KeySet:
        """The directory's own signing keys."""
        return await self._cache(directory).of_directory(directory, kid)

    async def of_software(self, directory: str, url: str, kid: str) -> KeySet:
        """The keys of one software."""
        return await self._cache(directory).of_software(directory, url, kid)

    async def of_revoked(self, directory: str, url: str) -> KeySet:
        """The keys that one software, or one organisation, took back."""
        return await self._cache(directory).of_revoked(directory, url)

    def _cache(self, directory: str) -> CachedKeySets:
        cache = self._caches.get(directory)
        if cache is None:
            raise Misconfigured(f"no key sets are configured for the directory {directory}")
        return cache


class StandingsByDirectory:
    """`dcrgw.ports.directory.Directories`: each directory's own."""

    def __init__(self, desks: Mapping[str, DirectoryStanding]) -> None:
        self._desks = desks

    async def standing(self, directory: str, software_id: str, org_id: str | None) -> Standing:
        """A TPP's standing."""
        return await self._desk(directory).standing(directory, software_id, org_id)

    async def own_standing(self, directory: str) -> Standing:
        """The bank's own standing."""
        return await self._desk(directory).own_standing(directory)

    def _desk(self, directory: str) -> DirectoryStanding:
        desk = self._desks.get(directory)
        if desk is None:
            raise Misconfigured(f"the directory {directory} has no standing endpoint configured")
        return desk


def keys_part(directory: str) -> str:
    """The name of the part that keeps a directory's key sets; its word to the health has the same."""
    return f"keys of {directory}"


async def key_sets(materials: Materials, monotonic: Callable[[], float], parts: Parts) -> KeySetsByDirectory:
    """The key sets of every directory and its software, asked for once so that the first TPP finds them."""
    caches: dict[str, CachedKeySets] = {}
    for name, directory in materials.directories.items():

        async def open_(
            opened: AsyncExitStack, health: Health, directory: DirectoryMaterials = directory
        ) -> CachedKeySets:
            return await _key_sets(directory, materials.settings, monotonic, opened, health)

        caches[name] = await parts.get(keys_part(name), _keys_are_made_of(directory, materials.settings), open_)
    return KeySetsByDirectory(caches)


async def directories(materials: Materials, monotonic: Callable[[], float], parts: Parts) -> StandingsByDirectory:
    """Every directory that can be asked about a TPP."""
    desks: dict[str, DirectoryStanding] = {}
    for name, directory in materials.directories.items():
        is_asked_by_token = directory.settings.kind == "scim"
        if directory.settings.tpp_url is None or (is_asked_by_token and directory.settings.token_url is None):
            continue

        async def open_(
            opened: AsyncExitStack, _health: Health, directory: DirectoryMaterials = directory
        ) -> DirectoryStanding:
            standing = DirectoryStanding(
                [_standing_source(directory, materials.settings, opened)],
                answers_s=materials.settings.standing.lifetime_s,
                clock=monotonic,
            )
            opened.push_async_callback(standing.close)
            return standing

        desks[name] = await parts.get(f"standing of {name}", _standing_is_made_of(directory, materials.settings), open_)
    return StandingsByDirectory(desks)


def _keys_are_made_of(directory: DirectoryMaterials, settings: Settings) -> object:
    own = directory.settings
    trust = (directory.trust, directory.software_trust)
    return (
        own.keys,
        own.jwks_endpoint,
        own.jwks_revoked_endpoint,
        own.software_jwks_hosts,
        trust,
        directory.proxy,
        settings.fetch,
        settings.keysets,
    )


def _standing_is_made_of(directory: DirectoryMaterials, settings: Settings) -> object:
    shown = directory.transport
    pair = (shown.key.public_key(), shown.certificate, shown.chain) if shown is not None else None
    signs = directory.signing_key.public_key() if directory.signing_key is not None else None
    how = (directory.settings, directory.client_id, directory.proxy, settings.fetch, settings.standing)
    return how, pair, signs, directory.trust


async def _key_sets(
    directory: DirectoryMaterials,
    settings: Settings,
    monotonic: Callable[[], float],
    opened: AsyncExitStack,
    health: Health,
) -> CachedKeySets:
    if directory.settings.keys == "endpoint":
        health.set(keys_part(directory.settings.name), False, "starting")
    times = settings.keysets
    keysets = CachedKeySets(
        [_source(directory, settings, opened)],
        freshness=Freshness(lifetime_s=times.lifetime_s, stale_s=times.stale_s, cool_down_s=times.cooldown_s),
        clock=monotonic,
        on_change=lambda status: _tell(status, health),
    )
    opened.push_async_callback(keysets.close)
    await keysets.refresh_directories()
    return keysets


async def http(materials: Materials, parts: Parts) -> Http:
    """What scripts may ask, by the system's roots and the common way out."""
    hosts = frozenset(materials.settings.scripting.http_hosts)
    if not hosts:
        return NoHttp()

    async def open_(opened: AsyncExitStack, _health: Health) -> Http:
        context, proxy = tls_context(None, None), _text(materials.script_proxy)
        fetcher = Fetcher(ssl_context=context, limits=_limits(materials.settings), proxy=proxy)
        opened.push_async_callback(fetcher.close)
        return ScriptHttp(fetcher, hosts)

    return await parts.get("scripts' way out", (hosts, materials.script_proxy, materials.settings.fetch), open_)


def _tell(status: KeySetStatus, health: Health) -> None:
    """A directory without usable keys can prove nothing, so we are not ready; a software's are its own affair."""
    if not status.of_software:
        part = f"revoked {keys_part(status.directory)}" if status.are_revoked else keys_part(status.directory)
        health.set(part, status.is_usable, "" if status.is_usable else status.last_error or "")


def _source(directory: DirectoryMaterials, settings: Settings, opened: AsyncExitStack) -> KeySetSource:
    own = directory.settings
    return KeySetSource(
        directory=own.name,
        jwks_endpoint=own.jwks_endpoint,
        # Published to everybody: the transport certificate is for the token and SCIM endpoints alone.
        directory_fetcher=fetcher_of(directory.trust, None, directory, settings, opened),
        software_fetcher=fetcher_of(directory.software_trust, None, directory, settings, opened),
        software_hosts=frozenset(own.software_jwks_hosts),
        revoked_url=own.jwks_revoked_endpoint,
    )


def _standing_source(
    directory: DirectoryMaterials, settings: Settings, opened: AsyncExitStack
) -> OpenBankingDirectory | ListedDirectory:
    """What it takes to learn a TPP's standing, by the directory's kind."""
    own = directory.settings
    if own.kind == "scim":
        return asked_directory(directory, settings, opened)
    assert own.tpp_url is not None
    # Published to everybody, so that no certificate is shown.
    return ListedDirectory(
        own.name, own.kind, own.tpp_url, fetcher_of(directory.trust, None, directory, settings, opened)
    )


def asked_directory(directory: DirectoryMaterials, settings: Settings, opened: AsyncExitStack) -> OpenBankingDirectory:
    """What it takes to ask a directory that has a token endpoint and a standing endpoint."""
    own = directory.settings
    assert own.token_url is not None
    assert own.tpp_url is not None
    assert directory.client_id is not None
    assert directory.signing_key is not None
    return OpenBankingDirectory(
        name=own.name,
        token_url=own.token_url,
        tpp_url=own.tpp_url,
        client_id=directory.client_id,
        scopes=tuple(own.client_scopes),
        key_id=own.key_id or "",
        signing_key=directory.signing_key,
        signing_alg=own.signing_alg,
        audience=own.audience or own.token_url,
        fetcher=fetcher_of(directory.trust, directory.transport, directory, settings, opened),
    )


def fetcher_of(
    trust: Trust, shown: KeyPair | None, directory: DirectoryMaterials, settings: Settings, opened: AsyncExitStack
) -> Fetcher:
    """One trust domain's way out; `shown` is the certificate that servers get to see."""
    fetcher = Fetcher(
        ssl_context=tls_context(trust, shown),
        limits=_limits(settings),
        proxy=_text(directory.proxy),
    )
    opened.push_async_callback(fetcher.close)
    return fetcher


def _text(proxy: SecretStr | None) -> str | None:
    return None if proxy is None else proxy.get_secret_value()


def _limits(settings: Settings) -> FetchLimits:
    fetch = settings.fetch
    return FetchLimits(
        total_s=fetch.total_s,
        max_bytes=fetch.max_bytes,
        allowed_networks=tuple(ip_network(network) for network in fetch.allowed_networks),
    )


def tls_context(trust: Trust, shown: KeyPair | None) -> ssl.SSLContext:
    """What proves servers by these roots, and shows them this certificate."""
    # The system's roots take as long to load as all the rest of a start: only where they are wanted.
    context = ssl.create_default_context() if trust is None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trust is not None:
        context.load_verify_locations(cadata=b"".join(root.public_bytes(Encoding.DER) for root in trust))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if shown is not None:
        install(context, shown)
    return context
