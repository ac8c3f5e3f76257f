"""What scripts may say to a registration: yes, no, and changes. A worker may say anything, so all is checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dcrgw.errors import ErrorCode
from dcrgw.ports.scripts import Refusal
from dcrgw.scripting.calls import MethodAnswer
from dcrgw.scripting.refusal import REGISTRATION_CODES, refusal


def no_of(answer: MethodAnswer) -> Refusal | None:
    """None lets pass. A refusal that the script declared holds whatever it returned.

    Raises: ValueError for everything but True, False and a refusal of the right form: a worker may say anything.
    """
    if answer.refusal is not None:
        return _declared(answer.refusal)
    if answer.returned is True:
        return None
    if answer.returned is False:
        return Refusal()
    raise ValueError(f"returned {type(answer.returned).__name__}, neither True nor False")


#: What may be changed on the way from one script of a row to the next: nothing that tells who is asking.
_MAY_CHANGE = frozenset({"client_id", "metadata", "attributes"})


def check_changes(answer: MethodAnswer) -> None:
    """Raises: ValueError for changes of another kind or form: a worker may say anything."""
    changes = answer.changes
    if not _MAY_CHANGE.issuperset(changes):
        raise ValueError("changed what is not its to change")
    if not isinstance(changes.get("client_id", ""), str):
        raise ValueError("chose a client_id that is no text")
    if not all(isinstance(changes.get(name, {}), dict) for name in ("metadata", "attributes")):
        raise ValueError("left a client of another form")


def _declared(said: Mapping[str, Any]) -> Refusal:
    plain = Refusal()
    error, description, status = said.get("error", ""), said.get("description", ""), said.get("status", plain.status)
    if not isinstance(error, str) or not isinstance(description, str) or type(status) is not int:
        raise ValueError("declared a refusal of another form")
    chosen: Mapping[str, Any] = refusal(error, description, status, codes=REGISTRATION_CODES)
    code = ErrorCode(chosen["error"]) if "error" in chosen else plain.code
    return Refusal(code, chosen.get("description", plain.description), status)
