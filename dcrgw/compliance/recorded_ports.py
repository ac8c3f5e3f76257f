"""Ports that answer from a journal: the same flow, run on them, decides on the same evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from inspect import iscoroutinefunction
from typing import Any, get_type_hints

from dcrgw.compliance import values
from dcrgw.compliance.kept import text_of
from dcrgw.core.evidence import Entry
from dcrgw.errors import Unavailable
from dcrgw.ports import Ports
from dcrgw.ports.recording import values_of

#: Methods whose answers count in their order, whatever exactly was asked: they make something up or take a change.
_BY_ORDER = frozenset({"registry.commit", "grants.commit", "signer.sign"})


#: Port name -> its protocol, which says what of it is awaited.
_PORTS = get_type_hints(Ports)


class Unanswered(Unavailable):
    """The journal holds no answer to this question: the decision went another way than the recorded one."""


def ports_of(journal: Sequence[Entry], at: float) -> Ports:
    """Ports that answer from `journal`, each entry once; the clock says `at`, epoch seconds."""
    left = list(journal)
    return Ports(**{each.name: _Port(each.name, left, at) for each in fields(Ports)})


class _Port:
    """One port. A question that was never asked is Unanswered; made-up ids beyond the recorded ones are counted."""

    def __init__(self, name: str, left: list[Entry], at: float) -> None:
        self._name, self._left, self._at, self._made = name, left, at, 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        label = f"{self._name}.{name}"
        if label == "clock.now":
            return lambda: self._at
        if self._name == "randomness":
            return lambda *question: self._random(label, question)

        async def answer(*question: Any) -> Any:
            return self._take(label, question)

        if iscoroutinefunction(getattr(_PORTS[self._name], name, None)):
            return answer
        return lambda *question: self._take(label, question)

    def _random(self, label: str, question: tuple[Any, ...]) -> Any:
        try:
            return self._take(label, question)
        except Unanswered:
            self._made += 1
            return f"replayed-{self._made:04d}".ljust(36, "0")

    def _take(self, label: str, asked: tuple[Any, ...]) -> Any:
        question = values_of(asked)
        for index, entry in enumerate(self._left):
            if entry.port == label and (label in _BY_ORDER or _same(label, entry.question, question)):
                del self._left[index]
                if isinstance(entry.answer, Exception):
                    raise entry.answer
                return entry.answer
        raise Unanswered("evidence", f"the recording holds no answer of {label} to this question")


def _same(label: str, recorded: tuple[Any, ...], asked: tuple[Any, ...]) -> bool:
    if recorded == asked:
        return True
    # Values that were read back may be other types of the same shape: what counts is what is written of them.
    shapes = values.method(label).arguments
    return len(recorded) == len(asked) and _plain(shapes, recorded) == _plain(shapes, asked)


def _plain(shapes: Sequence[values.Shape], question: tuple[Any, ...]) -> str:
    return text_of([shape.write(value) for shape, value in zip(shapes, question, strict=False)])
