"""Which type of authorization_details a script of the type authz_detail judges, and the schema that it brings."""

from __future__ import annotations

from collections.abc import Iterator

from dcrgw.core.authorization.detail_schema import DetailSchema, SchemaRefused, compiled
from dcrgw.core.authorization.details import MAX_TYPE_LENGTH
from dcrgw.core.scripts.entry import ScriptEntry

AUTHZ_DETAIL = "authz_detail"
TYPE, SCHEMA = "type", "schema"


def type_of(entry: ScriptEntry) -> str:
    """The type, byte by byte: the property `type`, or else the script's name."""
    named = entry.property_of(TYPE)
    return entry.name if named is None else named.value2


def schema_of(entry: ScriptEntry) -> DetailSchema | None:
    """The schema beside its file, or in its property `schema`. Raises: SchemaRefused."""
    text = schema_text_of(entry)
    return compiled(text) if text else None


def schema_text_of(entry: ScriptEntry) -> str:
    """The schema's text; empty where there is none."""
    held = entry.property_of(SCHEMA)
    return entry.schema or ("" if held is None else held.value2)


def faults(entry: ScriptEntry) -> Iterator[tuple[str, str]]:
    """What is wrong with either: the member, and why."""
    if entry.type != AUTHZ_DETAIL:
        return
    for name in (TYPE, SCHEMA):
        held = entry.property_of(name)
        if held is not None and (held.is_reference or held.hide):
            yield name, "is a secret: everybody may read a type and its schema"
            return
    type_ = type_of(entry)
    if not 0 < len(type_) <= MAX_TYPE_LENGTH or not type_.isprintable():
        yield TYPE, f"is not 1 to {MAX_TYPE_LENGTH} printable characters long"
    if entry.schema and entry.property_of(SCHEMA) is not None:
        yield SCHEMA, "is a property and a file beside the script: keep one"
        return
    try:
        schema_of(entry)
    except SchemaRefused as refused:
        yield SCHEMA, str(refused)
