"""A registration request as it arrived: read, and not a word of it believed yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dcrgw.core.jose.reader import Unverified
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.values import lean


class Form(StrEnum):
    """How a request is written: a signed token, or a plain JSON object."""

    JWS = "jws"
    JSON = "json"


@lean
@dataclass(frozen=True, slots=True)
class Envelope:
    """The request's parts. `token` is None in the JSON form, `statement` where none was sent."""

    form: Form
    token: Unverified | None
    unverified_claims: Mapping[str, JsonValue] = field(repr=False)
    statement: Unverified | None

    @property
    def software_statement(self) -> str | None:
        """The statement as presented, byte for byte."""
        return None if self.statement is None else self.statement.text
