"""A script's own no: which code, which words, which status, as plain JSON.

What a script leaves out (`error`, `description`) is the gateway's to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from dcrgw.core.checks import wire_text
from dcrgw.core.strict_json import JsonValue

#: The only codes that leave /register with a 4xx (RFC 7591 §3.2.2).
REGISTRATION_CODES: tuple[str, ...] = (
    "invalid_redirect_uri",
    "invalid_client_metadata",
    "invalid_software_statement",
    "unapproved_software_statement",
)

_CODE = re.compile(r"[a-z][a-z_]{0,63}")


class Rejection(Exception):
    """Ends the script's method with a refusal. A script may raise it by `context.reject`, and need not catch it."""

    def __init__(self, refusal: Mapping[str, JsonValue]) -> None:
        self.refusal = refusal
        super().__init__(str(refusal.get("error", "")))


def refusal(
    error: str = "", description: str = "", status: int = 400, *, codes: tuple[str, ...] = ()
) -> dict[str, JsonValue]:
    """A refusal in a script's own words: `status`, and `error` and `description` where it chose any.

    Raises: ValueError for a code that is none of `codes` (empty: of any) and for a status that is not 4xx.
    """
    if not isinstance(status, int) or not 400 <= status <= 499:
        raise ValueError(f"status {status!r:.20} is no refusal: a script refuses with 400 to 499")
    if error and (error not in codes if codes else not _CODE.fullmatch(error)):
        raise ValueError(f"error {error!r:.80} is none of {', '.join(codes) or 'lower case and underscores'}")
    chosen: dict[str, JsonValue] = {"status": status}
    if error:
        chosen["error"] = error
    if description:
        chosen["description"] = wire_text(description)
    return chosen


def refusal_of_entity(status: int, entity: Any, *, codes: tuple[str, ...] = ()) -> dict[str, JsonValue]:
    """A refusal from the seeds' response entity: an OAuth error object, its JSON text, or plain words."""
    if isinstance(entity, str):
        try:
            entity = json.loads(entity)
        except ValueError:
            return refusal(description=entity, status=status, codes=codes)
    if isinstance(entity, Mapping):
        error, description = str(entity.get("error", "")), str(entity.get("error_description", ""))
        return refusal(error, description, status, codes=codes)
    return refusal(description=str(entity), status=status, codes=codes)
