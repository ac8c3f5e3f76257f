"""A software's roles, in the several forms that directories write them: a profile's `roles_form` names one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dcrgw.core.strict_json import JsonValue

MAX_ROLES = 50
MAX_ROLE_LENGTH = 128


def read(form: str, claim: JsonValue) -> frozenset[str] | None:
    """The roles that the software may play now; None for a claim that is not of the form. No claim, no roles.

    `words`: a list of strings (OB UK). `word`: one string (CDR). `assignments`: a list of objects with role and
    status, of which only active ones count (Open Finance Brasil).
    """
    return frozenset() if claim is None else _FORMS[form](claim)


def description(form: str) -> str:
    """What a claim of the form must be."""
    return _DESCRIPTIONS[form]


def _words(claim: JsonValue) -> frozenset[str] | None:
    if not isinstance(claim, list) or len(claim) > MAX_ROLES:
        return None
    words = [word for word in claim if isinstance(word, str) and 0 < len(word) <= MAX_ROLE_LENGTH]
    return frozenset(words) if len(words) == len(claim) else None


def _word(claim: JsonValue) -> frozenset[str] | None:
    return _words([claim]) if isinstance(claim, str) else None


def _assignments(claim: JsonValue) -> frozenset[str] | None:
    if not isinstance(claim, list) or len(claim) > MAX_ROLES:
        return None
    roles: set[str] = set()
    for entry in claim:
        if not isinstance(entry, dict):
            return None
        role, status = _words([entry.get("role")]), entry.get("status")
        if role is None or not isinstance(status, str):
            return None
        # Directories differ in the letter case of a status; another word than Active is a no.
        if status.lower() == "active":
            roles |= role
    return frozenset(roles)


_FORMS: Mapping[str, Callable[[JsonValue], frozenset[str] | None]] = {
    "words": _words,
    "word": _word,
    "assignments": _assignments,
}
_DESCRIPTIONS: Mapping[str, str] = {
    "words": f"a list of at most {MAX_ROLES} words",
    "word": "one word",
    "assignments": f"a list of at most {MAX_ROLES} objects with role and status",
}
