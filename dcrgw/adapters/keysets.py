"""Key sets of directories and of software: fetched once, parsed once, refreshed behind the requests' backs."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache

from dcrgw.adapters.fetcher import Fetched, Fetcher, FetchFailed
from dcrgw.adapters.flights import Flights
from dcrgw.adapters.kept_keys import Failure, Freshness, KeptKeys, KeySetStatus
from dcrgw.core.jose.keys import KeySet, KeySetUnusable, key_set
from dcrgw.core.jose.revoked import revoked_set
from dcrgw.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class KeySetSource:
    """Where the keys of one directory and of its TPPs' software are published.

    Two fetchers, since a directory may be asked over mutual TLS and no software host may ever see that certificate.
    """

    directory: str
    #: None: the bank's script gives the keys, and nobody is asked for them here.
    jwks_endpoint: str | None
    directory_fetcher: Fetcher
    software_fetcher: Fetcher
    #: `host` (port 443) or `host:port`.
    software_hosts: frozenset[str]
    #: Where the directory publishes those of its own keys that it took back.
    revoked_url: str | None = None


class CachedKeySets:
    """`dcrgw.ports.keysets.KeySets` over HTTPS. The warm path is one look-up and one comparison of times.

    However many requests wait for a URL, it is asked once; an empty or broken answer never replaces a good set;
    while a host fails its set serves on within the stale bound, and the pauses between attempts grow.
    `on_change` is told when a URL's health or kids changed. Close it at the end.
    """

    def __init__(
        self,
        sources: Iterable[KeySetSource],
        *,
        freshness: Freshness | None = None,
        software_sets: int = 2048,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        on_change: Callable[[KeySetStatus], None] | None = None,
    ) -> None:
        self._sources = {source.directory: source for source in sources}
        self._freshness = freshness or Freshness()
        self._clock = clock
        self._jitter = jitter
        self._on_change = on_change
        self._flights: Flights[KeptKeys, None] = Flights()
        #: By URL, their own revoked keys among them.
        self._of_directories: dict[tuple[str, str], KeptKeys] = {}
        #: The next attempt at a directory whose last one failed.
        self._again: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._of_software: LRUCache[tuple[str, str], KeptKeys] = LRUCache(software_sets)

    async def of_directory(self, directory: str, kid: str) -> KeySet:
        """The directory's own signing keys. Raises: as `dcrgw.ports.keysets.KeySets`."""
        source = self._source(directory)
        if source.jwks_endpoint is None:
            raise Misconfigured(f"directory {directory}: its keys are a script's, not an endpoint's")
        return await self._serve(self._of_directory(source, source.jwks_endpoint), kid)

    async def of_software(self, directory: str, url: str, kid: str) -> KeySet:
        """The keys of one software. Raises: as `dcrgw.ports.keysets.KeySets`."""
        kept = self._of_software.get((directory, url))
        if kept is None or kept.are_revoked:
            self._source(directory)
            kept = self._of_software[directory, url] = KeptKeys(directory, url, of_software=True)
        return await self._serve(kept, kid)

    async def of_revoked(self, directory: str, url: str) -> KeySet:
        """The keys that a directory took back. Raises: as `dcrgw.ports.keysets.KeySets`."""
        source = self._source(directory)
        if url == source.revoked_url:
            return await self._serve(self._of_directory(source, url), "")
        kept = self._of_software.get((directory, url))
        if kept is None or not kept.are_revoked:
            kept = KeptKeys(directory, url, of_software=True, are_revoked=True)
            self._of_software[directory, url] = kept
        return await self._serve(kept, "")

    async def refresh_directories(self) -> None:
        """Ask every directory now; for the start, so that the first TPP finds the keys there. Never fails."""
        kept = [
            self._of_directory(source, url)
            for source in self._sources.values()
            for url in (source.jwks_endpoint, source.revoked_url)
            if url is not None
        ]
        await asyncio.gather(*(self._flights.join(one, self._fetching(one)) for one in kept), return_exceptions=True)

    def status(self) -> tuple[KeySetStatus, ...]:
        """Every URL asked so far, directories first."""
        now = self._clock()
        return tuple(kept.status(now) for kept in (*self._of_directories.values(), *self._of_software.values()))

    def purge(self, directory: str | None = None) -> None:
        """Forget the sets of one directory and its software, or of all: the next request asks anew.

        For a key compromise. A fetch under way may have read the old set: what it brings is not kept either.
        """
        if directory is None:
            self._of_directories.clear()
            self._of_software.clear()
            return
        for kept in (self._of_directories, self._of_software):
            for key in [key for key in kept if key[0] == directory]:
                del kept[key]

    async def close(self) -> None:
        """End the fetches under way. The fetchers belong to whoever made them."""
        for again in self._again.values():
            again.cancel()
        await self._flights.close()

    def _of_directory(self, source: KeySetSource, url: str) -> KeptKeys:
        kept = self._of_directories.get((source.directory, url))
        if kept is None:
            kept = KeptKeys(source.directory, url, of_software=False, are_revoked=url == source.revoked_url)
            self._of_directories[source.directory, url] = kept
        return kept

    def _source(self, directory: str) -> KeySetSource:
        source = self._sources.get(directory)
        if source is None:
            raise Misconfigured(f"no key sets are configured for the directory {directory}")
        return source

    async def _serve(self, kept: KeptKeys, kid: str) -> KeySet:
        keys = kept.keys
        if keys is not None and (kid in keys.keys or not kid) and self._clock() < kept.warm_until:
            return keys
        waited = await self._refresh(kept)
        keys = self._served(kept)
        if kid in keys.keys or not kid:
            return keys
        return await self._look_for(kid, kept, waited)

    async def _refresh(self, kept: KeptKeys) -> bool:
        """Bring the set up to date. True when this request waited for an answer."""
        now = self._clock()
        if now < kept.warm_until:
            return False
        if not kept.may_ask(now):
            return False
        if kept.needs_waiting(now):
            await self._flights.join(kept, self._fetching(kept))
            return True
        self._start(kept)
        return False

    def _served(self, kept: KeptKeys) -> KeySet:
        now = self._clock()
        keys = kept.within_bound(now)
        if keys is None:
            raise kept.fault(now)
        return keys

    async def _look_for(self, kid: str, kept: KeptKeys, waited: bool) -> KeySet:
        """The set after one more fetch for an unknown kid, if none was made for one within the cool-down."""
        now = self._clock()
        if not waited and kept.may_ask(now) and (now >= kept.kid_asked_until or self._flights.running(kept)):
            await self._flights.join(kept, self._fetching(kept))
            now = self._clock()
        keys = self._served(kept)
        if kid in keys.keys:
            return keys
        if kept.failure is not None:
            # The kid may be newer than what we have: to say that it does not exist would be a guess.
            raise kept.fault(now)
        if now >= kept.kid_asked_until:
            kept.kid_asked_until = now + self._freshness.cool_down_s
        return keys

    def _fetching(self, kept: KeptKeys) -> Callable[[], Coroutine[Any, Any, None]]:
        return lambda: self._fetch(kept)

    async def _fetch(self, kept: KeptKeys) -> None:
        asked_at = self._clock()
        before = kept.condition(asked_at)
        try:
            fetched = await self._ask(kept)
            keys = await self._read(kept, fetched)
        except FetchFailed as failure:
            self._failed(kept, Failure(str(failure), failure.reason))
        except KeySetUnusable as failure:
            self._failed(kept, Failure(str(failure)))
        except Exception as error:
            # A bug of ours: whoever waits sees it, and the status shows it when nobody does.
            self._failed(kept, Failure(f"{type(error).__name__} while reading the key set"))
            raise
        else:
            lifetime_s = self._freshness.lifetime(fetched.max_age_s)
            kept.arrived(keys, fetched.etag, asked_at, lifetime_s, self._freshness.stale_s)
        now = self._clock()
        if self._on_change is not None and before != kept.condition(now):
            self._on_change(kept.status(now))

    async def _ask(self, kept: KeptKeys) -> Fetched:
        source = self._source(kept.directory)
        headers = {"If-None-Match": kept.etag} if kept.etag and kept.keys else {}
        if kept.of_software:
            return await source.software_fetcher.get(kept.url, hosts=source.software_hosts, headers=headers)
        return await source.directory_fetcher.get(kept.url, hosts=None, headers=headers)

    async def _read(self, kept: KeptKeys, fetched: Fetched) -> KeySet:
        if fetched.status == 304 and kept.keys is not None:
            return kept.keys
        if fetched.status != 200:
            raise KeySetUnusable(f"answered {fetched.status}")
        if kept.are_revoked:
            return await asyncio.to_thread(revoked_set, fetched.body, source=kept.url)
        # In a thread: vetting a hundred RSA keys takes milliseconds that other requests should not wait for.
        keys = await asyncio.to_thread(key_set, fetched.body, source=kept.url)
        # A software whose keys are all unfit is told so by the check of its kid. A directory without keys is out of
        # order, and no answer of that kind replaces a set that still serves.
        if not keys.keys and (kept.within_bound(self._clock()) is not None or not kept.of_software):
            raise KeySetUnusable("the key set holds no usable key")
        return keys

    def _failed(self, kept: KeptKeys, failure: Failure) -> None:
        now = self._clock()
        kept.failed(failure, now, self._freshness, self._jitter())
        if not kept.of_software and self._of_directories.get((kept.directory, kept.url)) is kept:
            # A directory's keys decide about readiness: without requests, too, we must notice that they are back.
            again = asyncio.get_running_loop().call_later(kept.pause_s(now), self._start, kept)
            self._again[kept.directory, kept.url] = again

    def _start(self, kept: KeptKeys) -> None:
        self._flights.start(kept, self._fetching(kept))
