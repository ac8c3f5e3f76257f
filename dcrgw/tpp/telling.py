"""What became of a request, as text for a developer's terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dcrgw.tpp.client import Answer


def pretty(members: Mapping[str, Any]) -> str:
    """JSON to look at."""
    return _printable(json.dumps(dict(members), indent=2, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class Hope:
    """What a request is for: the status of success, and one word for it."""

    status: int
    word: str


def answer(received: Answer, hope: Hope) -> Iterator[str]:
    """Lines for an answer: what came of it, or every check that failed with its clause."""
    times = f"{received.total_ms:.0f} ms, {received.connected_ms:.0f} ms of them until connected"
    if received.status == hope.status:
        yield f"{hope.word}: {received.status} ({times})"
        yield from _good(received)
        return
    yield f"not {hope.word}: {received.status} ({times})"
    challenge = received.headers.get("WWW-Authenticate")
    if challenge:
        yield f"WWW-Authenticate: {_printable(challenge)}"
    yield from _refusal(received)
    report = received.members.get("report")
    if report:
        yield f"every check of it: dcrgw tpp report {_printable(report)}, with the same certificate"
    interaction = received.headers.get("x-fapi-interaction-id")
    if interaction:
        yield f"for the bank's support: x-fapi-interaction-id {_printable(interaction)}"


def _good(received: Answer) -> Iterator[str]:
    etag = received.headers.get("ETag")
    if etag:
        yield f"ETag: {_printable(etag)}"
    if received.members:
        yield pretty(received.members)
    elif received.body or received.status != 204:
        yield _text(received.body)


def _refusal(received: Answer) -> Iterator[str]:
    members = received.members
    if "error" not in members:
        yield _text(received.body)
        return
    yield f"{_printable(members['error'])}: {_printable(members.get('error_description', ''))}"
    errors = members.get("errors")
    for failed in errors if isinstance(errors, list) else []:
        if isinstance(failed, dict):
            yield f"  {_printable(failed.get('check', '?'))}"
            yield f"    {_printable(failed.get('description', ''))}"
            yield f"    see {_printable(failed.get('spec', ''))}"


def _text(body: bytes) -> str:
    return _printable(body[:2_000].decode("utf-8", "replace")) or "(no body)"


def _printable(value: object) -> str:
    """Without what could drive a terminal: the text comes from a stranger."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in str(value))
