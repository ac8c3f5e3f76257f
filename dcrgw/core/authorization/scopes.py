"""scope, as requests ask for it (RFC 6749 §3.3)."""

from __future__ import annotations

import re

from dcrgw.core.checks import Findings, gate
from dcrgw.errors import ErrorCode

FORM = gate(
    "token.scope.form",
    "scope is words of scope characters with one blank between them.",
    spec="RFC 6749 §3.3",
    code=ErrorCode.INVALID_SCOPE,
)
REGISTERED = gate(
    "token.scope.registered",
    "Every scope is one that the client registered.",
    spec="RFC 6749 §3.3, §6; RFC 7591 §2, scope",
    code=ErrorCode.INVALID_SCOPE,
)
NARROWED = gate(
    "token.scope.narrowed",
    "A refresh asks for no scope that was not granted.",
    spec="RFC 6749 §6",
    code=ErrorCode.INVALID_SCOPE,
)

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")


def is_scope(text: str) -> bool:
    """Whether a text is scope words with one blank between."""
    return _SCOPE.fullmatch(text) is not None


def within(asked: str, allowed: tuple[str, ...], findings: Findings, *, narrows: bool = False) -> tuple[str, ...]:
    """The words asked for, each once; states that they are well-formed and within what is allowed.

    `allowed` are the client's registered scopes, or with `narrows` those of its grant.
    """
    if not findings.settle(FORM, None if is_scope(asked) else "scope must be words with one blank between"):
        return ()
    words = tuple(dict.fromkeys(asked.split(" ")))
    beyond = [index for index, word in enumerate(words) if word not in allowed]
    entry, said = (NARROWED, "was not granted") if narrows else (REGISTERED, "is not registered for the client")
    findings.settle(entry, f"scope: word {beyond[0] + 1} {said}" if beyond else None)
    return words
