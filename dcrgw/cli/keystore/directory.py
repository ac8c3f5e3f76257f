"""`dcrgw keystore test-directory`: the bank's own side of a directory, walked step by step."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from dcrgw.adapters.directory import scim
from dcrgw.adapters.directory.endpoint import Endpoint, EndpointTrouble, Trouble
from dcrgw.adapters.directory.listings import LISTS, ListUnreadable
from dcrgw.adapters.directory.settings import OpenBankingDirectory
from dcrgw.adapters.directory.token import AccessToken, AccessTokens
from dcrgw.adapters.fetcher import FetchFailed, FetchReason
from dcrgw.app.outgoing import asked_directory, fetcher_of
from dcrgw.cli.faults import show_faults
from dcrgw.cli.options import CONFIG
from dcrgw.cli.tables import tell
from dcrgw.config.faults import ConfigurationRefused
from dcrgw.config.loading import load
from dcrgw.config.model import Settings
from dcrgw.core.jose.keys import KeySetUnusable, key_set
from dcrgw.core.jose.revoked import revoked_set
from dcrgw.core.market import ANY_HOST
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.materials import DirectoryMaterials, open_materials


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what was tried, how it went, and what to do where it failed (`fix` is empty where it did not)."""

    name: str
    outcome: str
    fix: str = ""


@click.command("test-directory")
@CONFIG
@click.option("--directory", "name", help="Only this one.")
def test_directory(path: Path, name: str | None) -> None:
    """Ask each directory of --config as the gateway would: key set, token URL, SCIM.

    Each step says what came of it, and how to mend it. Nothing is changed anywhere.
    """
    try:
        settings = load(path)
        materials = open_materials(settings, time.time())
    except ConfigurationRefused as refused:
        show_faults("refused", refused.faults, "red")
        click.echo(f"{path} is refused: nothing was asked.", err=True)
        sys.exit(1)
    chosen = [each for each in materials.directories.values() if name in (None, each.settings.name)]
    if not chosen:
        raise click.UsageError(f"there is no directory {name}; there are {', '.join(materials.directories)}")
    sound = [asyncio.run(_walk(each, settings)) for each in chosen]
    sys.exit(0 if all(sound) else 1)


async def _walk(directory: DirectoryMaterials, settings: Settings) -> bool:
    """True when every step went well."""
    click.echo(f"{directory.settings.name}:")
    sound = True
    async with AsyncExitStack() as opened:
        async for step in steps(directory, settings, opened):
            tell(f"  {'ok    ' if not step.fix else 'FAILED'} {step.name}: {step.outcome}")
            if step.fix:
                sound = False
                tell(f"         fix: {step.fix}")
    return sound


async def steps(directory: DirectoryMaterials, settings: Settings, opened: AsyncExitStack) -> AsyncIterator[Step]:
    """The steps as they are taken; one that needs what another did not bring is not taken."""
    yield await _key_set(directory, settings, opened)
    if directory.settings.jwks_revoked_endpoint is not None:
        yield await _revoked_keys(directory.settings.jwks_revoked_endpoint, directory, settings, opened)
    for host in directory.settings.software_jwks_hosts:
        if host == ANY_HOST:
            yield Step("software key sets", "not asked: they lie wherever a statement says")
        else:
            yield await _software_host(host, directory, settings, opened)
    if directory.settings.kind in LISTS and directory.settings.tpp_url is not None:
        yield await _list(directory.settings.kind, directory.settings.tpp_url, directory, settings, opened)
        return
    if directory.settings.token_url is None or directory.settings.tpp_url is None:
        yield Step("standing", "not asked: the directory has no token_url and tpp_url")
        return
    asked = asked_directory(directory, settings, opened)
    yield _identity(directory, asked)
    tokens = AccessTokens(asked, Endpoint("directory.token"))
    try:
        token = await tokens.ask()
    except (FetchFailed, EndpointTrouble, Misconfigured, Unavailable) as failure:
        yield Step(f"token, {asked.token_url}", str(failure), _token_fix(failure, directory))
        return
    lasts_s = token.good_until - time.monotonic()
    yield Step(f"token, {asked.token_url}", f"granted for {' '.join(asked.scopes)}, used for {lasts_s:.0f} s")
    yield await _scim(asked, token)


async def _key_set(directory: DirectoryMaterials, settings: Settings, opened: AsyncExitStack) -> Step:
    url = directory.settings.jwks_endpoint
    if url is None:
        return Step("key set", "not asked: the bank's script gives the keys")

    def read(document: bytes) -> str:
        found = key_set(document, source=url)
        if not found.keys:
            raise KeySetUnusable("holds no usable key: no statement could be proven")
        return f"{len(found.keys)} usable {'key' if len(found.keys) == 1 else 'keys'}"

    return await _published("key set", "jwks_endpoint", url, read, directory, settings, opened)


async def _revoked_keys(url: str, directory: DirectoryMaterials, settings: Settings, opened: AsyncExitStack) -> Step:
    def read(document: bytes) -> str:
        return f"{len(revoked_set(document, source=url).prints)} digests of keys and certificates"

    return await _published("revoked keys", "jwks_revoked_endpoint", url, read, directory, settings, opened)


