"""`dcrgw cert`: certificates, looked at with the gateway's own eyes."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr

from dcrgw.adapters.clock import SystemClock
from dcrgw.adapters.revocation import CachedRevocation
from dcrgw.adapters.revocation_sources import RevocationSources
from dcrgw.adapters.shown_certificates import certificates_of_file, certificates_of_server
from dcrgw.app.revocation import asking
from dcrgw.cli.keystore.options import FILE, password_option, with_password
from dcrgw.cli.options import CONFIG
from dcrgw.cli.tables import tell
from dcrgw.config.loading import load
from dcrgw.config.secrets import SecretReference
from dcrgw.config.sections.outgoing import Fetch
from dcrgw.config.sections.revocation import MarketRevocationSettings
from dcrgw.core.certificates.path import PathRefused, build
from dcrgw.core.certificates.revocation import Mode
from dcrgw.core.market import Market
from dcrgw.core.registration.certificate_words import MarketWord, facts, in_market
from dcrgw.errors import GatewayError
from dcrgw.materials import open_asking, open_markets
from dcrgw.materials.bare_market import bare_market

_PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")


@click.group()
def cert() -> None:
    """Look at certificates with the gateway's own eyes."""


@cert.command("explain")
@click.argument("where", metavar="FILE|HOST:PORT")
@CONFIG
@click.option("--market", "wanted", multiple=True, help="A market of the configuration; several may be named.")
@click.option("--profile", help="Without a configuration: the profile by which it is judged, such as obuk-3.3.")
@click.option("--trust", multiple=True, type=FILE, help="With --profile: a file of roots.")
@click.option("--intermediates", multiple=True, type=FILE, help="With --profile: a file of intermediates.")
@click.option("--crl", multiple=True, type=FILE, help="With --profile: a revocation list.")
@click.option("--ask", multiple=True, metavar="HOST:PORT", help="With --profile: who may be asked about revocation.")
@click.option("--offline", is_flag=True, help="Ask nobody whether it was revoked.")
@password_option("--password", "a PKCS#12 file")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines for people.")
def explain(where: str, password: SecretReference | None, as_json: bool, **how: Any) -> None:
    """Show what a certificate is, whom it identifies in each market, and which rule refuses it.

    The first certificate of a file (PEM, DER, PKCS#12) is the one that is judged, the others are what a TPP would send
    beside it. Authorities are asked whether it was revoked as the market's configuration says. Exits with 1 where no
    market takes it.
    """
    try:
        chain = _chain(where, password)
        words = asyncio.run(_words(chain, _judges(**how)))
    except (GatewayError, click.BadParameter, ValueError) as failure:
        tell(f"dcrgw cert explain: {failure}", err=True)
        sys.exit(2)
    if as_json:
        document = {"certificates": [facts(der) for der in chain], "markets": [asdict(word) for word in words]}
        click.echo(json.dumps(document, indent=2))
    else:
        for line in _lines([facts(der) for der in chain], words):
            tell(line)
    sys.exit(0 if any(word.is_taken for word in words) else 1)


@dataclass(frozen=True, slots=True)
class _Judges:
    """The markets, and what it takes to ask about revocation for them."""

    markets: Sequence[Market]
    sources: Sequence[RevocationSources] = ()
    fetch: Fetch = field(default_factory=Fetch)
    proxy: SecretStr | None = None


def _judges(
    path: Path,
    wanted: Sequence[str],
    profile: str | None,
    trust: Sequence[Path],
    intermediates: Sequence[Path],
    crl: Sequence[Path],
    ask: Sequence[str],
    offline: bool,
) -> _Judges:
    if profile is not None:
        if not trust:
            raise click.BadParameter("--profile needs --trust: the roots by which certificates are judged")
        return _of_profile(profile, trust, intermediates, crl, () if offline else ask)
    if trust or intermediates or crl or ask:
        raise click.BadParameter("--trust, --intermediates, --crl and --ask go with --profile")
    settings = load(path)
    markets = open_markets(settings, time.time())
    for name in wanted:
        if name not in markets:
            raise click.BadParameter(f"there is no market {name}; there are {', '.join(markets)}")
    chosen = [market for name, market in markets.items() if not wanted or name in wanted]
    if offline:
        return _Judges(chosen)
    sources, proxy = open_asking(settings, markets, time.time())
    return _Judges(chosen, sources, settings.fetch, proxy)


def _of_profile(
    profile: str, trust: Sequence[Path], intermediates: Sequence[Path], crl: Sequence[Path], ask: Sequence[str]
) -> _Judges:
    revocation = None
    if crl or ask:
        files = tuple(each.absolute() for each in crl)
        revocation = MarketRevocationSettings(mode="hard", crl_files=files, hosts=tuple(ask))
    market, sources = bare_market(profile, trust, intermediates, revocation, time.time())
    return _Judges([market], sources)


async def _words(chain: Sequence[bytes], judges: _Judges) -> list[MarketWord]:
    async with AsyncExitStack() as opened:
        port = None
        if judges.sources:
            port = await asking(judges.sources, judges.fetch, judges.proxy, SystemClock(), opened)
        return [await _word(chain, market, judges, port) for market in judges.markets]


async def _word(chain: Sequence[bytes], market: Market, judges: _Judges, port: CachedRevocation | None) -> MarketWord:
    at, told = time.time(), None
    asks = market.revocation.mode is not Mode.OFF and any(each.market == market.name for each in judges.sources)
    if port is not None and asks:
        try:
            told = await port.told(market.name, build(chain, market.anchors, at).der)
        except PathRefused:
            told = None  # the word says why there is no path
    return in_market(chain, market, at, told)


def _chain(where: str, password: SecretReference | None) -> Sequence[bytes]:
    place = _PLACE.fullmatch(where)
    if place is not None and not Path(where).exists():
        return certificates_of_server(place["host"].strip("[]"), int(place["port"]))
    path = Path(where)
    found: Sequence[bytes] = with_password(path, password, lambda given: certificates_of_file(path, given))
    return found


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
        if word.is_taken and not word.revocation:
            yield "  revocation: nobody was asked"
        yield from (f"  revocation of {each}" for each in word.revocation)
        for refusal in word.refusals:
            yield f"  {refusal.check}: {refusal.description} ({refusal.spec})"
            if refusal.detail:
                yield f"    {refusal.detail}"
