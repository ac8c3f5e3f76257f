"""The recorder: wraps every port and writes each question and answer into a journal.

It is one small proxy for all of them, so that a port added later is recorded without being told to.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from types import CoroutineType
from typing import Any

from dcrgw.core.evidence import Journal
from dcrgw.ports import Ports


def recorded(ports: Ports, journal: Journal) -> Ports:
    """The same ports, noting every call in `journal`."""
    return Ports(**{f.name: _Recorded(f.name, getattr(ports, f.name), journal) for f in fields(Ports)})


class _Recorded:
    """Stands before one port. Whatever method is asked for, its question and its answer are noted."""

    __slots__ = ("_journal", "_name", "_port")

    def __init__(self, name: str, port: object, journal: Journal) -> None:
        self._name, self._port, self._journal = name, port, journal

    def __getattr__(self, method: str) -> Callable[..., Any]:
        target = getattr(self._port, method)
        label = f"{self._name}.{method}"
        note = self._journal.note

        def ask(*question: Any) -> Any:
            answer = target(*question)
            # Every adapter's method is an `async def`; looking for any other awaitable cost more than the recording.
            if type(answer) is CoroutineType or inspect.isawaitable(answer):
                return _later(answer, question)
            note(label, question, answer)
            return answer

        async def _later(pending: Any, question: tuple[Any, ...]) -> Any:
            try:
                answer = await pending
            except Exception as failure:
                note(label, question, failure)
                raise
            note(label, question, answer)
            return answer

        return ask
