"""Which market, and which of its endpoints, a request is for: decided by path and host before a body is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from dcrgw.core.market import Market


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request points: a market and the path below its base URL (`/register`)."""

    market: Market
    path: str


class MarketMap:
    """Finds the market of a request: the longest path prefix wins, and the host decides between equals."""

    def __init__(self, markets: Sequence[Market]) -> None:
        parts = [(urlsplit(market.base_url), market) for market in markets]
        self._entries = sorted(
            ((url.path, url.netloc.lower(), market) for url, market in parts), key=lambda entry: -len(entry[0])
        )

    def find(self, raw_path: str, host: str) -> Place | None:
        """The place that an undecoded path names; None where no market is (also for any escaped or dotted path)."""
        path = raw_path.partition("?")[0]
        if "%" in path or "//" in path or "/." in path:
            return None
        found = [entry for entry in self._entries if path.startswith(entry[0] + "/")]
        longest = [entry for entry in found if entry[0] == found[0][0]]
        if len(longest) > 1:
            longest = [entry for entry in longest if entry[1] == host.lower()]
        if not longest:
            return None
        prefix, _, market = longest[0]
        return Place(market, path[len(prefix) :])
