"""What the bank knows of authorization_details: scripts, their schemas, and types that are declared.

A type is there where a script of the type authz_detail is enabled for the market, or where the settings declare it
with its words. A schema is asked first; only what obeys it reaches a script.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from types import TracebackType

from dcrgw.core.authorization.detail_rules import DeclaredType, Unsayable
from dcrgw.core.authorization.detail_schema import DetailSchema
from dcrgw.core.authorization.details import AuthorizationDetail, DetailFault, DetailText, pointer
from dcrgw.core.checks import wire_text
from dcrgw.core.scripts.detail_types import AUTHZ_DETAIL, schema_of, type_of
from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import Misconfigured
from dcrgw.ports.details import DetailContext
from dcrgw.ports.scripts import Capability
from dcrgw.scripting.calls import MethodAnswer, ScriptFailed
from dcrgw.scripting.facts import Facts
from dcrgw.scripting.host import ScriptHost
from dcrgw.scripting.typed_calls import About, registered_facts

#: How long all details of one request may take.
DEADLINE_S = 10.0
#: Faults taken from one call of a script.
MOST_FAULTS = 20
#: Faults told of a request after which each further detail is told by its first one.
MOST_TOLD = 40
#: A stranger's note, before a page shortens it further.
_LONGEST_NOTE = 1000
_LONGEST_TEXT = 10_000

_REFUSED = "is refused by the bank's rules for its type"
_FAILED = "could not be judged by the bank's rules for its type"


@dataclass(frozen=True, slots=True)
class _Type:
    """One type of one market."""

    script: ScriptEntry | None
    declared: DeclaredType | None
    schemas: tuple[DetailSchema, ...] = ()


@dataclass(slots=True)
class DetailTypes:
    """Implements `dcrgw.ports.details.Details`. New generations of scripts count from the next question on."""

    host: ScriptHost
    declared: Sequence[DeclaredType] = ()
    deadline_s: float = DEADLINE_S
    _made: dict[str, Mapping[str, _Type]] = field(default_factory=dict)
    _of_swap: int = -1

    def types(self, market: str) -> tuple[str, ...]:
        """The types of a market; one whose script does not work now is among them, and is unavailable."""
        return tuple(self._types(market))

    async def judge(
        self, details: Sequence[AuthorizationDetail], context: DetailContext, ask: Capability
    ) -> tuple[DetailFault, ...]:
        """Every fault: of those that obey their schema what their script says."""
        call = _Call(self, details, context, ask)
        async with call.in_time():
            return tuple([fault for index in range(len(details)) for fault in await call.faults(index)])

    async def texts(
        self,
        details: Sequence[AuthorizationDetail],
        context: DetailContext,
        languages: tuple[str, ...],
        ask: Capability,
    ) -> tuple[DetailText, ...]:
        """Each in the bank's words, the client's own beside them."""
        call = _Call(self, details, context, ask)
        async with call.in_time():
            return tuple([await call.text(index, languages) for index in range(len(details))])

    async def narrows(
        self, wanted: AuthorizationDetail, granted: AuthorizationDetail, context: DetailContext, ask: Capability
    ) -> bool:
        """The script's word; without one the declared rule; without either no."""
        call = _Call(self, (wanted,), context, ask)
        async with call.in_time():
            return await call.narrows(granted)

    def enriches(self, market: str, type: str) -> tuple[str, ...]:
        """As the settings declare it, also beside a script."""
        found = self.of(type, market)
        return found.declared.enriches if found is not None and found.declared is not None else ()

    def of(self, type_: str, market: str) -> _Type | None:
        """One type."""
        return self._types(market).get(type_)

    def _types(self, market: str) -> Mapping[str, _Type]:
        if self._of_swap != self.host.swaps:
            self._made, self._of_swap = {}, self.host.swaps
        if market not in self._made:
            self._made[market] = dict(sorted(self._all(market)))
        return self._made[market]

    def _all(self, market: str) -> list[tuple[str, _Type]]:
        declared = {each.type: each for each in self.declared if each.serves(market)}
        scripts: dict[str, ScriptEntry] = {}
        for entry in self.host.enabled(AUTHZ_DETAIL):
            if not entry.markets or market in entry.markets:
                scripts.setdefault(type_of(entry), entry)
        alone = {name for name, each in declared.items() if each.texts}
        return [(name, _type(scripts.get(name), declared.get(name))) for name in scripts.keys() | alone]


def _type(script: ScriptEntry | None, declared: DeclaredType | None) -> _Type:
    schemas = (declared and declared.schema, script and schema_of(script))
    return _Type(script, declared, tuple([each for each in schemas if each]))


