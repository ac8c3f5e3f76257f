"""Revocation put together: one fetcher for lists, one for answers, and alarms that reach the log and /readyz."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import ip_network

from pydantic import SecretStr

from dcrgw.adapters.fetcher import Fetcher, FetchLimits
from dcrgw.adapters.revocation import Alarm, CachedRevocation
from dcrgw.adapters.revocation_sources import RevocationSources
from dcrgw.app.parts import Parts
from dcrgw.config.sections.outgoing import Fetch
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.edge.events import log_event
from dcrgw.edge.health import Health
from dcrgw.materials import Materials
from dcrgw.ports.clock import Clock

#: RFC 6960 answers about one certificate are a few kilobytes, with their signer's certificate.
_LARGEST_ANSWER = 65_536
_NO_ANCHORS = TrustAnchors(())


async def revocation(materials: Materials, clock: Clock, parts: Parts) -> CachedRevocation:
    """The lists of every market, asked for once so that the first TPP finds them; a changed file counts at once."""
    sources = materials.revocation
    # Anchors are equal only to themselves: what they hold is what counts.
    plain = [(replace(each, anchors=_NO_ANCHORS), each.anchors.certificates) for each in sources]
    made_of = (plain, materials.proxy, materials.settings.fetch)

    async def open_(opened: AsyncExitStack, health: Health) -> CachedRevocation:
        fetch, proxy = materials.settings.fetch, materials.proxy
        return await asking(sources, fetch, proxy, clock, opened, on_alarm=lambda alarm: _tell(alarm, health))

    made = await parts.get("revocation", made_of, open_)
    await made.look()
    return made


async def asking(
    sources: Sequence[RevocationSources],
    fetch: Fetch,
    proxy: SecretStr | None,
    clock: Clock,
    opened: AsyncExitStack,
    *,
    on_alarm: Callable[[Alarm], None] = lambda _: None,
) -> CachedRevocation:
    """What asks these sources, started; the stack closes it."""
    largest = max((each.max_bytes for each in sources), default=0)
    made = CachedRevocation(
        sources,
        lists=_fetcher(fetch, proxy, largest, opened),
        answers=_fetcher(fetch, proxy, _LARGEST_ANSWER, opened),
        clock=clock,
        on_alarm=on_alarm,
    )
    opened.push_async_callback(made.close)
    await made.start()
    return made


def _tell(alarm: Alarm, health: Health) -> None:
    """A hard market whose list has run out lets nobody in, so we are not ready; all else is a word of warning."""
    health.set(f"revocation of {alarm.market}", alarm.ok, alarm.text)
    if alarm.text:
        log_event("revocation_alarm", market=alarm.market, ok=alarm.ok, detail=alarm.text)


def _fetcher(fetch: Fetch, proxy: SecretStr | None, most: int, opened: AsyncExitStack) -> Fetcher:
    fetcher = Fetcher(
        ssl_context=ssl.create_default_context(),
        limits=FetchLimits(
            total_s=fetch.total_s,
            max_bytes=most,
            allowed_networks=tuple(ip_network(network) for network in fetch.allowed_networks),
        ),
        proxy=proxy.get_secret_value() if proxy else None,
        plain_http=True,
    )
    opened.push_async_callback(fetcher.close)
    return fetcher