async def _published(
    what: str,
    setting: str,
    url: str,
    read: Callable[[bytes], str],
    directory: DirectoryMaterials,
    settings: Settings,
    opened: AsyncExitStack,
) -> Step:
    """One set that everybody may read, and what `read` finds in it."""
    name = f"{what}, {url}"
    try:
        answer = await fetcher_of(directory.trust, None, directory, settings, opened).get(url, hosts=None)
        if answer.status != 200:
            return Step(name, f"answered {answer.status}", f"correct {setting}: it is the directory's public key set")
        return Step(name, read(answer.body))
    except FetchFailed as failure:
        return Step(name, str(failure), _fetch_fix(failure, "trust_keystore"))
    except KeySetUnusable as failure:
        return Step(name, str(failure), f"correct {setting}: what it names is not the key set that it should be")


async def _software_host(host: str, directory: DirectoryMaterials, settings: Settings, opened: AsyncExitStack) -> Step:
    name = f"software key sets, {host}"
    fetcher = fetcher_of(directory.software_trust, None, directory, settings, opened)
    try:
        await fetcher.get(f"https://{host}/", hosts=frozenset({host}))
    except FetchFailed as failure:
        # Whatever it says of its root, it was reached, and its certificate holds.
        if failure.reason not in (FetchReason.REDIRECT, FetchReason.SIZE, FetchReason.ENCODING):
            return Step(name, str(failure), _fetch_fix(failure, "software_jwks_trust"))
    return Step(name, "reached, and its certificate holds")


async def _list(kind: str, url: str, directory: DirectoryMaterials, settings: Settings, opened: AsyncExitStack) -> Step:
    name = f"list of {kind}, {url}"
    fetcher = fetcher_of(directory.trust, None, directory, settings, opened)
    try:
        answer = await fetcher.get(url, hosts=None, headers=LISTS[kind].headers)
        if answer.status != 200:
            return Step(name, f"answered {answer.status}", f"correct tpp_url: it is the list of {kind}")
        listed = LISTS[kind].read(answer.body)
    except FetchFailed as failure:
        return Step(name, str(failure), _fetch_fix(failure, "trust_keystore"))
    except ListUnreadable as error:
        return Step(name, str(error), f"correct tpp_url or kind: what it names is no list of {kind}")
    return Step(name, f"{len(listed)} organisations, {sum(each.active for each in listed.values())} of them active")


def _identity(directory: DirectoryMaterials, asked: OpenBankingDirectory) -> Step:
    assert directory.transport is not None
    subject = directory.transport.certificate.subject.rfc4514_string()
    return Step("ourselves", f"client {asked.client_id}, kid {asked.key_id}, certificate {subject}")


async def _scim(asked: OpenBankingDirectory, token: AccessToken) -> Step:
    name = f"SCIM, {asked.tpp_url}"
    said = {"Authorization": f"Bearer {token.value}", "Accept": "application/scim+json, application/json"}
    try:
        answer = await asked.fetcher.get(scim.question(asked.tpp_url, asked.client_id), hosts=None, headers=said)
    except FetchFailed as failure:
        return Step(name, str(failure), _fetch_fix(failure, "trust_keystore"))
    if answer.status in (401, 403):
        fix = "have the scopes of client_scopes granted to your software statement, TPPReadAccess among them"
        return Step(name, f"answered {answer.status} to our token", fix)
    if answer.status != 200:
        return Step(name, f"answered {answer.status}", "correct tpp_url: it is the SCIM collection of TPPs")
    try:
        listing = scim.read(answer.body)
    except scim.AnswerUnreadable as error:
        return Step(name, f"the answer {error}", "correct tpp_url: what it names is no SCIM collection")
    return Step(name, f"answers; {len(listing.resources)} records of our own id")


def _token_fix(failure: Exception, directory: DirectoryMaterials) -> str:
    if isinstance(failure, FetchFailed):
        return _fetch_fix(failure, "trust_keystore")
    if isinstance(failure, EndpointTrouble) and failure.trouble is Trouble.OWN_CREDENTIAL_REFUSED:
        own = directory.settings
        holds = (
            f"client_id {directory.client_id} holds this transport certificate and a signing key of kid {own.key_id}"
        )
        takes = f"that it takes signing_alg {own.signing_alg} and audience {own.audience}"
        return f"see at the directory that {holds}, {takes}, and that the scopes are granted"
    if isinstance(failure, Misconfigured):
        return "name a signing key that fits signing_alg"
    if isinstance(failure, Unavailable):
        return "see whether the HSM can be reached"
    return "try again later; where it stays so, correct token_url"


def _fetch_fix(failure: FetchFailed, trust: str) -> str:
    match failure.reason:
        case FetchReason.DNS:
            return "correct the host name, or the resolver of this machine"
        case FetchReason.CONNECT | FetchReason.TIMEOUT:
            return "let this machine reach the host and port: a firewall, or a proxy in [outbound]"
        case FetchReason.PROXY:
            return "correct [outbound] proxy, its user name and password"
        case FetchReason.TLS:
            return f"put the CA of the server into {trust}; where the server closed, it may not take our certificate"
        case FetchReason.ADDRESS:
            return "the host leads to an address that is not public: a sandbox may name it in fetch.allowed_networks"
        case _:
            return "correct the URL"
