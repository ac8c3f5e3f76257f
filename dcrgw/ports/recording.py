"""The recorder: stands before every port and writes each question and answer into a journal.

Its stand-ins are made of the protocols themselves, so that a port added later is recorded without being told to.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from time import monotonic
from typing import Any, get_type_hints

from dcrgw.core.evidence import Entry, Journal
from dcrgw.ports import Ports


def recorded(ports: Ports, journal: Journal) -> Ports:
    """The same ports, noting every call in `journal`."""
    return Ports(*[stand_in(getattr(ports, name), journal) for name, stand_in in _STAND_INS])


def values_of(question: tuple[Any, ...]) -> tuple[Any, ...]:
    """A question without what a port may ask back by: that is no value, and the ports that answer it note it."""
    return question[:-1] if question and callable(question[-1]) else question


class _StandIn:
    """Stands before one port, with the methods of its protocol."""

    __slots__ = ("_journal", "_port")

    def __init__(self, port: object, journal: Journal) -> None:
        self._port, self._journal = port, journal

    def _note(self, label: str, question: tuple[Any, ...], answer: Any, begun: float) -> None:
        journal = self._journal
        journal.moments.append((label, begun, monotonic(), len(journal.steps)))
        journal.entries.append(Entry(label, values_of(question), answer))


def _stand_in(name: str, protocol: type) -> type[_StandIn]:
    methods = {method: function for method, function in vars(protocol).items() if not method.startswith("_")}
    asking = {
        method: (_asked_later if inspect.iscoroutinefunction(function) else _asked)(f"{name}.{method}", method)
        for method, function in methods.items()
    }
    return type(f"Recorded{protocol.__name__}", (_StandIn,), {"__slots__": (), **asking})


def _asked(label: str, method: str) -> Callable[..., Any]:
    def ask(self: _StandIn, *question: Any) -> Any:
        begun = monotonic()
        answer = getattr(self._port, method)(*question)
        self._note(label, question, answer, begun)
        return answer

    return ask


def _asked_later(label: str, method: str) -> Callable[..., Any]:
    async def ask(self: _StandIn, *question: Any) -> Any:
        begun = monotonic()
        try:
            answer = await getattr(self._port, method)(*question)
        except Exception as failure:
            self._note(label, question, failure, begun)
            raise
        self._note(label, question, answer, begun)
        return answer

    return ask


_STAND_INS: list[tuple[str, Any]] = [
    (name, _stand_in(name, protocol)) for name, protocol in get_type_hints(Ports).items()
]
