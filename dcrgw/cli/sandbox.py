"""`dcrgw sandbox`: a test directory, a gateway and a TPP on this machine, for as long as it runs."""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

import click

from dcrgw import app
from dcrgw.config.loading import load
from dcrgw.core.checks import Report
from dcrgw.edge.logging import LogStream, set_up_logging
from dcrgw.errors import GatewayError
from dcrgw.sandbox import reports, upstream
from dcrgw.sandbox.narrator import Narrator
from dcrgw.sandbox.session import Ports, Session, session
from dcrgw.sandbox.story import tell
from dcrgw.sandbox.telling import StoryFailed
from dcrgw.sandbox.upstream import Program, UpstreamUnusable, program
from dcrgw.tpp.credentials import CredentialsUnusable
from dcrgw.tpp.setup import Incomplete
from dcrgw.tpp.trouble import ConnectionTrouble


class Gateway(Protocol):
    """What the sandbox needs of a running gateway."""

    @property
    def reports(self) -> Sequence[Report]:
        """Its recent reports, newest last."""
        ...

    async def stop(self) -> None:
        """Stop serving."""
        ...


StartGateway = Callable[[Path], Awaitable[Gateway]]


#: What can go wrong with the world outside, told in a line.
_TROUBLE = (
    OSError, ssl.SSLError, ConnectionTrouble, CredentialsUnusable, Incomplete, GatewayError, UpstreamUnusable,
)  # fmt: skip
#: The gateway's log, beside what the sandbox writes: it outlives a run that went wrong.
LOG = "gateway.log"
_LOGS = {LOG: "gateway", upstream.LOG: "authorization server"}


@dataclass(frozen=True, slots=True)
class _Served:
    """The real gateway and its log, by what the sandbox needs of them."""

    gateway: app.Gateway
    log: LogStream
    file: TextIO

    @property
    def reports(self) -> Sequence[Report]:
        return self.gateway.reports

    async def stop(self) -> None:
        await self.gateway.stop()
        self.log.stop()
        self.file.close()


async def start_gateway(config: Path) -> Gateway:
    """The real gateway from its configuration file: the one place where sandbox and gateway meet.

    Its log goes to a file beside the configuration, so that it does not talk into what is told here.
    """
    settings = load(config)
    file = config.with_name(LOG).open("w", encoding="utf-8")
    log = set_up_logging(settings.logging.format, stream=file)
    try:
        return _Served(await app.start(settings), log, file)
    except BaseException:
        log.stop()
        file.close()
        raise


def _port(flag: str, what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(flag, type=click.IntRange(0, 65535), default=0, help=f"{what} Free by default.")


@click.command()
@click.option(
    "--story", is_flag=True, help="Tell a client's life from registration to deletion, and a refusal; then end."
)
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("var/sandbox"), show_default=True,
    help="Where keys, statements and sandbox.json are written while it runs.",
)  # fmt: skip
@_port("--mtls-port", "Where TPPs register.")
@_port("--public-port", "The gateway's port without client certificates.")
@_port("--health-port", "The gateway's probes.")
@_port("--directory-port", "The directory's key sets.")
@_port("--directory-mtls-port", "The directory's token URL and SCIM.")
@_port("--management-port", "The directory's management API.")
@_port("--revocations-port", "The authorities' revocation lists and responder.")
@_port("--upstream-port", "The authorization server of --upstream.")
@click.option(
    "--upstream", "server", metavar="NAME",
    help="Put an authorization server behind the markets, in place of the built-in one: `oidc-provider`, or a folder"
    " with a server.mjs.",
)  # fmt: skip
def sandbox(
    story: bool, folder: Path, mtls_port: int, public_port: int, health_port: int, directory_port: int,
    directory_mtls_port: int, management_port: int, revocations_port: int, upstream_port: int, server: str | None,
) -> None:  # fmt: skip
    """Serve a test directory, a gateway and a TPP. Not for production."""
    ports = Ports(
        mtls_port, public_port, health_port, directory_port, directory_mtls_port, management_port, revocations_port,
        upstream_port,
    )  # fmt: skip
    try:
        behind = None if server is None else program(server)
    except UpstreamUnusable as unusable:
        raise click.ClickException(str(unusable)) from None
    sys.exit(asyncio.run(run(folder, ports, story=story, behind=behind)))


async def run(
    folder: Path,
    ports: Ports,
    *,
    story: bool,
    behind: Program | None = None,
    narrator: Narrator | None = None,
    start: StartGateway | None = None,
) -> int:
    """The exit code: 0 when all went as told or the end was asked for, 1 when not, 130 for an interrupted story."""
    say = narrator or Narrator()
    _end_on_signals()
    try:
        async with AsyncExitStack() as stack:
            opened, gateway = await _open(stack, folder, ports, behind, say, start or start_gateway)
            if story:
                await tell(opened, lambda: list(gateway.reports), say)
                say.close("All went as told.")
            else:
                say.close(f"Serving; {folder / 'sandbox.json'} names everything. Ctrl-C ends it.")
                await asyncio.Event().wait()
    except asyncio.CancelledError:
        _forget(folder)
        say.fail("Interrupted." if story else "Ended; nothing is left.")
        return 130 if story else 0
    except StoryFailed as failure:
        return _failed(say, folder, str(failure))
    except _TROUBLE as error:
        return _failed(say, folder, f"{type(error).__name__}: {error}")
    _forget(folder)
    return 0


def _failed(say: Narrator, folder: Path, sentence: str) -> int:
    say.fail(f"Not as told: {sentence}")
    for name, whose in _LOGS.items():
        if (folder / name).exists():
            say.fail(f"The {whose}'s own words are in {folder / name}.")
    return 1


def _forget(folder: Path) -> None:
    for name in _LOGS:
        (folder / name).unlink(missing_ok=True)


async def _open(
    stack: AsyncExitStack, folder: Path, ports: Ports, behind: Program | None, say: Narrator, start: StartGateway
) -> tuple[Session, Gateway]:
    """Directory and gateway, up; the stack takes them down."""
    recent: list[Gateway] = []
    say.warn()
    with say.step("The directory is up, with fresh keys") as line:
        opened = await stack.enter_async_context(
            session(folder, ports, lambda wanted: reports.find(recent[0].reports, wanted) if recent else None, behind)
        )
        for name, url in (
            ("key sets", opened.endpoints.keystore),
            ("token URL", opened.endpoints.token),
            ("SCIM", opened.endpoints.scim),
            ("management", opened.endpoints.management),
            ("revocation", opened.endpoints.revocations),
        ):
            line(f"{name:<12}{url}")
    if opened.upstream is not None:
        with say.step("The bank's own authorization server is up, for the gateway alone") as line:
            await stack.enter_async_context(opened.upstream.running())
            line(f"https://localhost:{opened.upstream.port}, from {opened.upstream.program.folder}")
    with say.step("The gateway is up") as line:
        gateway = await start(opened.config)
        stack.push_async_callback(gateway.stop)
        recent.append(gateway)
        opened.publish()
        for market in opened.index["markets"]:
            line(f"{market['market']:<12}{market['registration_endpoint']}")
        line(f"{'health':<12}{opened.index['health']}")
        if (folder / LOG).exists():
            line(f"{'log':<12}{folder / LOG}")
    return opened, gateway


def _end_on_signals() -> None:
    """Ctrl-C and SIGTERM end this run through its own clean-up."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("no task to end")
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)
