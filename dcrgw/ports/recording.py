"""The recorder: wraps every port and writes each question and answer into a journal.

It is one small proxy for all of them, so that a port added later is recorded without being told to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from dcrgw.core.evidence import Journal
from dcrgw.ports import Ports


def recorded(ports: Ports, journal: Journal) -> Ports:
    """The same ports, noting every call in `journal`."""
    return Ports(*[_Recorded(name, getattr(ports, name), journal) for name in _NAMES])


def values_of(question: tuple[Any, ...]) -> tuple[Any, ...]:
    """A question without what a port may ask back by: that is no value, and the ports that answer it note it."""
    return question[:-1] if question and callable(question[-1]) else question


_NAMES = tuple(field.name for field in fields(Ports))


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
            question = values_of(question)
            # Not inspect.isawaitable, which asks an abstract class and cost more than the recording.
            if hasattr(answer, "__await__"):
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
