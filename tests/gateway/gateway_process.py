"""The gateway as an operator runs it: a process of its own, beside a directory of this one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from town import Town

from dcrgw.sandbox.session import Ports, session
from dcrgw.sandbox.upstream import Program

#: The generous bound within which a process must have started or ended. Nothing is asserted to take long.
SOON_S = 60
ROOT = Path(__file__).parents[2]


class GatewayProcess:
    """`dcrgw run` of a configuration. All that it ever wrote is kept."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []

    @property
    def output(self) -> str:
        """Everything that it wrote so far, log and complaints alike."""
        return "\n".join(self.lines)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of its log."""
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    async def until(self, event: str, **fields: Any) -> None:
        """Read its log until it says this. Raises: EOFError when it ends before."""
        async with asyncio.timeout(SOON_S):
            while line := (await self._process.stdout.readline()).decode():
                self.lines.append(line.rstrip("\n"))
                said = json.loads(line) if line.startswith("{") else {}
                if said.get("event") == event and fields.items() <= said.items():
                    return
        raise EOFError(self.output)

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def end(self) -> int:
        """Read on until it has ended; its exit code."""
        async with asyncio.timeout(SOON_S):
            rest = (await self._process.stdout.read()).decode()
            self.lines += rest.splitlines()
            return await self._process.wait()

    async def kill(self) -> None:
        """End it if it still runs."""
        if self._process.returncode is None:
            self._process.kill()
        await self.end()


async def launch(config: Path, *, within: tuple[str, ...] = (), **environment: str) -> GatewayProcess:
    """Start it, by the command `within` where one is given; it may not have got far yet."""
    return GatewayProcess(
        await asyncio.create_subprocess_exec(
            *within,
            sys.executable,
            "-m",
            "dcrgw",
            "run",
            "--config",
            str(config),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=2**22,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        )
    )


@asynccontextmanager
async def serving(town: Town) -> AsyncIterator[GatewayProcess]:
    """A gateway process that serves; killed at the end if a test left it running."""
    process = await launch(town.session.config)
    try:
        # The last of the three: by then all listen.
        await process.until("listening", listener="health")
        yield process
    finally:
        await process.kill()


@asynccontextmanager
async def directory(
    path: Path, edit: Callable[[str], str] = lambda text: text, behind: Program | None = None
) -> AsyncIterator[Town]:
    """A town without a gateway in this process; its log is JSON, so that it can be read."""
    async with session(path, Ports(), lambda _: None, behind) as opened, AsyncExitStack() as stack:
        if opened.upstream is not None:
            await stack.enter_async_context(opened.upstream.running())
        town = Town(opened)
        town.plain = edit(opened.config.read_text()).replace('format = "console"', 'format = "json"')
        opened.config.write_text(town.plain)
        opened.publish()
        try:
            yield town
        finally:
            await town.stop()
