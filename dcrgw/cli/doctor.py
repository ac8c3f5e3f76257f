"""`dcrgw doctor`: what is wrong around the gateway."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
from aiohttp import web

from dcrgw.adapters.sqlite.errands import waiting_in
from dcrgw.app.outbox import stranded_words
from dcrgw.app.upstream_trial import trial
from dcrgw.cli.faults import show_faults
from dcrgw.cli.options import CONFIG
from dcrgw.cli.tables import tell
from dcrgw.config.faults import ConfigurationRefused
from dcrgw.config.loading import load
from dcrgw.core.certificates.forwarded import USUAL, Form, ForwardedRefused, Headers, read
from dcrgw.core.market import Market
from dcrgw.core.registration.certificate_words import facts
from dcrgw.materials import UpstreamMaterials, open_materials

_WORDS = ("cert", "clientcert", "tls", "ssl")
#: As much as `header_bytes` of a listener for proxies may be.
_LONGEST_HEADER = 131_072


@click.group()
def doctor() -> None:
    """Find out what is wrong around the gateway."""


@doctor.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on, plain HTTP.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port; 0 takes a free one."
)
@click.option("--header", "name", help="Another header than those that proxies usually set.")
def header(host: str, port: int, name: str | None) -> None:
    """Wait for one request of a proxy, and say what it passes on of the client's certificate."""
    try:
        arrived = asyncio.run(_one_request(host, port))
    except KeyboardInterrupt:
        click.echo("dcrgw doctor header: no request came", err=True)
        sys.exit(1)
    except OSError as error:
        why = error.strerror or error
        click.echo(f"dcrgw doctor header: cannot listen on {host}:{port}: {why}; see --host and --port", err=True)
        sys.exit(2)
    lines = list(told(arrived, name))
    for line in lines:
        tell(line)
    sys.exit(0 if any("reads as" in line for line in lines) else 1)


@doctor.command()
@CONFIG
@click.option("--market", "name", help="Only this market.")
@click.option("--register", "registers", is_flag=True, help="Also make a client there, try it, and delete it again.")
def upstream(path: Path, name: str | None, registers: bool) -> None:
    """Try the authorization servers behind markets: who they are, where they are asked, whether they let us in."""
    try:
        materials = open_materials(load(path), time.time())
    except ConfigurationRefused as refused:
        show_faults("refused", refused.faults, "red")
        sys.exit(1)
    tried = [each for market, each in materials.upstreams.items() if name in (None, market)]
    waiting = waiting_in(materials.settings.registry.path)
    stranded = {market: each for market, each in waiting.items() if market not in materials.upstreams}
    left = [market for market in stranded if name in (None, market)]
    for market in left:
        click.echo(f"{market}: no authorization server any more")
        click.echo(f"  {_MARKS[False]} {stranded_words(*stranded[market])}")
    if left and not tried:
        sys.exit(1)
    if not tried:
        click.echo("dcrgw doctor upstream: no such market has an authorization server behind it", err=True)
        sys.exit(2)
    is_good = [asyncio.run(_tried(each, materials.markets[each.market], registers)) for each in tried]
    sys.exit(0 if all(is_good) and not left else 1)


async def _tried(each: UpstreamMaterials, market: Market, registers: bool) -> bool:
    is_good = True
    click.echo(f"{each.market}: {each.settings.kind} at {each.settings.url}")
    async for step in trial(each, market, registers=registers):
        tell(f"  {_MARKS[step.is_good]} {step.text}")
        is_good = is_good and step.is_good is not False
    return is_good


_MARKS = {True: "ok  ", False: "FAIL", None: "note"}


async def _one_request(host: str, port: int) -> Mapping[str, Sequence[str]]:
    """The headers of the first request; lower case name -> every value."""
    came: asyncio.Future[Mapping[str, Sequence[str]]] = asyncio.get_running_loop().create_future()

    async def answer(request: web.BaseRequest) -> web.Response:
        if not came.done():
            came.set_result({key.lower(): request.headers.getall(key) for key in request.headers})
        return web.Response(text="seen\n")

    runner = web.ServerRunner(_Listener(answer))
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    click.echo(f"Waiting for one request at http://{host}:{runner.addresses[0][1]}/", err=True)
    try:
        found = await came
        await asyncio.sleep(0)
        return found
    finally:
        await runner.cleanup()


class _Listener(web.Server):
    """Takes requests with headers as long as the gateway's own listener for proxies does."""

    def __call__(self) -> web.RequestHandler:
        return _Ear(
            self,
            loop=asyncio.get_running_loop(),
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )


class _Ear(web.RequestHandler):
    """One connection of a proxy. What cannot be read is told, without its bytes, and the next one is waited for."""

    __slots__ = ("_is_tls",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._is_tls: bool | None = None
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._is_tls is None and data:
            self._is_tls = data[:2] == b"\x16\x03"  # a TLS handshake record, RFC 8446 §5.1
        super().data_received(data)

    def handle_error(self, *_: object, **__: object) -> web.StreamResponse:
        what = (
            "it speaks TLS, and this listens for plain HTTP: use http:// in the proxy's address for this trial"
            if self._is_tls
            else f"it is no HTTP/1.1 request, or has a header of more than {_LONGEST_HEADER} bytes"
        )
        click.echo(f"What came cannot be read: {what}. Waiting on.", err=True)
        return web.Response(status=400, text="not read\n")


def told(arrived: Mapping[str, Sequence[str]], name: str | None = None) -> Iterator[str]:
    """What these headers say, for people. The values themselves are not shown."""
    known = {each.leaf for each in USUAL.values()} | ({name.lower()} if name else set())
    for found in sorted(key for key in arrived if key in known or any(word in key for word in _WORDS)):
        values = arrived[found]
        yield f"{found}: {len(values)} value(s), {sum(map(len, values))} characters"
        yield from _readings(found, values, arrived)
    if not known & arrived.keys():
        yield f"none of {', '.join(sorted(known))} arrived"


def _readings(found: str, values: Sequence[str], arrived: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for form in Form:
        headers = Headers(found, USUAL[form].chain)
        chain = arrived.get(headers.chain, ()) if headers.chain else ()
        try:
            certificates = read(form, values, chain)
        except ForwardedRefused as refused:
            if found == USUAL[form].leaf:
                yield f"  not {form}: it {refused}"
            continue
        if certificates:
            subject = facts(certificates[0]).get("subject", "unreadable")
            yield f"  reads as {form}: {len(certificates)} certificate(s), the first of {subject}"
        elif found == USUAL[form].leaf:
            yield f"  empty: the client showed {form} no certificate"
