"""`dcrgw cert`: certificates, looked at with the gateway's own eyes."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from dcrgw.adapters.shown_certificates import certificates_of_file, certificates_of_server
from dcrgw.cli.options import CONFIG
from dcrgw.config.loading import load
from dcrgw.core.market import Market
from dcrgw.core.registration.certificate_words import MarketWord, facts, in_market
from dcrgw.errors import GatewayError
from dcrgw.materials import open_markets

_PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")


@click.group()
def cert() -> None:
    """Look at certificates with the gateway's own eyes."""


@cert.command("explain")
@click.argument("where", metavar="FILE|HOST:PORT")
@CONFIG
@click.option("--market", "wanted", multiple=True, help="A market of the configuration; several may be named.")
@click.option("--password", help="Password of a PKCS#12 file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines for people.")
def explain(where: str, path: Path, wanted: tuple[str, ...], password: str | None, as_json: bool) -> None:
    """Show what a certificate is, whom it identifies in each market, and which rule refuses it.

    The first certificate of a file (PEM, DER, PKCS#12) is the one that is judged, the others are what a TPP would send
    beside it. Exits with 1 where no market takes it. Whether it was revoked is not asked.
    """
    try:
        chain = _chain(where, password)
        words = [in_market(chain, market, time.time()) for market in _markets(path, wanted)]
    except (GatewayError, click.BadParameter) as failure:
        click.echo(f"dcrgw cert explain: {failure}", err=True)
        sys.exit(2)
    if as_json:
        document = {"certificates": [facts(der) for der in chain], "markets": [asdict(word) for word in words]}
        click.echo(json.dumps(document, indent=2))
    else:
        for line in _lines([facts(der) for der in chain], words):
            click.echo(line)
    sys.exit(0 if any(word.is_taken for word in words) else 1)


def _chain(where: str, password: str | None) -> Sequence[bytes]:
    place = _PLACE.fullmatch(where)
    if place is not None and not Path(where).exists():
        return certificates_of_server(place["host"].strip("[]"), int(place["port"]))
    return certificates_of_file(Path(where), password.encode() if password else None)


def _markets(path: Path, wanted: Sequence[str]) -> list[Market]:
    markets = open_markets(load(path), time.time())
    for name in wanted:
        if name not in markets:
            raise click.BadParameter(f"there is no market {name}; there are {', '.join(markets)}")
    return [market for name, market in markets.items() if not wanted or name in wanted]


def _lines(chain: Sequence[Mapping[str, object]], words: Sequence[MarketWord]) -> Iterator[str]:
    for number, each in enumerate(chain):
        yield "The certificate" if number == 0 else f"Beside it, {number}"
        for label, value in each.items():
            yield f"  {label:<23}{', '.join(value) if isinstance(value, tuple) else value}"
    for word in words:
        yield f"Market {word.market} ({word.profile}): {'taken' if word.is_taken else 'refused'}"
        if word.names is not None:
            would = "names" if word.is_taken else "would name"
            yield f"  {word.kind}: {would} {word.names}"
        for refusal in word.refusals:
            yield f"  {refusal.check}: {refusal.description} ({refusal.spec})"
            if refusal.detail:
                yield f"    {refusal.detail}"
