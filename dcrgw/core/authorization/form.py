"""Parameters, read strictly from an HTML form or, at the authorization endpoint, from a query."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dcrgw.core.checks import Findings, Judgement, gate
from dcrgw.core.evidence import Arrival
from dcrgw.errors import ErrorCode

MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_BYTES = 32_768
MAX_PARAMETERS = 40

_REQUEST = ErrorCode.INVALID_REQUEST

FORM_TYPE = gate(
    "token.request.media_type",
    "The body is application/x-www-form-urlencoded.",
    spec="RFC 6749 §4.4.2",
    code=_REQUEST,
    status=415,
)
QUERY = gate(
    "token.request.query",
    "Parameters stand in the body, none in the URL, where logs would keep them.",
    spec="RFC 6749 §2.3.1, §3.2",
    code=_REQUEST,
)
SIZE = gate(
    "token.request.size",
    f"The form has at most {MAX_BYTES} bytes and {MAX_PARAMETERS} parameters.",
    spec="RFC 6749 §3.2",
    code=_REQUEST,
)
FORM = gate(
    "token.request.form",
    "The form is well-formed: percent-encoded UTF-8 without control characters.",
    spec="RFC 6749 appendix B",
    code=_REQUEST,
)
ONCE = gate("token.request.once", "No parameter is included more than once.", spec="RFC 6749 §3.2", code=_REQUEST)

#: What a form may hold besides `+` and `%`: the rest would have been percent-encoded, or is harmless as it is.
_TEXT = re.compile(rb"(?:[\x21-\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def read(body: bytes, media_type: str | None, query: str) -> Judgement[Mapping[str, str]]:
    """The parameters by name. One without a value counts as absent (RFC 6749 §3.2); unknown ones are kept.

    `media_type` is the Content-Type as sent, `query` what follows the path's `?`.
    """
    findings = Findings()
    essence = (media_type or "").partition(";")[0].strip().lower()
    findings.settle(FORM_TYPE, None if essence == MEDIA_TYPE else f"Content-Type must be {MEDIA_TYPE}")
    findings.settle(QUERY, "parameters must stand in the body, none in the URL" if query else None)
    return _read(body, findings)


def asked(arrival: Arrival) -> Judgement[Mapping[str, str]]:
    """The parameters of a request at the authorization endpoint: from the query of a GET, from the form of a POST."""
    if arrival.method == "POST":
        return read(arrival.body, arrival.media_type, arrival.query)
    return _read(arrival.query.encode("utf-8", "surrogateescape"), Findings())


def _read(body: bytes, findings: Findings) -> Judgement[Mapping[str, str]]:
    pieces = [piece for piece in body.split(b"&", MAX_PARAMETERS) if piece]
    fits = len(body) <= MAX_BYTES and len(pieces) <= MAX_PARAMETERS
    findings.settle(SIZE, None if fits else f"the form is longer than {MAX_BYTES} bytes or {MAX_PARAMETERS} parameters")
    if findings.has_failed:
        return findings.judgement()
    pairs = [_pair(piece) for piece in pieces]
    parameters = dict(pair for pair in pairs if pair is not None)
    if not findings.settle(FORM, "the form is not well-formed" if None in pairs else None):
        return findings.judgement()
    once = len(parameters) == len(pairs)
    findings.settle(ONCE, None if once else "a parameter is included more than once")
    return findings.judgement({name: value for name, value in parameters.items() if value})


def decoded(text: bytes) -> str | None:
    """One form-encoded text (RFC 6749 appendix B), None for what is none."""
    if not _TEXT.fullmatch(text):
        return None
    octets = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), text.replace(b"+", b" "))
    try:
        plain = octets.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(plain) else plain


def _pair(piece: bytes) -> tuple[str, str] | None:
    name, _, value = piece.partition(b"=")
    decoded_name, decoded_value = decoded(name), decoded(value)
    return None if decoded_name is None or decoded_value is None else (decoded_name, decoded_value)
