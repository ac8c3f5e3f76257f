"""What the bank brings of its own: scripts and types of authorization_details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from dcrgw.config.secrets import SecretReference
from dcrgw.config.sections.base import Bool, Int, Seconds, Section, Text, like
from dcrgw.config.values import (
    DetailPointer,
    DetailText,
    DetailTypeName,
    FilePath,
    HostPort,
    Name,
    Property,
    ScriptInum,
    ScriptName,
    ScriptType,
)


class ScriptingSettings(Section):
    """How the bank's scripts are run. By default each has processes of its own, which hold nothing but the script."""

    deadline_s: Seconds = Field(default=5, gt=0, le=60, description="Longest call of one script, waiting included.")
    load_s: Seconds = Field(default=10, gt=0, le=120, description="Longest loading: compiling and `init`.")
    cpu_s: Seconds = Field(default=4, gt=0, le=60, description="Processor time of one call in a worker.")
    memory_bytes: Int = Field(
        default=268_435_456, ge=16_777_216, description="Memory of a worker beyond what Python itself takes."
    )
    workers: Int = Field(default=1, ge=1, le=32, description="Workers kept for each script.")
    most_workers: Int = Field(default=4, ge=1, le=64, description="Workers that a script may have under load.")
    calls_per_worker: Int = Field(
        default=20_000, ge=1, description="Calls after which a worker is replaced by a fresh one."
    )
    http_hosts: tuple[HostPort, ...] = Field(
        default=(), description="Hosts (`host` or `host:port`) that scripts may ask by `context.http`."
    )
    manifests: tuple[FilePath, ...] = Field(
        default=(),
        description="TOML files with more `[[script]]` tables; relative paths in one start at its own folder.",
    )
    registry_secrets: tuple[Text, ...] = Field(
        default=(),
        description="Secret references that scripts of the registry may use, `*` for any text, such as `env:SCRIPT_*` "
        "and `file:/run/secrets/scripts/*`.",
    )
    registry_inline: Bool = Field(
        default=False, description="Whether scripts of the registry may run `inline`, with all that the gateway can do."
    )


class ScriptSettings(Section):
    """One interception script of the bank."""

    type: ScriptType = Field(description="What the script intercepts.")
    name: ScriptName = Field(description="Its name in reports and logs.")
    inum: ScriptInum | None = Field(
        default=None,
        description="What identifies it for good.",
        json_schema_extra=like("made of type and name"),
    )
    description: Text | None = Field(default=None, description="What it is for.")
    file: FilePath = Field(
        description="The Python file. It is looked at each second: a change is tried on the cases that lie beside it, "
        "then serves without a restart."
    )
    enabled: Bool = Field(default=True, description="A script that is not enabled is not loaded.")
    level: Int = Field(default=1, description="Scripts run in descending level, then by name.")
    mode: Literal["worker", "inline"] = Field(
        default="worker",
        description="`worker`: in processes of its own; `inline`: in the gateway itself, for trusted and fast scripts.",
    )
    markets: tuple[Name, ...] = Field(default=(), description="Markets that it serves; none named means all.")
    properties: dict[str, Property] = Field(
        default={}, description="What the script reads from its configurationAttributes: text, or a secret reference."
    )


class DetailTypeSettings(Section):
    """One type of authorization_details (RFC 9396) without a script, or a schema to be asked before one.

    With `texts` the type is there by itself; without, only where a script of the type authz_detail serves it.
    """

    type: DetailTypeName = Field(description="The type, compared byte by byte; it may be a URI.")
    schema_file: FilePath = Field(alias="schema", description="JSON Schema (2020-12) that a detail must obey.")
    texts: dict[str, DetailText] = Field(
        default={},
        description="What the consent page says, by language; the first one is for everybody else. "
        "`{/instructedAmount/amount}` stands for a member.",
    )
    narrows: dict[DetailPointer, Literal["subset", "at_most"]] = Field(
        default={},
        description="Members, by JSON pointer, in which a token request may ask for less: `subset` of a list, "
        "`at_most` a number.",
    )
    enriches: tuple[DetailPointer, ...] = Field(
        default=(),
        description="Members, by JSON pointer, that a market's own authorization server may fill in when the customer "
        "decides, such as the accounts chosen. What a request names there stays as it was asked.",
    )
    markets: tuple[Name, ...] = Field(default=(), description="Markets that take it; none named means all.")


def secret_properties(properties: Mapping[str, SecretReference]) -> list[str]:
    """The names of properties that, by their name, hold a secret."""
    return [name for name in properties if any(word in name.lower() for word in ("passw", "passphrase", "secret"))]
