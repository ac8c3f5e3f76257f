"""What is known of one published key set, how long it counts, and when its URL may be asked again.

No IO and no clock here: every time is monotonic seconds that the caller gives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dcrgw.adapters.fetcher import ADDRESS_GATE, URL_GATE, FetchReason
from dcrgw.core.jose.keys import KeySet
from dcrgw.errors import GatewayError, Unavailable


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long a key set lives. A host's max-age counts within `shortest_s` and `longest_s`.

    `stale_s` is how long after its lifetime a set still serves while its host fails; `cool_down_s` how often
    at most an unknown kid makes us ask again; the pauses double from failure to failure.
    """

    lifetime_s: float = 300.0
    shortest_s: float = 60.0
    longest_s: float = 3600.0
    stale_s: float = 3600.0
    cool_down_s: float = 60.0
    first_pause_s: float = 5.0
    longest_pause_s: float = 60.0

    def lifetime(self, max_age_s: int | None) -> float:
        """The lifetime of a set that came with this max-age."""
        if max_age_s is None:
            return self.lifetime_s
        return min(max(float(max_age_s), self.shortest_s), self.longest_s)

    def pause(self, failures: int, jitter: float) -> float:
        """The pause after so many failures in a row; `jitter` in [0, 1) takes up to a quarter off."""
        doubled = self.first_pause_s * 2.0 ** min(failures - 1, 16)
        return float(min(doubled, self.longest_pause_s) * (1 - jitter / 4))


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last attempt failed, in an operator's words."""

    text: str
    reason: FetchReason | None = None


@dataclass(frozen=True, slots=True)
class KeySetStatus:
    """One URL's state for health and for the operator. `age_s` is None when no set was ever had."""

    directory: str
    url: str
    of_software: bool
    #: Of keys that were taken back.
    are_revoked: bool
    kids: tuple[str, ...]
    age_s: float | None
    is_stale: bool
    #: False when nothing may be served from it any more, or nothing was ever had.
    is_usable: bool
    last_error: str | None
    next_refresh_s: float


class KeptKeys:
    """The set of one URL. Changed only by `arrived` and `failed`, at the end of a fetch."""

    __slots__ = (
        "_asked_at",
        "_failures",
        "_fresh_until",
        "_retry_at",
        "_stale_until",
        "are_revoked",
        "directory",
        "etag",
        "failure",
        "keys",
        "kid_asked_until",
        "of_software",
        "url",
        "warm_until",
    )

    def __init__(self, directory: str, url: str, *, of_software: bool, are_revoked: bool = False) -> None:
        self.directory = directory
        self.url = url
        self.of_software = of_software
        #: A set of keys that must not be believed: mostly, and rightly, empty.
        self.are_revoked = are_revoked
        self.keys: KeySet | None = None
        self.etag: str | None = None
        self.failure: Failure | None = None
        #: Until then the set is served without another thought.
        self.warm_until = -math.inf
        #: Until then an unknown kid causes no fetch.
        self.kid_asked_until = -math.inf
        self._asked_at = -math.inf
        self._fresh_until = -math.inf
        self._stale_until = -math.inf
        self._retry_at = -math.inf
        self._failures = 0

    def within_bound(self, now: float) -> KeySet | None:
        """The set while it may serve at all, be it stale."""
        return self.keys if now < self._stale_until else None

    def condition(self, now: float) -> tuple[bool, bool, frozenset[str]]:
        """What a listener wants to hear about when it changes: trouble, usability, kids."""
        kids = frozenset(self.keys.keys) if self.keys else frozenset[str]()
        return self.failure is None, self.within_bound(now) is not None, kids

    def may_ask(self, now: float) -> bool:
        """False in the pause after a failure."""
        return now >= self._retry_at

    def pause_s(self, now: float) -> float:
        """How long the pause after the last failure still is."""
        return max(0.0, self._retry_at - now)

    def needs_waiting(self, now: float) -> bool:
        """True when nothing may be served before asking: a first time, or the end of a lifetime without trouble.

        After a failure a stale set serves at once and is refreshed behind the requests' backs.
        """
        if self.within_bound(now) is None:
            return True
        return self.failure is None and now >= self._fresh_until

    def arrived(self, keys: KeySet, etag: str | None, asked_at: float, lifetime_s: float, stale_s: float) -> None:
        """A good set came, to a question put at `asked_at`."""
        self.keys, self.etag = keys, etag
        self.failure, self._failures, self._retry_at = None, 0, -math.inf
        self._asked_at = asked_at
        self._fresh_until = asked_at + lifetime_s
        self._stale_until = self._fresh_until + stale_s
        # The last quarter of a lifetime is for refreshing, so that no request has to wait for it.
        self.warm_until = asked_at + lifetime_s * 0.75

    def failed(self, failure: Failure, now: float, freshness: Freshness, jitter: float) -> None:
        """No good set came; what was had before stays."""
        self.failure = failure
        self._failures += 1
        self._retry_at = now + freshness.pause(self._failures, jitter)
        self.warm_until = min(self._retry_at, self._stale_until)

    def fault(self, now: float) -> GatewayError:
        """What a request is told that cannot be served."""
        failure = self.failure or Failure("no key set yet")
        if self.of_software and failure.reason is FetchReason.ADDRESS:
            return ADDRESS_GATE.rejection(
                "the address that the software's key set URL leads to is not permitted", failure.text
            )
        if self.of_software and failure.reason is FetchReason.URL:
            return URL_GATE.rejection(
                "the software's key set URL is not a plain https URL on an allowed host", failure.text
            )
        whose = "software_keys" if self.of_software else "keys"
        wait_s = max(1, math.ceil(self._retry_at - now)) if self._retry_at > now else 1
        return Unavailable(f"{whose}.{self.directory}", failure.text, retry_after_s=wait_s)

    def status(self, now: float) -> KeySetStatus:
        """The state as of `now`."""
        return KeySetStatus(
            directory=self.directory,
            url=self.url,
            of_software=self.of_software,
            are_revoked=self.are_revoked,
            kids=tuple(sorted(self.keys.keys)) if self.keys else (),
            age_s=now - self._asked_at if self.keys else None,
            is_stale=self.keys is not None and now >= self._fresh_until,
            is_usable=self.within_bound(now) is not None,
            last_error=self.failure.text if self.failure else None,
            next_refresh_s=max(0.0, (self._retry_at if self.failure else self.warm_until) - now) if self.keys else 0.0,
        )
