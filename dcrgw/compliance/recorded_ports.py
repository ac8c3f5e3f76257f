"""Ports that answer from a journal: the same flow, run on them, decides on the same evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from inspect import iscoroutinefunction
from itertools import zip_longest
from typing import Any, get_type_hints

from dcrgw.compliance.bundle import Bundle
from dcrgw.compliance.no_scripts import NoScripts
from dcrgw.compliance.redaction import in_address
from dcrgw.compliance.roll import later
from dcrgw.compliance.sight import says
from dcrgw.core.evidence import Entry
from dcrgw.core.jose.keys import KeySet
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.errors import Unavailable
from dcrgw.ports import Ports
from dcrgw.ports.recording import values_of
from dcrgw.ports.registry import Change, Committed, CommitVerdict

#: Methods whose answers count in their order, whatever exactly was asked: they make something up or take a change.
#: What a server behind the market is asked may hold a secret that stands in no bundle.
_BY_ORDER = frozenset(
    {
        *("registry.commit", "grants.commit", "signer.sign", "errands.claim", "errands.put_off"),
        *("upstream.create", "upstream.find", "upstream.update", "upstream.delete", "upstream.forward"),
    }
)


#: Look-ups: whoever asks the same again within one decision gets the same answer. A script that is new to the
#: evidence may ask what the flow has asked before it.
_LOOKED_UP = frozenset({"directories.standing", "keysets.of_directory", "keysets.of_software", "http.get"})


class Unanswered(Unavailable):
    """The journal holds no answer to this question: the decision went another way than the recorded one."""


#: An entry, with its question as it stands in the document (None for one that was never written).
_Recorded = tuple[Entry, list[Any] | None]


@dataclass(slots=True)
class Answers:
    """What a journal still has to say. `unanswered` are the labels of questions that it did not hold, as asked."""

    at: float
    #: What the scripts that are run hide: it is in no recording.
    hidden: frozenset[str] = frozenset()
    left: dict[str, list[_Recorded]] = field(default_factory=lambda: defaultdict(list))
    given: dict[str, list[_Recorded]] = field(default_factory=lambda: defaultdict(list))
    unanswered: list[str] = field(default_factory=list)
    #: How many ids were made up.
    made: int = 0
    #: The client of the last change that was to be stored.
    stored: RegisteredClient | None = None

    def take(self, label: str, asked: tuple[Any, ...]) -> Any:
        """The answer to a question, or the failure that it met. Raises: Unanswered."""
        question = values_of(asked)
        if label == "http.get" and not self._holds(label, question):
            question = (in_address(str(question[0]), self.hidden),)
        if label == "registry.commit" and isinstance(question[0], Change) and question[0].client is not None:
            self.stored = question[0].client
        left = self.left.get(label, [])
        for index, (entry, plain) in enumerate(left):
            if label in _BY_ORDER or _same(entry, plain, question):
                self.given[label].append(left.pop(index))
                return _said(entry)
        if label in _LOOKED_UP:
            for entry, plain in self.given[label]:
                if _same(entry, plain, question):
                    return _said(entry)
        raise Unanswered("evidence", f"the recording holds no answer of {label} to this question")

    def _holds(self, label: str, question: tuple[Any, ...]) -> bool:
        """Whether the very question was recorded: by a dcrgw that took no secret out of it, or since it holds none."""
        either = (*self.left.get(label, ()), *self.given.get(label, ()))
        return any(_same(entry, plain, question) for entry, plain in either)


def ports_of(bundle: Bundle, answers: Answers) -> Ports:
    """Ports that answer from the bundle's journal, each entry once. `answers` notes what it did not hold.

    Methods that came after the bundle answer as where there is nothing of theirs.
    """
    for entry, plain in zip_longest(bundle.journal, bundle.questions):
        answers.left[entry.port].append((entry, plain))
    found: dict[str, Any] = {name: port(answers) for name, port in _RECORDED.items()}
    for port, methods in later(bundle.roll).methods.items():
        if port in _NOTHING:
            found[port] = _Earlier(found[port], _NOTHING[port], methods)
    return Ports(**found)


class _NothingRevoked:
    """Key sets from before anybody asked for those that were taken back."""

    async def of_revoked(self, directory: str, url: str) -> KeySet:
        """None."""
        return KeySet({})


#: What answers for methods from before their time: most ports say themselves what is where there is none of them.
_NOTHING: Mapping[str, Any] = {
    "scripts": NoScripts(),
    "keysets": _NothingRevoked(),
    **{each.name: each.default_factory() for each in fields(Ports) if each.default_factory is not MISSING},
}


@dataclass(frozen=True, slots=True)
class _Earlier:
    """A port from before some of its methods were there: those are answered as by a bank that has nothing of it."""

    recorded: _Port
    nothing: object
    later: frozenset[str]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self.nothing if name in self.later else self.recorded, name)
        return found


class _Port:
    """One port. A question that was never asked is Unanswered; made-up ids beyond the recorded ones are counted."""

    __slots__ = ("_answers",)

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def _take(self, label: str, question: tuple[Any, ...]) -> Any:
        try:
            return self._answers.take(label, question)
        except Unanswered:
            if label == "registry.commit" and isinstance(question[0], Change) and question[0].is_unconditional:
                # It rests on nothing that was recorded: one more row finds its room.
                return Committed(CommitVerdict.STORED)
            self._answers.unanswered.append(label)
            raise


def _asked(label: str) -> Callable[..., Any]:
    return lambda port, *question: port._take(label, question)


def _asked_later(label: str) -> Callable[..., Any]:
    async def ask(port: _Port, *question: Any) -> Any:
        return port._take(label, question)

    return ask


def _made_up(label: str) -> Callable[..., Any]:
    def make(port: _Port, *question: Any) -> Any:
        answers = port._answers
        try:
            return answers.take(label, question)
        except Unanswered:
            answers.made += 1
            return f"replayed-{answers.made:04d}".ljust(36, "0")

    return make


def _recorded(name: str, protocol: type) -> type[_Port]:
    """A port's class, with the methods of its protocol: so that one added later is answered without being told to."""
    methods = {}
    for method, function in vars(protocol).items():
        if not method.startswith("_"):
            asking = _asked_later if iscoroutinefunction(function) else _made_up if name == "randomness" else _asked
            methods[method] = asking(f"{name}.{method}")
    if name == "clock":
        methods["now"] = lambda port: port._answers.at
    return type(f"Replayed{protocol.__name__}", (_Port,), {"__slots__": (), **methods})


_RECORDED = {name: _recorded(name, protocol) for name, protocol in get_type_hints(Ports).items()}


def _said(entry: Entry) -> Any:
    if isinstance(entry.answer, Exception):
        raise entry.answer
    return entry.answer


def _same(entry: Entry, plain: list[Any] | None, asked: tuple[Any, ...]) -> bool:
    if plain is None:
        return entry.question == asked
    return len(plain) == len(asked) and all(map(says, asked, plain))
