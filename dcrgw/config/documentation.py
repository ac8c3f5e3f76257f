"""docs/configuration.md and its JSON Schema, made from the model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dcrgw.config.explaining import is_tuple, keys_of, section_in
from dcrgw.config.model import Settings
from dcrgw.config.sections.base import Section
from dcrgw.config.seeds import SEED_SETTINGS
from dcrgw.core.registration.profile import OVERRIDABLE

_COLUMNS = ("Key", "Type", "Default", "Meaning")
_HEAD = """# Configuration

This page is made from the model of the settings; `configuration.schema.json` beside it serves editors.

The gateway reads one TOML file. Relative paths in it start at the file's own folder. An unknown key is a fault, and
`dcrgw check-config` shows every fault at once, each with its key, its reason and its fix; `--print` shows what is in
force and where each value comes from.

A **secret** is written as a reference: `env:NAME` (environment variable), `file:/path` (a file, its last newline
stripped) or `credential:NAME` (a systemd credential, from `$CREDENTIALS_DIRECTORY`). A secret that stands in the file
itself is refused in production and warned about in a sandbox. So is a secret or key file that others may read; a file
of root's may be readable to the gateway's group.

A **keystore** is PKCS#12 or JKS, a **trust store** one of these or a PEM bundle, told by content and not by name. A
**PKCS#11 URI** (RFC 7512) names a key that stays in an HSM:
`pkcs11:token=LABEL;object=LABEL?module-path=/path/to/module.so`, with `id=%01` beside or in place of `object`.
"""


def configuration_markdown() -> str:
    """The text of docs/configuration.md."""
    parts = [_HEAD, *_section(Settings, "", "The top of the file"), _policy_table(), _seed_table()]
    return "\n".join(parts)


def configuration_schema() -> str:
    """The text of docs/configuration.schema.json."""
    schema = Settings.model_json_schema(by_alias=True)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "dcrgw configuration"}
    document = {**schema, **head}
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _section(section: type[Section], prefix: str, title: str) -> Iterator[str]:
    """The table of a section's own keys, then those of the sections inside it."""
    inner = {key: found for key, field in keys_of(section).items() if (found := section_in(field.annotation))}
    plain = {key: field for key, field in keys_of(section).items() if key not in inner}
    yield f"## {title}\n\n{_doc(section)}\n"
    if plain:
        schemas = section.model_json_schema(by_alias=True)["properties"]
        yield _table(_COLUMNS, [_row(key, field, schemas[key]) for key, field in plain.items()])
    for key, found in inner.items():
        field = keys_of(section)[key]
        brackets = "[[{}]]" if is_tuple(field.annotation) else "[{}]"
        need = " (required)" if field.is_required() else ""
        yield from _section(found, f"{prefix}{key}.", f"`{brackets.format(prefix + key)}`{need}")


def _doc(section: type[Section]) -> str:
    return " ".join((section.__doc__ or "").split())


def _row(key: str, field: FieldInfo, schema: dict[str, Any]) -> tuple[str, ...]:
    return f"`{key}`", _type_in_words(schema), _default_in_words(field), field.description or ""


def _default_in_words(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "x-default" in extra:
        return str(extra["x-default"])
    if field.is_required():
        return "**required**"
    default = field.get_default()
    if default is None or default is PydanticUndefined:
        return "-"
    if isinstance(default, tuple):
        default = list(default)
    return f"`{json.dumps(default)}`"


_FORMATS = {
    "path": "path",
    "uri": "URL",
    "secret": "secret",
    "pkcs11": "PKCS#11 URI",
    "profile": "name or path",
    "host": "host",
    "cidr": "network",
    "trust-store": "path or `system`",
}
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "table",
}


def _type_in_words(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type_in_words(each) for each in schema["anyOf"] if each.get("type") != "null")
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum") or [schema["const"]])
    if schema.get("type") == "array":
        return f"list of {_type_in_words(schema['items'])}"
    if "format" in schema:
        return _FORMATS[schema["format"]]
    return _TYPES[schema["type"]] + _range_in_words(schema)


def _range_in_words(schema: dict[str, Any]) -> str:
    least, most = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    if least is None:
        return ""
    words = f"over {least:g}" if "exclusiveMinimum" in schema else f"{least:.0f}"
    if most is None:
        return f", {words} or more"
    return f", {words} to {most:.0f}"


_POLICY_KINDS = {bool: "true or false", int: "whole number", str: "text", frozenset: "list of text"}


def _policy_table() -> str:
    rows = [(f"`{key}`", _POLICY_KINDS[each.kind], each.sentence) for key, each in OVERRIDABLE.items()]
    head = "## A market's `policy`\n\nWhat a bank may set otherwise than its profile does.\n\n"
    return head + _table(("Key", "Type", "Meaning"), rows)


def _seed_table() -> str:
    rows = [(f"`{seed}`", f"`{ours}`") for seed, ours in SEED_SETTINGS.items()]
    head = (
        "## Where the settings of a Janssen or Gluu script went\n\n"
        "Each property of the client registration script has a home in `[[directory]]`. The directory's key set\n"
        "proves software statements only: requests are proven by the key set that the statement names.\n\n"
    )
    return head + _table(("Property", "Key in `[[directory]]`"), rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + " --- |" * len(head), *lines[1:]]) + "\n"
