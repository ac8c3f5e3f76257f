"""What the standard allows, in words: an expectation as lines that a person reads beside the answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dcrgw.compliance.conformance.filling import Values
from dcrgw.compliance.conformance.pack import Expectation, Rule

_BODIES = {"json": "the body is a JSON object", "empty": "the body is empty"}
_LONGEST = 200


def in_words(wanted: Expectation, values: Values) -> tuple[str, ...]:
    """One line for each thing that the answer must be like."""
    return tuple(_lines(wanted, values))


def listed(values: Iterable[Any]) -> str:
    """`a, b or c`, each shortened."""
    found = [short(each) for each in values]
    return found[0] if len(found) == 1 else " or ".join((", ".join(found[:-1]), found[-1]))


def short(value: Any) -> str:
    """A value that may be of any length."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


def _lines(wanted: Expectation, values: Values) -> Iterator[str]:
    if wanted.status:
        yield f"status {listed(wanted.status)}{', or no connection at all' if wanted.no_connection else ''}"
    if wanted.errors:
        yield f"error {listed(wanted.errors)}"
    if wanted.body in _BODIES:
        yield _BODIES[wanted.body]
    for kind, rules in (("header", wanted.headers), ("member", wanted.members)):
        for name, rule in rules.items():
            yield f"{kind} {values.plainly(name)}: {', '.join(_rule(rule, values))}"
    if wanted.then == "skip":
        yield f"then there is nothing to test: {wanted.note or 'the bank does not offer this'}"
    elif wanted.note:
        yield wanted.note


def _rule(rule: Rule, values: Values) -> Iterator[str]:
    if rule.absent:
        yield "not there"
        return
    if rule.optional:
        yield "may be missing"
    yield from _of_value(rule, values)
    if not (rule.optional or rule.model_fields_set):
        yield "there"


def _of_value(rule: Rule, values: Values) -> Iterator[str]:
    given = rule.model_fields_set
    if rule.type:
        yield rule.type
    for name, word in (("is_", "is"), ("is_not", "is not"), ("has", "holds"), ("within", "holds none but")):
        if name in given:
            yield f"{word} {_filled(getattr(rule, name), values)}"
    if rule.one_of is not None:
        yield f"is {_filled(rule.one_of, values)}"
    if rule.pattern is not None:
        yield f"of the form {rule.pattern}"
    if rule.min is not None:
        yield f"{rule.min} at least"
    if rule.max is not None:
        yield f"{rule.max} at most"
    if rule.each is not None:
        yield f"each {', '.join(_of_value(rule.each, values))}"
    yield from (f"{name} {', '.join(_rule(within, values))}" for name, within in rule.members.items())


def _filled(value: Any, values: Values) -> str:
    filled = values.plainly(value)
    return listed(filled) if isinstance(filled, list) and filled else short(filled)
