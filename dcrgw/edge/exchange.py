"""One request and what becomes known about it on its way to an answer."""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from dcrgw.core.checks import Report
from dcrgw.core.market import Market
from dcrgw.core.uuids import version_4
from dcrgw.errors import ErrorCode


@dataclass(slots=True)
class Exchange:
    """What the answer and the log need beside the request itself. Handlers fill in market and report."""

    #: The caller's label (x-fapi-interaction-id) if it was a UUID, else ours. Never an identity.
    interaction_id: str
    listener: str
    #: Monotonic seconds.
    started: float
    #: The `error` of a request that is malformed as HTTP: only RFC 7591's four codes leave /register.
    malformed: ErrorCode = ErrorCode.INVALID_CLIENT_METADATA
    market: Market | None = None
    report: Report | None = None
    #: The generation of configuration and trust that serves it; 0 where there are no generations.
    generation: int = 0
    #: The map from failures to responses, where this request is answered in another way than its listener's.
    answer: Callable[[BaseException, Exchange], web.Response] | None = None
    #: More for the one log line, by field name.
    notes: dict[str, str | int | float | bool] = field(default_factory=dict)


class Cut(Exception):
    """An exchange ended before its answer did, and its connection with it, so that nobody takes half for the whole.

    `outcome` is `left` where the caller went away, `cut` where what is passed on ended, or was not taken, in time.
    """

    def __init__(self, outcome: str, status: int, reason: str) -> None:
        self.outcome, self.status, self.reason = outcome, status, reason
        super().__init__(f"{outcome}: {reason}")


#: A listener's one function. It may raise anything: the edge knows the one map from failures to answers.
Handler = Callable[[web.BaseRequest, Exchange], Awaitable[web.StreamResponse]]

INTERACTION_HEADER = "x-fapi-interaction-id"

_labels = random.Random()  # noqa: S311 - no secret is made of it
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")


def interaction_id(values: Sequence[str]) -> str:
    """The caller's interaction id when it sent exactly one and that is a UUID in RFC 4122 text, else a new one."""
    if len(values) == 1 and _UUID.fullmatch(values[0]):
        return values[0]
    # A label for the log, never an identity: so not from the operating system, whose call costs ten times as much.
    return version_4(_labels.randbytes(16))
