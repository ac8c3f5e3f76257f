"""Whether an answer is one of those that the standard allows, and if not, in what it differs from each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from dcrgw.compliance.conformance.filling import Values
from dcrgw.compliance.conformance.pack import Expectation, Rule
from dcrgw.compliance.conformance.wording import listed, short
from dcrgw.core import strict_json
from dcrgw.tpp.client import Answer

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
}


#: So many differences are told: an answer may have as many members as a bank likes.
_MOST = 20


def differences(answer: Answer, wanted: Expectation, values: Values) -> list[str]:
    """In what the answer differs from one expectation; empty when it is as expected. Raises: filling.Lacking."""
    return list(islice(_differences(answer, wanted, values), _MOST))


def _differences(answer: Answer, wanted: Expectation, values: Values) -> Iterator[str]:
    if wanted.status and answer.status not in wanted.status:
        yield f"status {answer.status} is not {listed(wanted.status)}"
    yield from _body(answer, wanted)
    members = answer.members
    if wanted.errors and members.get("error") not in wanted.errors:
        yield f"error {short(members.get('error'))} is not {listed(wanted.errors)}"
    for named, rule in wanted.members.items():
        name = str(values.fill(named))
        yield from (f"member {name} {said}" for said in judged(members, name, rule, values))
    headers = {name.lower(): value for name, value in answer.headers.items()}
    for name, rule in wanted.headers.items():
        yield from (f"header {name} {said}" for said in judged(headers, name.lower(), rule, values))


def _body(answer: Answer, wanted: Expectation) -> Iterator[str]:
    if wanted.body == "empty" and answer.body:
        yield "the body is not empty"
    if wanted.body == "json":
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            yield f"the media type is {short(media_type)}, not application/json"
        try:
            strict_json.loads_object(answer.body)
        except strict_json.JsonRefused:
            yield "the body is no JSON object"


def judged(members: Mapping[str, Any], name: str, rule: Rule, values: Values) -> Iterator[str]:
    """In what a member differs from its rule."""
    if name not in members:
        if not (rule.absent or rule.optional):
            yield "is missing"
        return
    if rule.absent:
        yield "is there"
        return
    yield from _value(members[name], rule, values)


def _value(value: Any, rule: Rule, values: Values) -> Iterator[str]:
    if rule.type and (not isinstance(value, _TYPES[rule.type]) or (rule.type == "integer" and isinstance(value, bool))):
        yield f"is no {rule.type}"
        return
    given = rule.model_fields_set
    if "is_" in given and value != (right := values.fill(rule.is_)):
        yield f"is {short(value)}, not {short(right)}"
    if "is_not" in given and value == values.fill(rule.is_not):
        yield f"is {short(value)}"
    if rule.one_of is not None and value not in values.fill(rule.one_of):
        yield f"is {short(value)}, none of {listed(values.fill(rule.one_of))}"
    if rule.pattern is not None and not (isinstance(value, str) and re.fullmatch(rule.pattern, value, re.DOTALL)):
        yield f"is {short(value)}, which is not of the form {rule.pattern}"
    yield from _sized(value, rule)
    yield from _held(value, rule, values)
    for index, each in enumerate(value if rule.each and isinstance(value, list) else ()):
        assert rule.each is not None
        yield from (f"[{index}] {said}" for said in _value(each, rule.each, values))
    if isinstance(value, Mapping):
        for name, within in rule.members.items():
            yield from (f".{name} {said}" for said in judged(value, name, within, values))


def _sized(value: Any, rule: Rule) -> Iterator[str]:
    size = len(value) if isinstance(value, str | list) else value
    if not isinstance(size, int):
        return
    if rule.min is not None and size < rule.min:
        yield f"is {size} in number or length, less than {rule.min}"
    if rule.max is not None and size > rule.max:
        yield f"is {size} in number or length, more than {rule.max}"


def _held(value: Any, rule: Rule, values: Values) -> Iterator[str]:
    words = _words(value)
    if rule.has is not None and (missing := [each for each in _words(values.fill(rule.has)) if each not in words]):
        yield f"lacks {listed(missing)}"
    if rule.within is not None:
        allowed = _words(values.fill(rule.within))
        strange = list(islice((each for each in words if each not in allowed), _MOST))
        if strange:
            yield f"holds {listed(strange)}"


def _words(value: Any) -> list[Any]:
    return value.split() if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else [value]
