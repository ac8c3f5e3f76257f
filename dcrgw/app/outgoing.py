"""Everything that asks others: fetchers, key sets and directories, one trust domain apart from the next."""

from __future__ import annotations

import ssl
from collections.abc import Callable
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
from dcrgw.edge.health import Health
from dcrgw.materials import DirectoryMaterials, Materials, Trust
from dcrgw.ports.http import Http, NoHttp


async def key_sets(
    materials: Materials, monotonic: Callable[[], float], health: Health, opened: AsyncExitStack
) -> CachedKeySets:
    """The key sets of every directory and its software, asked for once so that the first TPP finds them."""
    settings = materials.settings.keysets
    keysets = CachedKeySets(
        [_source(directory, materials, opened) for directory in materials.directories.values()],
        freshness=Freshness(lifetime_s=settings.lifetime_s, stale_s=settings.stale_s, cool_down_s=settings.cooldown_s),
        clock=monotonic,
        on_change=lambda status: _tell(status, health),
    )
    opened.push_async_callback(keysets.close)
    await keysets.refresh_directories()
    return keysets


def directories(materials: Materials, monotonic: Callable[[], float], opened: AsyncExitStack) -> DirectoryStanding:
    """Every directory that can be asked about a TPP."""
    asked = [_directory(each, materials, opened) for each in materials.directories.values()]
    standing = DirectoryStanding(
        [each for each in asked if each is not None],
        answers_s=materials.settings.standing.lifetime_s,
        clock=monotonic,
    )
    opened.push_async_callback(standing.close)
    return standing


def http(materials: Materials, opened: AsyncExitStack) -> Http:
    """What scripts may ask, by the system's roots and the common way out."""
    hosts = frozenset(materials.settings.scripting.http_hosts)
    if not hosts:
        return NoHttp()
    fetcher = Fetcher(ssl_context=_context(None, None), limits=_limits(materials), proxy=_text(materials.script_proxy))
    opened.push_async_callback(fetcher.close)
    return ScriptHttp(fetcher, hosts)


def _tell(status: KeySetStatus, health: Health) -> None:
    """A directory without usable keys can prove nothing, so we are not ready; a software's are its own affair."""
    if not status.of_software:
        health.set(f"keys of {status.directory}", status.is_usable, "" if status.is_usable else status.last_error or "")


def _source(directory: DirectoryMaterials, materials: Materials, opened: AsyncExitStack) -> KeySetSource:
    settings = directory.settings
    return KeySetSource(
        directory=settings.name,
        jwks_endpoint=settings.jwks_endpoint,
        # Published to everybody: the transport certificate is for the token and SCIM endpoints alone.
        directory_fetcher=_fetcher(directory.trust, None, directory, materials, opened),
        software_fetcher=_fetcher(directory.software_trust, None, directory, materials, opened),
        software_hosts=frozenset(settings.software_jwks_hosts),
    )


def _directory(
    directory: DirectoryMaterials, materials: Materials, opened: AsyncExitStack
) -> OpenBankingDirectory | ListedDirectory | None:
    settings = directory.settings
    if settings.tpp_url is None:
        return None
    if settings.kind != "scim":
        # Published to everybody, so that no certificate is shown.
        fetcher = _fetcher(directory.trust, None, directory, materials, opened)
        return ListedDirectory(settings.name, settings.kind, settings.tpp_url, fetcher)
    if settings.token_url is None:
        return None
    assert directory.client_id is not None
    assert directory.signing_key is not None
    return OpenBankingDirectory(
        name=settings.name,
        token_url=settings.token_url,
        tpp_url=settings.tpp_url,
        client_id=directory.client_id,
        scopes=tuple(settings.client_scopes),
        key_id=settings.key_id or "",
        signing_key=directory.signing_key,
        signing_alg=settings.signing_alg,
        audience=settings.audience or settings.token_url,
        fetcher=_fetcher(directory.trust, directory.transport, directory, materials, opened),
    )


def _fetcher(
    trust: Trust, shown: KeyPair | None, directory: DirectoryMaterials, materials: Materials, opened: AsyncExitStack
) -> Fetcher:
    fetcher = Fetcher(
        ssl_context=_context(trust, shown),
        limits=_limits(materials),
        proxy=_text(directory.proxy),
    )
    opened.push_async_callback(fetcher.close)
    return fetcher


def _text(proxy: SecretStr | None) -> str | None:
    return None if proxy is None else proxy.get_secret_value()


def _limits(materials: Materials) -> FetchLimits:
    fetch = materials.settings.fetch
    return FetchLimits(
        total_s=fetch.total_s,
        max_bytes=fetch.max_bytes,
        allowed_networks=tuple(ip_network(network) for network in fetch.allowed_networks),
    )


def _context(trust: Trust, shown: KeyPair | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if trust is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=b"".join(root.public_bytes(Encoding.DER) for root in trust))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if shown is not None:
        install(context, shown)
    return context
