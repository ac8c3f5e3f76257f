"""What went over the wire in a case, for the report: every request and answer, and no secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from dcrgw.compliance.conformance.making import Made
from dcrgw.compliance.conformance.signing import parts
from dcrgw.compliance.conformance.wording import short
from dcrgw.tpp.client import FORM, Answer, Outgoing

#: Members whose values open a door, wherever they stand.
_SECRET = frozenset(
    {"client_secret", "access_token", "refresh_token", "registration_access_token", "client_assertion", "id_token"}
)
_HIDDEN = "(not shown)"
_LONGEST = 4_000
#: Of an answer, so many bytes are decoded for people, and so many headers shown: a bank may send what it likes.
_LONGEST_BODY, _MOST_HEADERS = 64_000, 60
#: Shorter texts would be found inside other words.
_LEAST = 8


@dataclass(frozen=True, slots=True)
class Allowed:
    """One answer that the standard allows: what it is like, in words, and in what the bank's answer differs from it.

    No differences and not `is_met`: an earlier one was met, or no answer came.
    """

    name: str
    rules: tuple[str, ...]
    differences: tuple[str, ...] = ()
    is_met: bool = False


@dataclass(slots=True)
class Exchange:
    """One request and what came of it. `implied`: no step of the case, but what a step needs, or clearing away."""

    do: str
    sent: Mapping[str, Any]
    received: Mapping[str, Any] | None = None
    trouble: str = ""
    #: The expectation that was met; empty where none was.
    met: str = ""
    #: All that the standard allows.
    allowed: tuple[Allowed, ...] = ()
    implied: bool = False


@dataclass(slots=True)
class Secrets:
    """What was met that nobody may read in a report."""

    found: set[str] = field(default_factory=set)

    def meet(self, value: Any) -> None:
        """Note the secrets of a request's headers or form, or of an answer's members."""
        if isinstance(value, Mapping):
            for name, each in value.items():
                if name in _SECRET and isinstance(each, str) and len(each) >= _LEAST:
                    self.found.add(each)
                self.meet(each)
        elif isinstance(value, list | tuple):
            for each in value:
                self.meet(each)

    def meet_request(self, outgoing: Outgoing) -> None:
        """Note what stands after the scheme of an Authorization header, and the proof in a form: a bank may echo it."""
        rests = (header.partition(" ")[2].strip() for header in outgoing.secret_headers.values())
        self.found |= {rest for rest in rests if len(rest) >= _LEAST}
        if outgoing.media_type == FORM:
            self.meet(dict(parse_qsl(outgoing.body.decode("utf-8", "replace"))))

    def without(self, value: Any) -> Any:
        """The value with no secret in it."""
        match value:
            case str():
                for secret in self.found:
                    value = value.replace(secret, _HIDDEN)
                return value
            case Mapping():
                return {
                    self.without(name): _HIDDEN if name in _SECRET and isinstance(each, str) else self.without(each)
                    for name, each in value.items()
                }
            case list() | tuple():
                return [self.without(each) for each in value]
        return value


def sent(made: Made) -> dict[str, Any]:
    """The request for people: decoded, and its headers."""
    outgoing = made.outgoing
    headers = {**outgoing.open_headers, **dict.fromkeys(outgoing.secret_headers, _HIDDEN)}
    return {"method": outgoing.method, "url": short(outgoing.url), "headers": headers, **_readable(made.shown)}


def received(answer: Answer) -> dict[str, Any]:
    """The answer for people."""
    members = answer.members if len(answer.body) <= _LONGEST_BODY else {}
    return {
        "status": answer.status,
        "headers": {name: value[:_LONGEST] for name, value in islice(answer.headers.items(), _MOST_HEADERS)},
        "body": _readable(members) if members else answer.body[:_LONGEST].decode("utf-8", "replace"),
        "ms": round(answer.total_ms, 1),
    }


def _readable(members: Mapping[str, Any]) -> dict[str, Any]:
    """With software statements decoded, since nobody reads a JWS, and without their signatures."""
    result: dict[str, Any] = {}
    for name, value in members.items():
        if name == "software_statement" and isinstance(value, str) and value.count(".") == 2:
            header, claims = parts(value)
            result[name] = {"header": header, "claims": claims} if header or claims else value[:_LONGEST]
        elif isinstance(value, Mapping):
            result[name] = _readable(value)
        else:
            result[name] = value if len(json.dumps(value, default=str)) <= _LONGEST else str(value)[:_LONGEST]
    return result
