"""`dcrgw reconcile`: hold a running gateway's registry against the authorization servers behind its markets."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import click

from dcrgw.cli.administration import PLACE_OPTIONS, Administration, NoAnswer, Refused, connected
from dcrgw.cli.options import with_options
from dcrgw.cli.tables import show_rows

_PAGE = 100
#: What is under way and not late is no reason to wake anybody.
_CALM = "waiting"
#: What an authorization server that does not answer makes of a look.
_UNAVAILABLE = 503


@click.command()
@click.argument("markets", nargs=-1, metavar="[MARKET]...")
@click.option("--mend", is_flag=True, help="Mend what differs; otherwise nothing is changed.")
@click.option("--reason", default="", help="Why it is mended; it stands in the audit trail.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@with_options(*PLACE_OPTIONS)
def reconcile(markets: tuple[str, ...], mend: bool, reason: str, as_json: bool, **given: Any) -> None:
    """Tell where registry and authorization servers differ, and mend it on order.

    All markets with an authorization server of their own are looked at, or those that are named. Kinds: `missing`
    there, `untold` (registered before there was the server), `differs` in members, `alive` there though over here,
    `stray` (made there by the gateway, unknown here), `waiting` and `overdue` (under way). Clients that the gateway
    did not make are never touched.

    Exit status: 0 nothing differs (or all was mended), 1 something does or a look was refused, 2 wrong usage, 3 no
    answer.
    """
    named = markets or tuple(_ask(given, "GET", "/reconcile")["markets"])
    found = [each for market in named for each in _differences(given, market)]
    if mend:
        found = [{**each, **_mended(given, each, reason)} for each in found]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _show(found, mend)
    if any(_is_left(each) for each in found):
        sys.exit(1)


def _differences(given: Mapping[str, Any], market: str) -> Iterator[dict[str, Any]]:
    """Page after page, until the gateway says that it was the last."""
    after: str | None = None
    while True:
        query = {"limit": _PAGE, **({"after": after} if after is not None else {})}
        answer = _ask(given, "GET", f"/reconcile/{quote(market, safe='')}", query)
        yield from answer["differences"]
        after = answer["next"]
        if after is None:
            return


def _mended(given: Mapping[str, Any], difference: Mapping[str, Any], reason: str) -> dict[str, Any]:
    if not difference["mendable"]:
        return {"outcome": "left"}
    path = f"/reconcile/{quote(difference['market'], safe='')}/{quote(difference['client_id'], safe='')}"
    answer = _ask(given, "POST", path, body={"reason": reason} if reason else None)
    return {"outcome": answer["outcome"], "detail": answer["detail"] or difference["detail"]}


def _ask(given: Mapping[str, Any], method: str, path: str, *asked: Any, **more: Any) -> dict[str, Any]:
    # A connection for each question: a mend may take as long as the authorization server.
    api: Administration = connected(given)
    try:
        return api.ask(method, path, *asked, **more)
    except Refused as refused:
        if refused.status == _UNAVAILABLE:
            raise NoAnswer("the authorization server did not answer: see the gateway's log") from None
        raise


def _is_left(difference: Mapping[str, Any]) -> bool:
    if difference.get("outcome") in ("mended", "nothing"):
        return False
    return bool(difference["kind"] != _CALM)


def _show(found: list[dict[str, Any]], mended: bool) -> None:
    head = ("client", "kind", *(("outcome",) if mended else ()), "detail")
    rows = [
        (
            f"{each['market']}/{each['client_id']}",
            each["kind"],
            *((each["outcome"],) if mended else ()),
            each["detail"] or "-",
        )
        for each in found
    ]
    if rows:
        show_rows(head, rows)
    elif sys.stdout.isatty():
        click.echo("Nothing differs.")
