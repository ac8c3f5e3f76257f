"""The gate before every change: it is tried on recorded decisions, in a process aside, and refused if they change.

The event loop only passes lines to and fro: what is decided, and the scripts that are run, are in a process of its
own, which is ended when its time is over.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcrgw.compliance import sources
from dcrgw.compliance.carrying import Serving, carried
from dcrgw.errors import GatewayError

_PROGRAM = "import sys; sys.path[:] = {path!r}; from dcrgw.compliance.gate_process import main; main()"
_LONGEST_LINE = 1024 * 1024
_PROGRESS_S = 5.0
#: Changed decisions that are named; the rest are counted.
_NAMED = 10

#: How an event is told: its name, and its fields.
Sink = Callable[..., None]
#: One recorded decision: its name, and its document.
Document = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Terms:
    """On what a change is tried, and what it may change. `bundles` are files, or folders of them."""

    bundles: tuple[Path, ...] = ()
    recorded: int = 0
    allowed_changes: int = 0
    deadline_s: float = 60.0


@dataclass(slots=True)
class Weighed:
    """What came of a trial. `faults` are why the change may not serve; empty where it may."""

    bundles: int = 0
    #: Each decision once, however many bundles of it there are: `repeated` are the others.
    decided: int = 0
    repeated: int = 0
    changed: int = 0
    foreign: int = 0
    unreadable: int = 0
    #: A sentence for each of the first changed decisions, and for each bundle that cannot be read.
    named: list[str] = field(default_factory=list)
    #: What kept it from its end.
    broken: str = ""
    took_s: float = 0.0
    allowed: int = 0

    @property
    def sentence(self) -> str:
        """`3 of 412 decisions change`, and what else there is to say."""
        said = f"{self.changed} of {self.decided} decisions change"
        if self.foreign:
            said += f", {self.foreign} more are of markets that are not served"
        said += f", {self.unreadable} cannot be read" if self.unreadable else ""
        return said + (f" ({self.repeated} that came more than once count once)" if self.repeated else "")

    @property
    def faults(self) -> tuple[str, ...]:
        """The sentence and what it counts, where the change is refused."""
        if not (self.broken or self.unreadable or self.changed > self.allowed):
            return ()
        bound = f", and {self.allowed} may" if self.changed > self.allowed else ""
        counted = self.changed + self.unreadable
        more = [f"and {counted - len(self.named)} more"] if counted > len(self.named) else []
        counted_up = [f"{self.sentence}{bound}"] if self.decided else []
        return (*([self.broken] if self.broken else []), *counted_up, *self.named, *more)

    def count(self, told: dict[str, Any]) -> None:
        """Note what the process said of one bundle."""
        if "repeated" in told:
            self.repeated += 1
            return
        self.decided += 1
        self.foreign += "foreign" in told
        self.unreadable += "fault" in told
        self.changed += "change" in told
        said = told.get("change") or told.get("fault")
        if said and len(self.named) < _NAMED:
            self.named.append("; ".join([f"{told['name']}: {said}", *told.get("lines", ())]))


async def weigh(
    serving: Serving,
    wanted: Serving,
    terms: Terms,
    documents: Callable[[int], AsyncIterator[Document]],
    on_event: Sink,
) -> Weighed:
    """The change from `serving` to `wanted`, tried on the bundles of the terms. Never raises: what cannot be tried is
    refused. `documents` gives the last decisions of the gateway's own record, at most so many.
    """
    weighed, begun = Weighed(allowed=terms.allowed_changes), time.monotonic()
    try:
        async with asyncio.timeout(terms.deadline_s):
            orders = await asyncio.to_thread(_orders, serving, wanted)
            if orders is not None:
                await _tried(orders, wanted, terms, documents, weighed, on_event)
                if terms.bundles and weighed.decided == weighed.foreign:
                    weighed.broken = "none of the bundles is of a market that is served"
    except TimeoutError:
        weighed.broken = f"the trial took longer than {terms.deadline_s:g} s and was ended"
    except (GatewayError, OSError, ValueError) as error:
        weighed.broken = f"the trial could not be held: {error}"
    weighed.took_s = round(time.monotonic() - begun, 2)
    return weighed


def _orders(serving: Serving, wanted: Serving) -> bytes | None:
    """The first line for the process; None where both decide alike, so that there is nothing to try."""
    one, other = carried(serving), carried(wanted)
    return None if one == other else f'{{"serving":{one},"wanted":{other}}}\n'.encode()


async def _tried(
    orders: bytes,
    wanted: Serving,
    terms: Terms,
    documents: Callable[[int], AsyncIterator[Document]],
    weighed: Weighed,
    on_event: Sink,
) -> None:
    paths = await asyncio.to_thread(_paths, terms.bundles)
    if terms.bundles and not paths:
        raise ValueError(f"there is no *{sources.SUFFIX} in {', '.join(map(str, terms.bundles))}")
    on_event("gate_began", change=wanted.named, bundles=len(paths), recorded=terms.recorded)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-X", "utf8", "-c", _program()),
        stdin=PIPE,
        stdout=PIPE,
        limit=_LONGEST_LINE,
        # As a script's worker: whatever secret our environment holds is not for it.
        env={},
        cwd="/",
        start_new_session=True,
    )
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_send(process, orders, paths, terms.recorded and documents(terms.recorded), weighed))
            both.create_task(_hear(process, wanted, weighed, on_event))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _program() -> str:
    return _PROGRAM.format(path=[str(Path(each).absolute()) for each in sys.path])


def _paths(named: Sequence[Path]) -> list[str]:
    return [str(path.absolute()) for path in sources.paths(named)]


async def _send(process: Process, orders: bytes, paths: Sequence[str], documents: Any, weighed: Weighed) -> None:
    assert process.stdin is not None
    stdin = process.stdin
    # A process that ended early is heard of by its silence.
    with suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(orders)
        for path in paths:
            weighed.bundles += 1
            stdin.write(json.dumps({"path": path}).encode() + b"\n")
            await stdin.drain()
        if documents:
            async for name, document in documents:
                weighed.bundles += 1
                stdin.write(json.dumps({"name": name, "size": len(document)}).encode() + b"\n" + document)
                await stdin.drain()
        stdin.close()


async def _hear(process: Process, wanted: Serving, weighed: Weighed, on_event: Sink) -> None:
    assert process.stdout is not None
    told_at = time.monotonic()
    async for line in process.stdout:
        told = json.loads(line)
        if "ended" in told:
            return
        if "failed" in told:
            raise ValueError(told["failed"])
        weighed.count(told)
        if time.monotonic() - told_at > _PROGRESS_S:
            told_at = time.monotonic()
            on_event("gate_progress", change=wanted.named, decided=weighed.decided, changed=weighed.changed)
    raise ValueError(f"its process ended early, with status {await process.wait()}")
