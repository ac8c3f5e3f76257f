"""Detail types that need no script: their words and what is less, as the bank declares them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from dcrgw.core.authorization.detail_schema import DetailSchema
from dcrgw.core.authorization.details import AuthorizationDetail
from dcrgw.core.languages import chosen
from dcrgw.core.strict_json import JsonValue

#: A member of an object, perhaps of an object in it: `/instructedAmount/amount`.
POINTER = re.compile(r"(?:/[A-Za-z0-9_$.\-]{1,64}){1,8}")
_PLACEHOLDER = re.compile(r"\{(" + POINTER.pattern + r")\}")


class Less(StrEnum):
    """When a member asks for no more than the granted one."""

    #: A list of which each element is granted; an empty one only of an empty one.
    SUBSET = "subset"
    #: A number, or a string that is one, above nothing and not above the granted one.
    AT_MOST = "at_most"


class Unsayable(ValueError):
    """A text names a member that the detail has not, or that is no text, number or list of them."""


@dataclass(frozen=True, slots=True)
class DeclaredType:
    """A detail type as the settings declare it. Without `texts` it is only there where a script serves it.

    `texts` are by language, the first one for everybody else; `{/creditorName}` stands for a member. `narrows` are
    by pointer: the members in which a token request may ask for less; all others stay as granted.
    """

    type: str
    markets: tuple[str, ...] = ()
    schema: DetailSchema | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    narrows: Mapping[str, Less] = field(default_factory=dict)
    #: Members, by pointer, that a server behind the gateway may fill in when the customer decides.
    enriches: tuple[str, ...] = ()

    def serves(self, market: str) -> bool:
        """Whether a market has it."""
        return not self.markets or market in self.markets

    def text(self, detail: AuthorizationDetail, languages: tuple[str, ...]) -> str:
        """The detail in words. Raises: Unsayable."""
        template = self.texts[chosen(tuple(self.texts), languages)]
        return _PLACEHOLDER.sub(lambda found: _said(_at(found[1], detail.members), found[1]), template)

    def is_less(self, wanted: AuthorizationDetail, granted: AuthorizationDetail) -> bool:
        """Whether `wanted` differs from `granted` only where it may, and asks for less there."""
        if not self.narrows or _without(self.narrows, wanted) != _without(self.narrows, granted):
            return False
        return all(
            _is_less(_at(place, wanted.members), _at(place, granted.members), rule)
            for place, rule in self.narrows.items()
        )


def unenriched(
    returned: AuthorizationDetail, asked: AuthorizationDetail, places: Sequence[str]
) -> tuple[AuthorizationDetail, AuthorizationDetail]:
    """Both without those of the members at `places` that the asked one leaves open: not there, or null or empty.

    What it does not leave open stays in both, and is judged like any other member.
    """
    open_ = [place for place in places if _at(place, asked.members) in (None, [], {}, "")]
    return _lacking(returned, open_), _lacking(asked, open_)


def _lacking(detail: AuthorizationDetail, places: Sequence[str]) -> AuthorizationDetail:
    members: JsonValue = dict(detail.members)
    for place in places:
        members = _pruned(members, place.split("/")[1:])
    assert isinstance(members, dict)
    return AuthorizationDetail(detail.type, members)


def _pruned(value: JsonValue, steps: list[str]) -> JsonValue:
    """A value without one member of it."""
    if not isinstance(value, dict) or steps[0] not in value:
        return value
    if len(steps) == 1:
        return {name: each for name, each in value.items() if name != steps[0]}
    return {**value, steps[0]: _pruned(value[steps[0]], steps[1:])}


def is_text(template: str) -> bool:
    """Whether every brace of a text belongs to a placeholder."""
    return not set("{}") & set(_PLACEHOLDER.sub("", template))


def _at(place: str, members: JsonValue | Mapping[str, JsonValue]) -> JsonValue:
    found: JsonValue | Mapping[str, JsonValue] = members
    for name in place.split("/")[1:]:
        found = found.get(name) if isinstance(found, Mapping) else None
    value: JsonValue = found if not isinstance(found, Mapping) else dict(found)
    return value


def _said(value: JsonValue, place: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(str(each) for each in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise Unsayable(f"{place} cannot be said in words")


def _is_less(wanted: JsonValue, granted: JsonValue, rule: Less) -> bool:
    if wanted is None and granted is None:
        return True
    if rule is Less.SUBSET:
        return isinstance(wanted, list) and isinstance(granted, list) and _is_part(wanted, granted)
    one, other = _number(wanted), _number(granted)
    return one is not None and other is not None and 0 < one <= other


def _is_part(wanted: list[JsonValue], granted: list[JsonValue]) -> bool:
    # RFC 9396 §7.1: an empty list may stand for whatever there is, which is more than what any list names.
    if not wanted:
        return not granted
    held = {_text(each) for each in granted}
    return all(_text(each) in held for each in wanted)


def _text(value: JsonValue) -> str:
    """The same text for the same value: to Python 1 and true are equal, in JSON they are not."""
    return json.dumps(value, sort_keys=True)


#: Digits as everybody reads them: Python's own numbers have underscores, exponents and other alphabets' digits too.
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")


def _number(value: JsonValue) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _PLAIN_NUMBER.fullmatch(value):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _without(places: Mapping[str, Less], detail: AuthorizationDetail) -> str:
    """The detail's text but for these members; that they are there, or not, stays."""
    members: JsonValue = dict(detail.members)
    for place in places:
        members = _blanked(members, place.split("/")[1:])
    assert isinstance(members, dict)
    return AuthorizationDetail(detail.type, members).canonical


def _blanked(value: JsonValue, steps: list[str]) -> JsonValue:
    if not isinstance(value, dict) or steps[0] not in value:
        return value
    rest = _blanked(value[steps[0]], steps[1:]) if len(steps) > 1 else 0
    return {**value, steps[0]: rest}
