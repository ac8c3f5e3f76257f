"""Authorization details as values (RFC 9396 §2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.core.strict_json import JsonValue


@dataclass(frozen=True, slots=True)
class AuthorizationDetail:
    """One element of authorization_details: its `type`, and all its members as sent, `type` among them."""

    type: str
    members: Mapping[str, JsonValue] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DetailFault:
    """What is wrong with one detail. `pointer` is a JSON pointer (RFC 6901) from the list's root, such as /0/type.

    `description` names the rule and never echoes a value.
    """

    index: int
    pointer: str
    description: str


@dataclass(frozen=True, slots=True)
class DetailText:
    """One detail in words for the person who decides. Plain text: whoever shows it escapes it.

    `text` is the bank's; `note` is what the client itself wrote (`ui_representation`), which proves nothing.
    """

    index: int
    type: str
    text: str
    note: str | None = None
