"""JSON Schemas of authorization detail types: vetted once, then asked of every detail.

A schema is the bank's, but what it is asked of is a stranger's: whatever passes `compiled` judges any detail within
its bounds in bounded time, and reads nothing beside itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice

import jsonschema_rs

from dcrgw.core import strict_json
from dcrgw.core.authorization.details import AuthorizationDetail, DetailFault, pointer
from dcrgw.core.strict_json import JsonValue

DRAFT = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES = 65_536
MAX_DEPTH = 32
#: Subschemas, each counted once for every way that leads to it: ten lines of references can lead to a million.
MAX_SUBSCHEMAS = 5_000
#: References one behind the other.
MAX_WAY = 64
#: What one compiled pattern may take.
MAX_PATTERN_BYTES = 1_048_576
#: Faults told of one detail.
MAX_FAULTS = 20
#: Values that a detail may hold to have all its faults listed: the library makes every fault before it gives one.
MAX_LISTED_VALUES = 200

_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_ONES = frozenset(
    {"items", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "contains", "propertyNames"}
    | {"not", "if", "then", "else", "contentSchema"}
)
_DEFINITIONS = frozenset({"$defs", "definitions"})
#: They make what a reference means depend on where one comes from, or on a place that is not this document.
_REFUSED = frozenset({"$dynamicRef", "$dynamicAnchor", "$anchor", "$recursiveRef", "$vocabulary"})


class SchemaRefused(ValueError):
    """The text is no schema as we take it. The message is a predicate and names the place."""


class DetailSchema:
    """One type's schema, ready to be asked."""

    def __init__(self, validator: jsonschema_rs.Draft202012Validator, text: str) -> None:
        self._validator = validator
        #: What it was compiled from.
        self.text = text

    def faults(self, detail: AuthorizationDetail, index: int, *, in_full: bool = True) -> tuple[DetailFault, ...]:
        """What is wrong with a detail, each with its place; empty for a right one. Never echoes a value.

        Of a detail of very many values, and where it is not wanted `in_full`, only the first error.
        """
        members = detail.members
        if self._validator.is_valid(members):
            return ()
        listed = in_full and _has_at_most(MAX_LISTED_VALUES, members)
        errors = self._validator.iter_errors(members) if listed else self._first(members)
        found = (fault for error in errors for fault in _faults(error, index))
        return tuple(dict.fromkeys(islice(found, MAX_FAULTS)))

    def _first(self, members: Mapping[str, JsonValue]) -> Iterator[jsonschema_rs.ValidationError]:
        try:
            self._validator.validate(members)
        except jsonschema_rs.ValidationError as error:
            yield error


def _has_at_most(most: int, members: Mapping[str, JsonValue]) -> bool:
    """Whether there are no more values than that in it, however deep."""
    seen, waiting = 0, [*members.values()]
    while waiting and seen <= most:
        seen += 1
        value = waiting.pop()
        if isinstance(value, list | dict):
            inner = islice(value if isinstance(value, list) else value.values(), most + 1)
            waiting.extend(inner)
    return seen <= most


