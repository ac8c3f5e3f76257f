"""docs/answers.md: what you send and what you get, made of the very tables that the tests post to the gateway."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

import test_bad_keys as keys
import test_bad_metadata as metadata
import test_bad_requests as requests
import test_bad_statements as statements
import test_bad_tokens as tokens
import test_markets as markets
import test_minted_claims as minted
from town import UK
from wrongs import ISS, META, Wrong

DOCS = Path(__file__).parents[2] / "docs"

_INTRODUCTION = """\
# Answers: what you send, what you get

<!-- Made by `make docs` from the tables in tests/gateway, each row of which a test posts to a running gateway. -->

Every row differs from a right registration in one thing only, and was refused as it says. Nothing is stored by a
refused request, and its `jti` is not used up. The body is `{"error", "error_description", "errors": [{"check",
"description", "spec"}]}`: `errors` lists all failing checks of the stage that failed. What each check is:
[checks.md](checks.md); `report` beside them leads to all that was judged
([replay.md](replay.md)); [what to do about it](#what-to-do-about-it) stands last.

To send a row yourself, run the sandbox and have its statement minted by the
[management API](sandbox.md#the-management-api): `claims`, `header`, `key`, `raw` and `raw_header` make every wrong
statement below. `dcrgw explain` then shows the operator's side of the answer.

"OB UK" rows were posted to the sandbox's market `uk-3.2` where they name no other, "plain" ones to `generic`
(RFC 7591).
"""


def render() -> str:
    """The whole page."""
    parts = [
        _INTRODUCTION,
        _tokens(),
        _keys(),
        _section("The software statement, OB UK", statements.UK_STATEMENTS),
        _section("The software statement, plain", statements.GENERIC_STATEMENTS),
        _minted(UK, "OB UK"),
        _minted("generic", "plain"),
        _section("The request, OB UK", requests.UK_REQUESTS),
        _section("The request, plain", [*requests.GENERIC_REQUESTS, *requests.bad_bodies()]),
        _section("The request as HTTP", requests.http_faults()),
        _section("Redirect URIs, OB UK", metadata.REDIRECTS),
        _section("Client metadata, OB UK", [*metadata.METADATA, *metadata.CIBA]),
        _section("Client metadata, plain", metadata.GENERIC_METADATA),
        _section("Open Finance Brasil", markets.BRAZIL),
        _section("Consumer Data Right, Australia", markets.AUSTRALIA),
        _fixes(),
    ]
    return "\n".join(parts)


def checks() -> list[str]:
    """Every check that the page names, in its order."""
    listed = [check for wrong in wrongs() for check in wrong.checks]
    listed += [check for claims in minted.CLAIMS.values() for row in claims.values() for cell in row for check in cell]
    return list(dict.fromkeys(listed))


def wrongs() -> list[Wrong]:
    """Every wrong registration of the tables."""
    every = [bad.as_wrong(layer) for bad in tokens.BAD_TOKENS for layer in bad.layers]
    every += [keys.wrong(layer, bad) for bad in keys.BAD_KEYS for layer in (keys.REQUEST, keys.STATEMENT)]
    every += [*statements.UK_STATEMENTS, *statements.GENERIC_STATEMENTS]
    every += [*requests.UK_REQUESTS, *requests.GENERIC_REQUESTS, *requests.bad_bodies(), *requests.http_faults()]
    every += [*metadata.REDIRECTS, *metadata.METADATA, *metadata.CIBA, *metadata.GENERIC_METADATA]
    every += [*markets.BRAZIL, *markets.AUSTRALIA]
    return every


def _section(title: str, rows: Iterable[Wrong]) -> str:
    lines = [f"## {title}", "", "| you send | status | error | failing checks |", "| --- | --- | --- | --- |"]
    lines += [f"| {_sends(row)} | {row.status} | `{row.error}` | {_ids(row.checks)} |" for row in rows]
    return "\n".join([*lines, ""])


def _sends(row: Wrong) -> str:
    other = "" if row.market in (UK, "generic", "brazil", "australia") else f" (`{row.market}`)"
    return _cell(row.sends) + other


def _tokens() -> str:
    """One row a fault, since request and statement are judged by the same door."""
    lines = [
        "## Tokens",
        "",
        f"The same list for both tokens. A request's fault is `{META}` (413 for one too large), a statement's `{ISS}`.",
        "",
        "| the token has | as the request | as the statement |",
        "| --- | --- | --- |",
    ]
    for bad in tokens.BAD_TOKENS:
        request = _ids(bad.as_wrong(tokens.REQUEST).checks) if tokens.REQUEST in bad.layers else "(not looked at)"
        statement = _ids(bad.as_wrong(tokens.STATEMENT).checks)
        if tokens.STATEMENT not in bad.layers or tokens.GENERIC not in bad.layers:
            plain_only = tokens.STATEMENT not in bad.layers
            statement += " (plain)" if plain_only else " (OB UK)" if tokens.GENERIC not in bad.layers else ""
        lines.append(f"| {_cell(bad.sends)} | {request} | {statement} |")
    return "\n".join([*lines, ""])


def _keys() -> str:
    lines = [
        "## Published keys",
        "",
        "A bad key costs only itself: the others of its set stay good. The fault shows when a token names it.",
        "",
        "| the key set holds | the software's | the directory's |",
        "| --- | --- | --- |",
    ]
    for bad in keys.BAD_KEYS:
        software, directory = (_ids(keys.wrong(layer, bad).checks) for layer in (keys.REQUEST, keys.STATEMENT))
        lines.append(f"| {_cell(bad.publishes)} | {software} | {directory} |")
    return "\n".join([*lines, ""])


def _minted(market: str, title: str) -> str:
    claims = minted.CLAIMS[market]
    lines = [
        f"## Every claim of a statement, spoilt, {title}",
        "",
        "| claim | " + " | ".join(minted.SPOILT) + " |",
        "| --- " * (len(minted.SPOILT) + 1) + "|",
    ]
    ignored = [name for name, outcomes in claims.items() if outcomes == minted.ANYTHING]
    for name, outcomes in claims.items():
        if name not in ignored:
            lines.append(f"| `{name}` | " + " | ".join(_ids(cell) if cell else "201" for cell in outcomes) + " |")
    lines += ["", f"Not judged, 201 whatever they hold: {', '.join(f'`{name}`' for name in ignored)}.", ""]
    return "\n".join(lines)


def _fixes() -> str:
    fixes = tomllib.loads((DOCS / "fixes.toml").read_text())
    lines = ["## What to do about it", "", "| check | what to do |", "| --- | --- |"]
    told: set[str] = set()
    for check in checks():
        # Request and statement share the faults of tokens.
        name = check.partition(".")[2] if ".jws." in check else check
        if name not in told:
            told.add(name)
            shown = f"`request.{name}`, `statement.{name}`" if name != check else f"`{check}`"
            lines.append(f"| {shown} | {fixes[name]} |")
    return "\n".join([*lines, ""])


def _ids(checks: Iterable[str]) -> str:
    return ", ".join(f"`{check}`" for check in checks)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
