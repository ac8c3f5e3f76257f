"""How often somebody may try a password: counted by account and network, and by network over all accounts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(slots=True)
class _Count:
    """Attempts since the window began."""

    until: float
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """`of_account` attempts at one account from one network in `window_s`, `of_network` at all accounts together.

    An account is never closed to everybody: else a stranger could lock its owner out.
    """

    of_account: int = 5
    of_network: int = 50
    window_s: float = 900


class Attempts:
    """Counts in memory, by a fixed window that begins with the first attempt. Times are epoch seconds."""

    def __init__(self, limits: AttemptLimits = AttemptLimits(), *, most: int = 20_000) -> None:
        self._limits, self._most = limits, most
        self._counts: OrderedDict[Hashable, _Count] = OrderedDict()

    def take(self, account: str, network: str, at: float) -> float:
        """Count one attempt, before it is made. Gives 0, or the seconds to wait when it may not be made."""
        of_network = self._count(network, at)
        if of_network.attempts >= self._limits.of_network:
            # Its accounts are not counted: by names of no account it would else have all other counts forgotten.
            return of_network.until - at
        of_account = self._count((account, network), at)
        if of_account.attempts >= self._limits.of_account:
            return of_account.until - at
        of_network.attempts += 1
        of_account.attempts += 1
        return 0.0

    def forgive(self, account: str, network: str) -> None:
        """Forget an account's attempts after one that was right; its network's other attempts stay counted."""
        right = self._counts.pop((account, network), None)
        of_network = self._counts.get(network)
        if right is not None and of_network is not None:
            of_network.attempts = max(0, of_network.attempts - right.attempts)

    def _count(self, key: Hashable, at: float) -> _Count:
        count = self._counts.get(key)
        if count is None or count.until <= at:
            count = self._counts[key] = _Count(at + self._limits.window_s)
        self._counts.move_to_end(key)
        while len(self._counts) > self._most:
            self._counts.popitem(last=False)
        return count
