"""What a decision rests on: the request as it arrived, and a journal of every question put to the world outside.

A decision is a function of the arrival, the time, the configuration and this journal. Entries hold
the values themselves, by reference; writing them to a file is the compliance bench's work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sized
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dcrgw.core.values import lean


@lean
@dataclass(frozen=True, slots=True)
class Arrival:
    """One request, as bytes, before anything in it is believed.

    `chain` is the peer's certificates in DER, leaf first; `media_type` the Content-Type header's text;
    `authorization` and `if_match` the texts of those headers, `query` what follows the path's `?`, as sent.
    `client_id` is the client that the URL names, None where it names none.
    """

    market: str
    chain: tuple[bytes, ...]
    media_type: str | None
    body: bytes = field(repr=False)
    authorization: tuple[str, ...] = field(default=(), repr=False)
    query: str = field(default="", repr=False)
    method: str = "POST"
    client_id: str | None = None
    if_match: tuple[str, ...] = ()
    #: What scripts may see of the request besides: its path, where it came from, its headers without secrets.
    path: str = ""
    remote_address: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    #: What its sender reads, best first (Accept-Language), as BCP 47 tags.
    languages: tuple[str, ...] = ()
    #: SHA-256 of the body, hex: what makes a repeated request the same request.
    digest: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha256(self.body).hexdigest())

    def http_facts(self) -> dict[str, Any]:
        """Method, path, address and headers, as scripts are told of them."""
        return {
            "method": self.method,
            "path": self.path,
            "remote_address": self.remote_address,
            "headers": dict(self.headers),
        }


Moment = tuple[str, float, float, int]


class Entry(NamedTuple):
    """One question to one port. `answer` is what the port returned or the exception that it raised."""

    port: str
    question: tuple[Any, ...]
    answer: Any


@dataclass(slots=True)
class Journal:
    """An ordered list of entries, for one request.

    `moments` are (port, begun, answered, how many steps of the findings stood by then), in monotonic seconds: of no
    meaning for the decision.
    """

    entries: list[Entry] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    #: Of the findings that are made meanwhile, for who times them.
    steps: Sized = ()

    def note(self, port: str, question: tuple[Any, ...], answer: Any) -> None:
        """Append one entry."""
        self.entries.append(Entry(port, question, answer))


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one thing took: a port's answer, or `judging` in between. Milliseconds, from the request's begin.

    `stages` are those of the checks that were judged in that time.
    """

    what: str
    begun_ms: float
    took_ms: float
    stages: tuple[str, ...] = ()


@lean
@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that one decision was a function of. `at` is epoch seconds, `generation` as in its report."""

    arrival: Arrival
    at: float
    journal: Journal
    generation: int = 0
