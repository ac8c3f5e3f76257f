"""`dcrgw clients`: look after the registered clients of a running gateway."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import click

from dcrgw.cli.administration import PLACE_OPTIONS, Administration, Refused, connected
from dcrgw.cli.options import with_options
from dcrgw.cli.tables import printable, show_rows, shown_time

_PAGE = 500
_COLUMNS = ("client", "status", "organisation", "software", "name", "registered")

_PLACE_OPTIONS = (*PLACE_OPTIONS, click.option("--json", "as_json", is_flag=True, help="Answer in JSON."))
_SEARCH_OPTIONS = (
    click.option("--market", help="Only of this market."),
    click.option(
        "--status", type=click.Choice(["pending", "active", "suspended", "revoked", "deleted"]), help="Only in it."
    ),
    click.option("--org-id", help="Only of this organisation."),
    click.option("--software-id", help="Only of this software."),
    click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="Most clients shown."),
)


@click.group()
def clients() -> None:
    """Look after the registered clients of a running gateway.

    A CLIENT is MARKET/CLIENT_ID, or the client_id alone where one market has it. Exit status: 0 done, 1 refused, 2
    wrong usage, 3 no answer.
    """


@clients.command("list")
@with_options(*_SEARCH_OPTIONS, *_PLACE_OPTIONS)
def list_(as_json: bool, **given: Any) -> None:
    """List clients, in the order of market and client_id."""
    _show_list(connected(given), None, given, as_json)


@clients.command()
@click.argument("text")
@with_options(*_SEARCH_OPTIONS, *_PLACE_OPTIONS)
def search(text: str, as_json: bool, **given: Any) -> None:
    """Find clients by any part of an id, a client's name or an organisation's name."""
    _show_list(connected(given), text, given, as_json)


@clients.command()
@click.argument("client")
@with_options(*_PLACE_OPTIONS)
def show(client: str, as_json: bool, **given: Any) -> None:
    """Show all of one client but its secrets."""
    api = connected(given)
    _show_client(api.ask("GET", _path(api, client)), as_json)


@clients.command()
@click.argument("client")
@click.option("--limit", type=click.IntRange(1, _PAGE), default=100, show_default=True, help="Most rows shown.")
@with_options(*_PLACE_OPTIONS)
def history(client: str, limit: int, as_json: bool, **given: Any) -> None:
    """Show what happened to one client, newest first."""
    api = connected(given)
    rows = api.ask("GET", f"{_path(api, client)}/history", {"limit": limit})["history"]
    if as_json:
        _print_json(rows)
        return
    cells = [(shown_time(r["at"]), r["operation"], r["decision"], r["author"], _why(r), r["report_id"]) for r in rows]
    show_rows(("at", "operation", "decision", "author", "why", "report"), cells)


def _change(name: str, method: str, verb: str, summary: str) -> Callable[..., None]:
    """A command that changes one client."""

    @click.argument("client")
    @click.option("--reason", default="", help="Why; it stands in the audit trail.")
    @with_options(*_PLACE_OPTIONS)
    def change(client: str, reason: str, as_json: bool, **given: Any) -> None:
        api = connected(given)
        path = _path(api, client)
        if name == "delete" and not given.get("yes"):
            _confirm(path)
        answer = api.ask(method, path + verb, body={"reason": reason} if reason else None)
        if as_json:
            _print_json(answer)
        else:
            click.echo(f"{answer['market']}/{answer['client_id']} is {answer['status']}")

    if name == "delete":
        change = click.option("--yes", is_flag=True, help="Do not ask.")(change)
    return clients.command(name, help=summary)(change)


_change("suspend", "POST", "/suspend", "Refuse a client at every endpoint, and end its tokens, until it is restored.")
_change("restore", "POST", "/restore", "Take a suspended client again.")
_change("revoke-tokens", "POST", "/revoke-tokens", "End every access token of a client; it may get new ones.")
_change("delete", "DELETE", "", "End a client for good: its secrets go, its audit trail stays.")


def _path(api: Administration, client: str) -> str:
    """/clients/MARKET/CLIENT_ID. Raises: ClickException where the id alone does not tell one client."""
    market, slash, client_id = client.partition("/")
    if not slash:
        found = [each for each in _found(api, {"text": client}, _PAGE) if each["client_id"] == client]
        if len(found) != 1:
            where = ", ".join(f"{each['market']}/{client}" for each in found)
            raise Refused(404, f"several clients have this id: {where}" if found else "there is no such client")
        market, client_id = found[0]["market"], client
    return f"/clients/{quote(market, safe='')}/{quote(client_id, safe='')}"


def _found(api: Administration, query: Mapping[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    """Clients, page after page."""
    after: dict[str, Any] = {}
    while limit > 0:
        answer = api.ask("GET", "/clients", {**query, **after, "limit": min(limit, _PAGE)})
        yield from answer["clients"]
        limit -= len(answer["clients"])
        if answer["next"] is None:
            return
        after = {"after": answer["next"]}


def _show_list(api: Administration, text: str | None, given: Mapping[str, Any], as_json: bool) -> None:
    asked = {"text": text, **{name: given[name] for name in ("market", "status", "org_id", "software_id")}}
    found = list(_found(api, {name: value for name, value in asked.items() if value is not None}, given["limit"]))
    if as_json:
        _print_json(found)
        return
    rows = [
        (
            f"{each['market']}/{each['client_id']}",
            each["status"],
            each["org_name"] or each["org_id"] or "-",
            each["software_id"] or "-",
            each["client_name"] or "-",
            shown_time(each["client_id_issued_at"]),
        )
        for each in found
    ]
    show_rows(_COLUMNS, rows)


def _show_client(client: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        _print_json(client)
        return
    for name, value in client.items():
        click.echo(f"{name}: {printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))}")


def _confirm(path: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("a deletion cannot be undone: say --yes")
    click.confirm(f"Delete {path.removeprefix('/clients/')} for good?", abort=True)


def _why(row: Mapping[str, Any]) -> str:
    failed = [finding["check"] for finding in row["findings"] if finding["verdict"] == "failed"]
    return row["facts"].get("reason") or ", ".join(failed) or "-"


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))
