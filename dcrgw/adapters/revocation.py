"""Revocation lists and OCSP answers: from files and over the guarded fetcher, kept by their validity.

However many requests wait for a source, it is asked once. What is kept is renewed behind the requests' backs, and an
alarm is told when little of its life is left. Nothing enters that the issuer's certificate does not prove.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cachetools import LRUCache
from cryptography import x509

from dcrgw.adapters.fetcher import Fetcher, FetchFailed
from dcrgw.adapters.flights import Flights
from dcrgw.adapters.kept_lists import Kept, Proof
from dcrgw.adapters.revocation_sources import ConfiguredList, Method, RevocationSources, proven
from dcrgw.core.certificates import revocation_answers, revocation_lists
from dcrgw.core.certificates.revocation import Mode, Standing, Told, Word, word
from dcrgw.core.certificates.revocation_lists import Unusable
from dcrgw.ports.clock import Clock

#: RFC 5019 §5: a longer question is not asked by GET.
_LONGEST_GET = 255
_NONCE_BYTES = 16
#: How long what was put together for a path is given again without another look.
_GLANCE_S = 1.0

Link = tuple[x509.Certificate, x509.Certificate]
Call = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One market's condition, for people; `ok` is False when a hard market's own list no longer counts."""

    market: str
    ok: bool
    text: str


