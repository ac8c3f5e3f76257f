"""What became of a request, as text for a developer's terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dcrgw.tpp.client import Answer


def pretty(members: Mapping[str, Any]) -> str:
    """JSON to look at."""
    return _printable(json.dumps(dict(members), indent=2, ensure_ascii=False))


def answer(received: Answer) -> Iterator[str]:
    """Lines for an answer: the client that came of it, or every check that failed with its clause."""
    times = f"{received.total_ms:.0f} ms, {received.connected_ms:.0f} ms of them until connected"
    if received.status == 201:
        yield f"registered: 201 ({times})"
        yield pretty(received.members) if received.members else _text(received.body)
        return
    yield f"not registered: {received.status} ({times})"
    yield from _refusal(received)
    interaction = received.headers.get("x-fapi-interaction-id")
    if interaction:
        yield f"for the bank's support: x-fapi-interaction-id {_printable(interaction)}"


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
