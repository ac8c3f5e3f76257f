"""What can be wrong with a registration, as data: the tests post each of it, docs/answers.md lists it.

A `Wrong` says how a request differs from a right one, and what must come back. Codes are those of RFC 7591 §3.2.2.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from town import UK, Reply, Town

from dcrgw.errors import ErrorCode
from dcrgw.testkit.statements import Null

RED = ErrorCode.INVALID_REDIRECT_URI
META = ErrorCode.INVALID_CLIENT_METADATA
ISS = ErrorCode.INVALID_SOFTWARE_STATEMENT
UNA = ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT

#: RFC 6749 §5.2: what an error_description may hold.
_WIRE = frozenset(map(chr, (*range(0x20, 0x22), *range(0x23, 0x5C), *range(0x5D, 0x7F))))

Changes = Mapping[str, Any]


@dataclass(frozen=True)
class Wrong:
    """One wrong registration. `line` is its number in the threat model.

    `ssa` are claims of the statement and `asked` those of the request: None leaves one out, a function is called
    with the time. `asks` are the directory's endpoints that may be asked before the answer is known.
    """

    line: int
    sends: str
    error: ErrorCode
    checks: tuple[str, ...]
    ssa: Changes = field(default_factory=dict)
    asked: Changes = field(default_factory=dict)
    market: str = UK
    status: int = 400
    asks: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.line} {self.sends}"


def at_now(changes: Changes) -> dict[str, Any]:
    """The changes with their times filled in."""
    now = time.time()
    return {name: value(now) if callable(value) else value for name, value in changes.items()}


def ago(seconds: float) -> Callable[[float], int]:
    """A date so long ago, or ahead when negative."""
    return lambda now: int(now - seconds)


async def statement_of(town: Town, market: str, changes: Changes) -> str:
    """The management API's statement with these claims; a null is one that only raw bytes can hold."""
    claims = at_now(changes)
    nulls = [name for name, value in claims.items() if isinstance(value, Null)]
    if not nulls:
        return await town.mint(market, claims=claims)
    order = {name: value for name, value in claims.items() if name not in nulls}
    minted = await town.manage("POST", "/statements", market=market, claims=order)
    return await town.mint(market, raw=_json({**minted["claims"], **dict.fromkeys(nulls)}))


async def sent(town: Town, wrong: Wrong) -> bytes:
    """The body of a wrong registration."""
    statement = await statement_of(town, wrong.market, wrong.ssa)
    claims = town.claims(statement, wrong.market, **at_now(wrong.asked))
    return encoded(town, claims, wrong.market)


def encoded(town: Town, claims: Mapping[str, Any], market: str) -> bytes:
    """A request's claims as the market takes them: signed, or plain JSON."""
    return _json(claims) if market == "generic" else town.key().sign(claims).encode()


async def is_refused(town: Town, wrong: Wrong, body: bytes, **post: Any) -> Reply:
    """The answer to `body`, which must be the one that `wrong` says; nothing is stored and nobody is asked in vain."""
    clients, asked = town.clients(), await town.asked()
    reply = await town.post(body, wrong.market, **post)
    assert (reply.status, reply.body.get("error"), tuple(reply.checks)) == (
        wrong.status,
        wrong.error,
        wrong.checks,
    ), reply.body
    reads_well(reply, wrong.market)
    assert town.clients() == clients
    # Whether the certificate was revoked is asked before anything is read.
    assert set((await town.asked())[len(asked) :]) - {"crl"} <= wrong.asks
    return reply


def reads_well(reply: Reply, market: str = UK) -> None:
    """The answer is one that an OAuth client can read: JSON in ASCII, every failing check with its words and clause."""
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Cache-Control"] == "no-store"
    said = [reply.body["error_description"]]
    for each in reply.body["errors"]:
        assert each.keys() == {"check", "description", "spec"}
        said.append(each["description"])
        assert each["spec"]
        if market == "generic":
            # RFC 7591 alone: no text of the Open Banking directory or of FAPI means anything here.
            assert not any(name in each["spec"] for name in ("OB ", "FAPI", "PSD2")), each
    assert all(text == text.strip() for text in said), said
    assert all(text and _WIRE.issuperset(text) for text in said), said


def _json(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
