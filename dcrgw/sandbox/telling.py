"""What every part of the story is told with: a request and its answer, and that it went as told."""

from __future__ import annotations

import json

from dcrgw.sandbox.narrator import Line
from dcrgw.tpp import prepared
from dcrgw.tpp.client import Answer
from dcrgw.tpp.prepared import Prepared
from dcrgw.tpp.setup import Setup

_SHOWN = 72


class StoryFailed(Exception):
    """Something went otherwise than told; the text says what."""


async def ask(tpp: Setup, request: Prepared, expected: int, line: Line) -> Answer:
    """The answer to one request, told. Raises: StoryFailed when its status is another."""
    method, url = request.outgoing.method, request.outgoing.url
    answer = await prepared.send(tpp, request)
    line(f"{method} {url}")
    line(f"answer: {answer.status} after {answer.total_ms:.0f} ms")
    expect(answer.status == expected, f"{method} was answered {answer.status}, not {expected}", answer)
    return answer


def expect(condition: bool, sentence: str, answer: Answer | None = None) -> None:
    """Raises: StoryFailed where it is not so."""
    if not condition:
        raise StoryFailed(sentence if answer is None else f"{sentence}: {json.dumps(dict(answer.members))[:2000]}")


def short(value: object) -> str:
    """A value in one line, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"
