"""What is known of one revocation list or one OCSP answer, and when its source may be asked again.

No IO and no clock here: every time is epoch seconds that the caller gives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

#: The pause after a failure doubles from the first to the longest.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 60.0
#: A word is asked for anew after half of the life that it had left, and alarms when only this part of all is left.
_RENEWAL, _ALARM = 0.5, 0.2
#: A word that ends soon is not asked for all the time.
_SHORTEST_S = 60.0


@dataclass(frozen=True, slots=True)
class Proof:
    """A list or an answer whose signature holds, with its life. `nonce` is the one that was asked with."""

    der: bytes
    this_update: float
    next_update: float
    nonce: bytes | None = None


class Kept:
    """The word of one source. Changed only by `arrived` and `failed`, at the end of an attempt."""

    __slots__ = ("_asked_at", "_failures", "_renew_s", "down_since", "proof", "retry_at", "source", "trouble")

    def __init__(self, source: str, renew_s: float) -> None:
        #: A URL or a path, for people.
        self.source = source
        self.proof: Proof | None = None
        #: Why the last attempt failed; empty when it did not.
        self.trouble = ""
        self.down_since: float | None = None
        self.retry_at = -math.inf
        self._renew_s = renew_s
        self._asked_at = -math.inf
        self._failures = 0

    def arrived(self, proof: Proof, at: float) -> None:
        """A good word came. One that is older than what is kept changes nothing: it may be played back."""
        self._asked_at = at
        self.trouble, self.down_since, self._failures, self.retry_at = "", None, 0, -math.inf
        if self.proof is None or proof.this_update >= self.proof.this_update:
            self.proof = proof
        else:
            self.failed("what came is older than what was had before", at)

    def failed(self, trouble: str, at: float) -> None:
        """Nothing usable came; what is kept stays."""
        self.trouble = trouble
        self.down_since = at if self.down_since is None else self.down_since
        self._failures += 1
        self.retry_at = at + min(_FIRST_PAUSE_S * 2.0 ** min(self._failures - 1, 16), _LONGEST_PAUSE_S)

    def is_current(self, at: float) -> bool:
        """Whether the word still counts."""
        return self.proof is not None and at < self.proof.next_update

    def is_due(self, at: float) -> bool:
        """Whether the source should be asked, now or behind the requests' backs."""
        if at < self.retry_at:
            return False
        if self.proof is None or not self.is_current(at):
            return True
        left_s = (self.proof.next_update - self._asked_at) * _RENEWAL
        return at >= self._asked_at + min(self._renew_s, max(left_s, _SHORTEST_S))

    def alarm(self, at: float) -> str:
        """What an operator should hear now; empty when all is well."""
        because = f" ({self.trouble})" if self.trouble else ""
        if self.proof is None:
            return f"nothing usable was had{because}" if self.trouble else ""
        # The moment, not the time left: the words change only when the condition does.
        ends = datetime.fromtimestamp(self.proof.next_update, UTC).isoformat(timespec="seconds")
        if at >= self.proof.next_update:
            return f"expired at {ends}{because}"
        if self.proof.next_update - at < (self.proof.next_update - self.proof.this_update) * _ALARM:
            return f"expires at {ends}{because}"
        return f"cannot be renewed{because}" if because else ""