@lru_cache(maxsize=256)
def compiled(text: str) -> DetailSchema:
    """The schema of a JSON text. Raises: SchemaRefused. Spec: JSON Schema 2020-12."""
    schema = _read(text)
    _vet(schema)
    try:
        validator = jsonschema_rs.Draft202012Validator(
            schema,
            offline=True,
            validate_formats=True,
            ignore_unknown_formats=False,
            # Rust's regex crate: time linear in the text, whatever the pattern; no look-around, no back-references.
            pattern_options=jsonschema_rs.RegexOptions(size_limit=MAX_PATTERN_BYTES, dfa_size_limit=MAX_PATTERN_BYTES),
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        where = "/".join(["#", *(str(step) for step in getattr(error, "instance_path", ()))])
        raise SchemaRefused(f"is no JSON Schema at {where}: {_first_line(error)}") from None
    return DetailSchema(validator, text)


def _read(text: str) -> dict[str, JsonValue]:
    octets = text.encode("utf-8", "surrogatepass")
    if len(octets) > MAX_BYTES:
        raise SchemaRefused(f"is longer than {MAX_BYTES} bytes")
    try:
        schema = strict_json.loads_object(octets, max_depth=MAX_DEPTH)
    except strict_json.JsonRefused as refused:
        raise SchemaRefused(str(refused)) from None
    if schema.get("$schema", DRAFT) != DRAFT:
        raise SchemaRefused(f"names another $schema than {DRAFT}")
    return schema


def _vet(schema: dict[str, JsonValue]) -> None:
    """Every reference stays in the document and leads to an end, and there are not too many ways."""
    places = dict(_subschemas(schema, "#"))
    for place, each in places.items():
        if not isinstance(each, dict):
            continue
        if refused := sorted(_REFUSED & each.keys()) or (["$id"] if "$id" in each and place != "#" else []):
            raise SchemaRefused(f"has {refused[0]} at {place}: refer by #/$defs/... only")
        reference = each.get("$ref")
        if "$ref" in each and not (isinstance(reference, str) and reference in places):
            raise SchemaRefused(f"has a $ref at {place} that leads out of it or nowhere: refer by #/$defs/... only")
        if each.get("format") == "regex":
            raise SchemaRefused(f"has the format regex at {place}: no stranger's pattern is compiled")
    if _ways("#", places, {}, ()) > MAX_SUBSCHEMAS:
        raise SchemaRefused(f"leads to more than {MAX_SUBSCHEMAS} subschemas by its references")


def _subschemas(schema: JsonValue, place: str) -> Iterator[tuple[str, JsonValue]]:
    """A schema with all that are written in it, each with its place."""
    yield place, schema
    if isinstance(schema, dict):
        for step, child in _children(schema):
            yield from _subschemas(child, f"{place}/{step}")


def _children(schema: Mapping[str, JsonValue]) -> Iterator[tuple[str, JsonValue]]:
    for keyword, value in schema.items():
        if keyword in _MAPS and isinstance(value, dict):
            yield from ((f"{keyword}/{_escaped(name)}", each) for name, each in value.items())
        elif keyword in _LISTS and isinstance(value, list):
            yield from ((f"{keyword}/{i}", each) for i, each in enumerate(value))
        elif keyword in _ONES:
            yield keyword, value


def _ways(place: str, places: Mapping[str, JsonValue], known: dict[str, int], on_the_way: tuple[str, ...]) -> int:
    """How many subschemas may be asked of a value. Raises: SchemaRefused where a reference leads back to itself."""
    schema = places[place]
    if not isinstance(schema, dict):
        return 1
    if place in on_the_way:
        raise SchemaRefused(f"refers to itself at {place}: a detail has a fixed form")
    if len(on_the_way) > MAX_WAY:
        raise SchemaRefused(f"leads through more than {MAX_WAY} subschemas at {place}")
    if place not in known:
        steps = [step for step, _ in _children(schema) if step.partition("/")[0] not in _DEFINITIONS]
        reference = schema.get("$ref")
        onward = [f"{place}/{step}" for step in steps] + ([reference] if isinstance(reference, str) else [])
        known[place] = 1 + sum(_ways(each, places, known, (*on_the_way, place)) for each in onward)
    return known[place]


_WORDS: Mapping[str, str] = {
    "minLength": "is too short",
    "maxLength": "is too long",
    "minimum": "is too small",
    "exclusiveMinimum": "is too small",
    "maximum": "is too large",
    "exclusiveMaximum": "is too large",
    "minItems": "has too few elements",
    "maxItems": "has too many elements",
    "minProperties": "has too few members",
    "maxProperties": "has too many members",
    "uniqueItems": "has an element twice",
    "multipleOf": "is no multiple of what it must be",
    "pattern": "has another form than this type wants",
    "enum": "is none of the values that this type takes",
    "const": "is not the value that this type takes",
}


def _faults(error: jsonschema_rs.ValidationError, index: int) -> Iterator[DetailFault]:
    kind, path = error.kind, [index, *error.instance_path]
    match kind.name:
        case "required":
            yield DetailFault(index, pointer(*path, kind.value), "must be there")
        case "additionalProperties" | "unevaluatedProperties":
            unknown: Sequence[str] = kind.value
            for name in unknown:
                yield DetailFault(index, pointer(*path, name), "is no member of this type")
        case "type":
            yield DetailFault(index, pointer(*path), f"must be of type {' or '.join(_types(kind))}")
        case "format":
            yield DetailFault(index, pointer(*path), f"must be of the format {kind.value}")
        case name:
            said = _WORDS.get(name, f"does not obey the rule {name} of this type")
            yield DetailFault(index, pointer(*path), said)


def _types(kind: jsonschema_rs.ValidationErrorKind) -> list[str]:
    found = kind.value
    return [str(each) for each in found] if isinstance(found, (list, tuple)) else [str(found)]


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _first_line(error: Exception) -> str:
    text: str = getattr(error, "message", None) or str(error)
    return text.partition("\n")[0][:300]
