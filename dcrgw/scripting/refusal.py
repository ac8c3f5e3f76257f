"""A script's own no: which code, which words, which status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dcrgw.core.checks import wire_text
from dcrgw.errors import ErrorCode
from dcrgw.ports.scripts import Refusal

#: The only codes that leave /register with a 4xx (RFC 7591 §3.2.2).
CODES = (
    ErrorCode.INVALID_REDIRECT_URI,
    ErrorCode.INVALID_CLIENT_METADATA,
    ErrorCode.INVALID_SOFTWARE_STATEMENT,
    ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT,
)


class Rejection(Exception):
    """Ends the script's method with a refusal. A script may raise it by `context.reject`, and need not catch it."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.code.value)


def refusal(error: str = "", description: str = "", status: int = 400) -> Refusal:
    """A refusal in a script's own words; what is left empty is the gateway's.

    Raises: ValueError for a code that may not leave /register and for a status that is not 4xx.
    """
    if not 400 <= status <= 499:
        raise ValueError(f"status {status} is no refusal: a script refuses with 400 to 499")
    plain = Refusal(status=status)
    if error and error not in CODES:
        raise ValueError(f"error {error!r} is none of {', '.join(CODES)}")
    code = ErrorCode(error) if error else plain.code
    return Refusal(code, wire_text(description) if description else plain.description, status)


def refusal_of_entity(status: int, entity: Any) -> Refusal:
    """A refusal from the seeds' response entity: an OAuth error object, its JSON text, or plain words."""
    if isinstance(entity, str):
        try:
            entity = json.loads(entity)
        except ValueError:
            return refusal(description=entity, status=status)
    if isinstance(entity, Mapping):
        return refusal(str(entity.get("error", "")), str(entity.get("error_description", "")), status)
    return refusal(description=str(entity), status=status)
