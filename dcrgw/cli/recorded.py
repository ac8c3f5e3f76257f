"""Recorded decisions of a running gateway, as commands ask for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import click

from dcrgw.cli.administration import Administration
from dcrgw.cli.times import Moment

_PAGE = 500

#: Option name -> member of the query.
_NAMES = {
    "since": "since", "until": "until", "market": "market", "operation": "operation", "decision": "decision",
    "check": "check", "client": "client_id", "org_id": "org_id", "software_id": "software_id",
    "interaction_id": "interaction_id", "imported": "imported",
}  # fmt: skip

QUERY_OPTIONS = (
    click.option("--since", type=Moment(), help="From this time on: RFC 3339, epoch seconds, or 6h, 30d ago."),
    click.option("--until", type=Moment(), help="Before this time."),
    click.option("--market", help="Only of this market."),
    click.option("--operation", help="Only create, read, update, delete, token, ..."),
    click.option("--decision", help="Only with this end: registered, refused, unavailable, ..."),
    click.option("--check", help="Only where this check failed; or all of a stage, such as statement."),
    click.option("--client", metavar="CLIENT_ID", help="Only of this client."),
    click.option("--org-id", help="Only of this organisation."),
    click.option("--software-id", help="Only of this software."),
    click.option("--interaction-id", help="Only with this label of the caller's."),
    click.option("--imported/--own", default=None, help="Only what was imported, or what this gateway judged itself."),
)


def asked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The query of the options that were given."""
    found = {member: given.get(name) for name, member in _NAMES.items()}
    return {member: _text(value) for member, value in found.items() if value is not None}


def asked_in(text: str) -> dict[str, Any]:
    """The query of a text, `decision=refused,since=6h`; `all` is everything. Raises: UsageError."""
    if text == "all":
        return {}
    found: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        name = name.strip().replace("-", "_")
        if name not in _NAMES or not equals or not value:
            raise click.UsageError(f"{part!r} is no criterion: write all, or NAME=VALUE with {', '.join(_NAMES)}")
        if name == "imported" and value not in ("true", "false"):
            raise click.UsageError(f"imported is true or false, not {value!r}")
        found[name] = Moment().convert(value, None, None) if name in ("since", "until") else value
    return asked(found)


def lines(api: Administration, query: Mapping[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    """The decisions that match, newest first, page after page."""
    after: dict[str, Any] = {}
    while limit > 0:
        answer = api.ask("GET", "/evidence", {**query, **after, "limit": min(limit, _PAGE)})
        yield from answer["decisions"]
        limit -= len(answer["decisions"])
        if answer["next"] is None:
            return
        after = {"after": answer["next"]}


def document(api: Administration, report_id: str) -> dict[str, Any]:
    """One decision's bundle."""
    return api.ask("GET", f"/evidence/{quote(report_id, safe='')}")


def is_imported(api: Administration, report_id: str) -> bool:
    """Whether the gateway did not judge a decision itself."""
    return bool(api.ask("GET", f"/reports/{quote(report_id, safe='')}")["imported"])


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6f}" if isinstance(value, float) else value