class CachedRevocation:
    """`dcrgw.ports.revocation.Revocation`. `on_alarm` hears of every change of a market's condition."""

    def __init__(
        self,
        sources: Sequence[RevocationSources],
        *,
        lists: Fetcher,
        answers: Fetcher,
        clock: Clock,
        on_alarm: Callable[[Alarm], None] = lambda _: None,
        look_again_s: float = 30.0,
    ) -> None:
        self._sources = {each.market: each for each in sources if each.policy.mode is not Mode.OFF}
        self._list_fetcher, self._answer_fetcher = lists, answers
        self._clock, self._on_alarm, self._look_again_s = clock, on_alarm, look_again_s
        self._configured: dict[str, list[ConfiguredList]] = {
            market: [ConfiguredList(source, each.renew_s) for source in each.configured]
            for market, each in self._sources.items()
        }
        self._lists: LRUCache[tuple[str, str, x509.Certificate], Kept] = LRUCache(256)
        self._answers: LRUCache[tuple[str, x509.Certificate], Kept] = LRUCache(4096)
        self._unknown_since: LRUCache[tuple[str, bytes], float] = LRUCache(4096)
        self._told: LRUCache[tuple[str, tuple[bytes, ...]], tuple[float, tuple[Told, ...]]] = LRUCache(1024)
        self._alarms: dict[str, Alarm] = {}
        self._flights: Flights[Kept, None] = Flights()
        self._looking: Flights[str, None] = Flights()
        self._again: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Ask every configured source now, and look after all of them from now on. Never fails."""
        await self.look()
        self._again = asyncio.get_running_loop().call_later(self._look_again_s, self._tick)

    async def close(self) -> None:
        """End what is under way. The fetchers belong to whoever made them."""
        if self._again is not None:
            self._again.cancel()
        await self._looking.close()
        await self._flights.close()

    async def told(self, market: str, path: tuple[bytes, ...]) -> tuple[Told, ...]:
        """As `dcrgw.ports.revocation.Revocation`."""
        known = self._told.get((market, path))
        if known is not None and self._clock.now() < known[0]:
            return known[1]
        sources = self._sources[market]
        certificates = [x509.load_der_x509_certificate(der) for der in path]
        links = list(pairwise(certificates))[: None if sources.policy.whole_path else 1]
        told = [await self._ask(sources, path[place], link, is_authority=place > 0) for place, link in enumerate(links)]
        if sources.renew_s > 0 and all(each.unknown_since is None for each in told):
            self._told[market, path] = (self._clock.now() + _GLANCE_S, tuple(told))
        return tuple(told)

    async def look(self) -> None:
        """Renew the operator's lists that are due or changed on disk, and tell the alarms. Never fails."""
        now = self._clock.now()
        due = [
            self._flights.join(each.kept, self._fetching(each, sources))
            for market, sources in self._sources.items()
            for each in self._configured[market]
            if each.kept.is_due(now) or each.has_changed()
        ]
        await asyncio.gather(*due, return_exceptions=True)
        self._tell()

    async def _ask(self, sources: RevocationSources, der: bytes, link: Link, *, is_authority: bool) -> Told:
        """What is said about one certificate, method by method until one has a word; kept by its dates."""
        told, heard = Told(), Word(Standing.SILENT, "")
        for method in sources.methods:
            kept = await (self._list_of(sources, link) if method == "crl" else self._answer_about(sources, link))
            told = _with(told, method, kept)
            nonce_required = sources.policy.nonce_required
            heard = word(*link, told, self._clock.now(), is_authority=is_authority, nonce_required=nonce_required)
            if heard.standing in (Standing.GOOD, Standing.REVOKED):
                break
        key = (sources.market, der)
        if heard.standing is not Standing.SILENT:
            self._unknown_since.pop(key, None)
            return replace(told, unknown_since=None)
        first = self._unknown_since.setdefault(key, self._clock.now())
        # An outage is as old as its source's first failure, whoever asks about which certificate.
        return replace(told, unknown_since=min(first, told.unknown_since or first))

    async def _list_of(self, sources: RevocationSources, link: Link) -> list[Kept]:
        """Every list of a certificate's issuer: the operator's, and those of the URLs that the certificate names."""
        found = []
        for configured in self._configured[sources.market]:
            if configured.issuer == link[1] or configured.issuer is None:
                await self._renew(configured.kept, sources, self._fetching(configured, sources))
            if configured.issuer == link[1]:
                found.append(configured.kept)
        for url in revocation_lists.points_of(link[0]) if sources.hosts else ():
            key = (sources.market, url, link[1])
            kept = self._lists.get(key)
            if kept is None:
                kept = self._lists[key] = Kept(url, sources.renew_s)
            await self._renew(kept, sources, self._fetching_list(kept, url, sources.hosts, (link[1],)))
            found.append(kept)
        return found

    async def _answer_about(self, sources: RevocationSources, link: Link) -> list[Kept]:
        named = revocation_answers.responders_of(link[0]) if sources.hosts else ()
        url = sources.responder or next(iter(named), None)
        if url is None:
            return []
        key = (sources.market, link[0])
        kept = self._answers.get(key)
        if kept is None:
            kept = self._answers[key] = Kept(url, sources.renew_s)
        hosts = None if sources.responder else sources.hosts
        await self._renew(kept, sources, self._fetching_answer(kept, url, hosts, link, sources.with_nonce))
        return [kept]

    async def _renew(self, kept: Kept, sources: RevocationSources, fetching: Call) -> None:
        """Bring a word up to date: waited for only where none counts, or where every request is to ask."""
        now = self._clock.now()
        if sources.renew_s == 0 or not kept.is_current(now):
            if now >= kept.retry_at:
                await self._flights.join(kept, fetching)
        elif kept.is_due(now):
            self._flights.start(kept, fetching)

    def _fetching(self, each: ConfiguredList, sources: RevocationSources) -> Call:
        issuers = sources.anchors.certificates
        if not isinstance(each.source, Path):
            return self._fetching_list(each.kept, each.source, None, issuers, each)

        async def read() -> None:
            each.issuer, proof = await asyncio.to_thread(each.opened, issuers, sources.max_bytes)
            each.kept.arrived(proof, self._clock.now())

        return lambda: self._attempt(each.kept, read)

    def _fetching_list(
        self,
        kept: Kept,
        url: str,
        hosts: frozenset[str] | None,
        issuers: Sequence[x509.Certificate],
        configured: ConfiguredList | None = None,
    ) -> Call:
        async def fetch() -> None:
            fetched = await self._list_fetcher.get(url, hosts=hosts, headers={"Accept": "application/pkix-crl, */*"})
            if fetched.status != 200:
                raise Unusable(f"answered {fetched.status}")
            # In a thread: a list of a hundred thousand entries takes long to read.
            issuer, proof = await asyncio.to_thread(proven, fetched.body, issuers)
            if configured is not None:
                configured.issuer = issuer
            kept.arrived(proof, self._clock.now())

        return lambda: self._attempt(kept, fetch)

    def _fetching_answer(
        self, kept: Kept, url: str, hosts: frozenset[str] | None, link: Link, with_nonce: bool
    ) -> Call:
        async def fetch() -> None:
            nonce = secrets.token_bytes(_NONCE_BYTES) if with_nonce else None
            body = await self._answer(url, hosts, revocation_answers.question(*link, nonce))
            answer = revocation_answers.read(body, link[0].serial_number, link[1], nonce)
            kept.arrived(Proof(body, answer.this_update, answer.next_update, nonce), self._clock.now())

        return lambda: self._attempt(kept, fetch)

    async def _answer(self, url: str, hosts: frozenset[str] | None, question: bytes) -> bytes:
        # RFC 5019 §5: by GET where it is short, so that caches on the way can answer.
        asked = f"{url.rstrip('/')}/{quote(base64.b64encode(question).decode(), safe='')}"
        said = {"Accept": "application/ocsp-response"}
        if len(asked) <= _LONGEST_GET:
            fetched = await self._answer_fetcher.get(asked, hosts=hosts, headers=said)
        else:
            said["Content-Type"] = "application/ocsp-request"
            fetched = await self._answer_fetcher.post(url, question, hosts=hosts, headers=said)
        if fetched.status != 200:
            raise Unusable(f"answered {fetched.status}")
        return fetched.body

    async def _attempt(self, kept: Kept, attempt: Call) -> None:
        try:
            await attempt()
        except (FetchFailed, Unusable) as failure:
            kept.failed(str(failure), self._clock.now())
        except OSError as error:
            kept.failed(f"cannot be read ({error.strerror})", self._clock.now())
        except Exception as error:
            # A bug of ours: whoever waits sees it, and the alarm shows it when nobody does.
            kept.failed(f"{type(error).__name__} while reading it", self._clock.now())
            raise
        finally:
            self._told.clear()

    def _tick(self) -> None:
        self._looking.start("look", self.look)
        self._again = asyncio.get_running_loop().call_later(self._look_again_s, self._tick)

    def _tell(self) -> None:
        now = self._clock.now()
        for market, sources in self._sources.items():
            own = [each.kept for each in self._configured[market]]
            named = [kept for key, kept in self._lists.items() if key[0] == market]
            texts = [f"{kept.source}: {words}" for kept in (*own, *named) if (words := kept.alarm(now))]
            ok = sources.policy.mode is not Mode.HARD or all(kept.is_current(now) for kept in own)
            alarm = Alarm(market, ok, "; ".join(texts))
            if self._alarms.get(market) != alarm:
                self._alarms[market] = alarm
                self._on_alarm(alarm)


def _with(told: Told, method: Method, kept: Sequence[Kept]) -> Told:
    """What was told, and what more these sources say."""
    proofs = [each.proof for each in kept if each.proof is not None]
    down = [each.down_since for each in kept if each.down_since is not None]
    trouble = [f"{each.source}: {each.trouble}" for each in kept if each.trouble]
    since = min([*down, *([told.unknown_since] if told.unknown_since is not None else [])], default=None)
    words = "; ".join(filter(None, (told.trouble, *trouble)))
    if method == "crl":
        return replace(told, lists=tuple(p.der for p in proofs), unknown_since=since, trouble=words)
    return replace(told, answers=tuple((p.der, p.nonce) for p in proofs), unknown_since=since, trouble=words)
