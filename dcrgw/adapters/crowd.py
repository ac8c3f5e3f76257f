"""Who waits at the authorization endpoint before anybody signed in: so many, and the pushiest makes room."""

from __future__ import annotations

from collections import OrderedDict


class Crowd:
    """Counts in memory what was begun here and not yet signed in to, by network. Times are epoch seconds.

    Anybody may begin, so that something must end when too many do. It is the oldest of the network that has most:
    a flood from one place ends itself, and who comes from elsewhere is served. Each node counts its own; what was
    begun before a start only expires.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        #: Network -> its interactions, oldest first, each with its end.
        self._waiting: dict[str, OrderedDict[str, float]] = {}
        #: Interaction -> its network, oldest first.
        self._networks: OrderedDict[str, str] = OrderedDict()

    def enter(self, id: str, network: str, until: float, at: float) -> tuple[str, ...]:
        """One more waits until `until`, or the same one anew. Gives those that must end for it."""
        self.leave(id)
        self._waiting.setdefault(network, OrderedDict())[id] = until
        self._networks[id] = network
        self._drop_expired(at)
        ended: list[str] = []
        while len(self._networks) > self._most:
            fullest = max(self._waiting.values(), key=len)
            ended.append(next(iter(fullest)))
            self.leave(ended[-1])
        return tuple(ended)

    def leave(self, id: str) -> None:
        """One waits no longer: it was signed in to, answered, or ended."""
        network = self._networks.pop(id, None)
        if network is not None:
            del self._waiting[network][id]
            if not self._waiting[network]:
                del self._waiting[network]

    def _drop_expired(self, at: float) -> None:
        """From the oldest on: a life is the same for all of a market."""
        while self._networks:
            oldest, network = next(iter(self._networks.items()))
            if self._waiting[network][oldest] > at:
                return
            self.leave(oldest)