class _Call:
    """The details of one request, with what every script is told of them."""

    def __init__(
        self, types: DetailTypes, details: Sequence[AuthorizationDetail], context: DetailContext, ask: Capability
    ) -> None:
        self._types, self._details, self._context, self._ask = types, details, context, ask
        occasion = context.occasion
        self._about = About(context.client.market, occasion.interaction_id, occasion.report_id)
        self._shared: Facts | None = None
        #: Faults told so far.
        self._told = 0

    def in_time(self) -> AbstractAsyncContextManager[None]:
        """Ends what takes too long: one call is ended by the host, here many are. Raises: Misconfigured."""
        return nullcontext() if len(self._details) == 1 else _InTime(self._types.deadline_s)

    async def faults(self, index: int) -> Sequence[DetailFault]:
        detail = self._details[index]
        type_ = self._types.of(detail.type, self._context.client.market)
        if type_ is None:
            return [DetailFault(index, f"/{index}/type", "is none that is supported here")]
        in_full = self._told < MOST_TOLD
        found = [fault for schema in type_.schemas for fault in schema.faults(detail, index, in_full=in_full)]
        self._told += len(found)
        if found or type_.script is None:
            return tuple(dict.fromkeys(found))
        try:
            answer = await self._asked(type_.script, "validateDetail", index)
        except Misconfigured as failure:
            # An exception of the script's own is the seeds' way to say that a detail is not as it expects: the TPP
            # hears a no, the operator hears of the exception. Without any answer nobody knows whether it is a no.
            if isinstance(failure.__cause__, ScriptFailed) and failure.__cause__.is_raised:
                return [DetailFault(index, f"/{index}", _FAILED)]
            raise
        return _judged(answer, index, type_.script)

    async def text(self, index: int, languages: tuple[str, ...]) -> DetailText:
        detail = self._details[index]
        type_ = self._types.of(detail.type, self._context.client.market)
        note = detail.members.get("ui_representation")
        return DetailText(
            index,
            detail.type,
            await self._said(type_, index, languages),
            note[:_LONGEST_NOTE] if isinstance(note, str) and note.strip() else None,
        )

    async def narrows(self, granted: AuthorizationDetail) -> bool:
        wanted = self._details[0]
        type_ = self._types.of(wanted.type, self._context.client.market)
        if type_ is None:
            return False
        if type_.script is not None:
            answer = await self._asked(type_.script, "narrowsDetail", 0, granted=dict(granted.members))
            if answer is not None:
                return _is_yes(answer, "narrowsDetail", type_.script)
        return type_.declared is not None and type_.declared.is_less(wanted, granted)

    async def _said(self, type_: _Type | None, index: int, languages: tuple[str, ...]) -> str:
        if type_ is None:
            raise Misconfigured("a type of authorization details has gone while a person was to be asked about it")
        if type_.script is None:
            assert type_.declared is not None
            try:
                return type_.declared.text(self._details[index], languages)
            except Unsayable as unsayable:
                raise Misconfigured(f"the text of the detail type {type_.declared.type}: {unsayable}") from None
        answer = await self._asked(type_.script, "getUiRepresentation", index, languages=list(languages))
        text = None if answer is None or answer.refusal is not None else answer.returned
        if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST_TEXT:
            raise Misconfigured(f"script {type_.script.name}: getUiRepresentation gave no text of 1 to {_LONGEST_TEXT}")
        return text

    async def _asked(self, script: ScriptEntry, method: str, index: int, **more: JsonValue) -> MethodAnswer | None:
        if self._shared is None:
            context = self._context
            self._shared = {
                "market": context.client.market,
                "operation": context.operation.value,
                "http": dict(context.occasion.http),
                "client": registered_facts(context.client),
                "software": _software(context),
                "siblings": [dict(each.members) for each in self._details],
            }
        facts: Facts = {**self._shared, "detail": dict(self._details[index].members), "index": index, **more}
        return await self._types.host.named(AUTHZ_DETAIL, script.inum, method, facts, self._about, self._ask)


class _InTime(AbstractAsyncContextManager[None]):
    """`asyncio.timeout` with our own failure."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s, self._timeout = deadline_s, asyncio.timeout(deadline_s)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise Misconfigured(f"the scripts of authorization details took more than {self._deadline_s:g} s") from None


def _judged(answer: MethodAnswer | None, index: int, script: ScriptEntry) -> Sequence[DetailFault]:
    """What a script's answer says. A worker may say anything. Raises: Misconfigured."""
    if answer is None:
        raise Misconfigured(f"script {script.name} has no validateDetail")
    told = answer.changes.get("faults", [])
    if not isinstance(told, list):
        raise Misconfigured(f"script {script.name}: validateDetail left faults of another form")
    found = [_told(each, index, script) for each in told[:MOST_FAULTS]]
    if answer.refusal is not None:
        said = answer.refusal.get("description")
        found.append(DetailFault(index, f"/{index}", wire_text(said) if isinstance(said, str) and said else _REFUSED))
    elif not found and not _is_yes(answer, "validateDetail", script):
        found.append(DetailFault(index, f"/{index}", _REFUSED))
    return tuple(dict.fromkeys(found))


def _told(fault: JsonValue, index: int, script: ScriptEntry) -> DetailFault:
    match fault:
        case [str(place), str(description)] if not place or place.startswith("/"):
            said = wire_text(description)
            return DetailFault(index, pointer(index) + place[:160], said or _REFUSED)
    raise Misconfigured(f"script {script.name}: validateDetail left a fault of another form")


def _is_yes(answer: MethodAnswer, method: str, script: ScriptEntry) -> bool:
    """Raises: Misconfigured."""
    if answer.refusal is not None:
        return False
    if not isinstance(answer.returned, bool):
        kind = type(answer.returned).__name__
        raise Misconfigured(f"script {script.name}: {method} returned {kind}, neither True nor False")
    return answer.returned


def _software(context: DetailContext) -> Facts:
    client = context.client
    return {"directory": client.directory, "software_id": client.software_id, "org_id": client.org_id}
