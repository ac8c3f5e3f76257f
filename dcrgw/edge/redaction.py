"""Nothing secret reaches a log: by the field's name, and by what a value looks like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"

_SECRET_WORDS = (
    "assertion|authorization|cookie|credential|credentials|jws|jwt|key|keys|passphrase|passwd|password|pem|pin"
    "|secret|secrets|ssa|statement|token|tokens"
)
#: A field whose name has one of these words, in any of the usual spellings: client_secret, privateKey, Set-Cookie.
_SECRET_NAME = re.compile(rf"(?:^|[_\-. ])(?:{_SECRET_WORDS})(?:$|[_\-. ])")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Bounded runs: where a pattern may begin at every other letter, an endless one would take the text's square in time.
_PATTERNS = (
    # A PEM block, also one whose end was cut off.
    (re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL), REDACTED),
    # JWS and JWE in compact form: base64url of an object's opening brace, then two to four more parts.
    (re.compile(r"\be[wy][A-Za-z0-9_-]{6,2048}+(?:\.[A-Za-z0-9_-]*){2,4}"), REDACTED),
    (re.compile(r"(?i)\b(bearer|basic|dpop)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {REDACTED}"),
    (
        re.compile(
            r"(?i)\b([a-z_-]{0,40}(?:password|passwd|passphrase|secret|token|assertion|api[_-]?key))"
            r"(['\"]?\s*[=:]\s*)(?:\"[^\"]*\"?|'[^']*'?|[^\s,;&}\]]+)"
        ),
        rf"\1\2{REDACTED}",
    ),
)


def _may_hold_a_secret(text: str) -> bool:
    """Whether `text` has what every pattern above needs somewhere. Most fields of most events have nothing of it."""
    # White space other than the blank is not printable.
    if not text.isprintable():
        return True
    return " " in text or "=" in text or ":" in text or "ey" in text or "ew" in text or "-----BEGIN" in text


_MAX_DEPTH = 6
_MAX_LENGTH = 8000
#: What is looked at of a longer text: what the patterns take out of it may be long too.
_MOST_LOOKED_AT = 2 * _MAX_LENGTH


def redact(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event without secrets. Called last before rendering, so that tracebacks pass it too."""
    return {name: _value(name, value, 0) for name, value in event.items()}


def redact_text(text: str) -> str:
    """`text` without what looks like a secret, cut to a length that a log can bear."""
    length = len(text)
    if length > _MOST_LOOKED_AT:
        # Without its last word, which the cut may have made unrecognisable.
        text = text[:_MOST_LOOKED_AT]
        text = text[: max(text.rfind(" "), text.rfind("\n"))]
    if _may_hold_a_secret(text):
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
    if length <= _MOST_LOOKED_AT and len(text) <= _MAX_LENGTH:
        return text
    return f"{text[:_MAX_LENGTH]}... ({length} characters)"


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """True for a field that is never logged, whatever it holds."""
    return _SECRET_NAME.search(_CAMEL.sub("_", name).lower()) is not None


def _value(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if is_secret_name(name):
        return REDACTED
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"({len(value)} bytes)"
    if depth >= _MAX_DEPTH:
        return "..."
    if isinstance(value, Mapping):
        return {redact_text(str(key)): _value(str(key), inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_value("", inner, depth + 1) for inner in value]
    return redact_text(str(value))
