"""Scripts in worker processes: each generation of a script has a few of its own, one call in each at a time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.errors import GatewayError, Misconfigured, Unavailable
from dcrgw.ports.scripts import Capability
from dcrgw.scripting.calls import MethodAnswer, MethodCall, ScriptFailed
from dcrgw.scripting.process import Worker, WorkerLost
from dcrgw.scripting.template import Sink, Template
from dcrgw.scripting.worker.confinement import Limits
from dcrgw.scripting.worker.serving import entry_json


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How worker processes are kept. Each script has `count` of them, and under load up to `most`."""

    memory_bytes: int = 256 * 1024 * 1024
    cpu_s: float = 4.0
    load_s: float = 10.0
    count: int = 1
    most: int = 4
    calls: int = 20_000


#: How long a call waits for a worker that is at work before one more is started.
_PATIENCE_S = 0.05
_DISMISS_S = 5.0
#: After this many deaths in a row new workers are waited for, longer each time.
_DEATHS_FORGIVEN = 3
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 5.0


class WorkerRunner:
    """Implements `dcrgw.scripting.runner.Runner`: every script in processes forked from one template."""

    def __init__(self, settings: WorkerSettings, on_event: Sink) -> None:
        self._settings, self._on_event = settings, on_event
        self.template = Template(on_event)
        self._loaded: set[WorkerScript] = set()
        self._told: Mapping[str, str] | None = None

    def start(self) -> None:
        """Start the template now, before anything secret is read."""
        self.template.start()

    async def load(self, entry: ScriptEntry, properties: Mapping[str, str]) -> WorkerScript:
        """A script with its first worker. Raises: Misconfigured, Unavailable."""
        script = WorkerScript(entry, properties, self._settings, self.template, self._loaded.discard)
        worker = await script.begin()
        self._loaded.add(script)
        self._tell_confinement(worker)
        return script

    @property
    def confinement(self) -> Mapping[str, str]:
        """Each wall around workers on this machine: name -> why it was refused, empty where it stands."""
        return {**self.template.measures, **(self._told or {})}

    async def close(self) -> None:
        """Dismiss every worker and end the template."""
        for script in list(self._loaded):
            await script.close()
        await self.template.close()

    def _tell_confinement(self, worker: Worker) -> None:
        if self._told is None:
            self._told = worker.confinement
            refused = {name: reason for name, reason in self.confinement.items() if reason}
            standing = sorted(name for name, reason in self.confinement.items() if not reason)
            self._on_event("script_workers_confined", walls=standing, refused=refused)


class WorkerScript:
    """One generation of one script and its workers. Implements `dcrgw.scripting.runner.Loaded`."""

    def __init__(
        self,
        entry: ScriptEntry,
        properties: Mapping[str, str],
        settings: WorkerSettings,
        template: Template,
        on_closed: Any = None,
    ) -> None:
        self._entry, self._properties, self._settings, self._template = entry, properties, settings, template
        self._on_closed = on_closed or (lambda _script: None)
        self._idle: list[Worker] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._hired = 0
        self._deaths = 0
        self._rest_until = 0.0
        self._numbers = 0
        self._closing = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self.methods: frozenset[str] = frozenset()

    @property
    def entry(self) -> ScriptEntry:
        """The entry as it was loaded."""
        return self._entry

    @property
    def pids(self) -> list[int]:
        """The processes of its idle workers."""
        return [worker.pid for worker in self._idle if worker.pid is not None]

    async def begin(self) -> Worker:
        """The first worker, which proves the script. Raises: Misconfigured, Unavailable."""
        worker = await self._hire()
        self.methods = worker.methods
        self._give_back(worker)
        for _ in range(1, self._settings.count):
            self._grow()
        return worker

    async def call(self, call: MethodCall, ask: Capability, deadline_s: float) -> MethodAnswer:
        """One call in one worker. Raises: ScriptFailed, Unavailable, and what `ask` raised."""
        worker: Worker | None = None
        try:
            async with asyncio.timeout(deadline_s):
                worker = await self._worker()
                return await self._exchange(worker, call, ask)
        except TimeoutError:
            if worker is None:
                raise Unavailable("scripts", f"every worker of script {self._entry.name} is at work") from None
            worker.kill()
            what = f"{call.method} took more than {deadline_s:g} s and was ended"
            raise ScriptFailed(self._sentence(what), printed=worker.printed()) from None
        except WorkerLost as lost:
            assert worker is not None
            self._count_death()
            raise ScriptFailed(
                self._sentence(f"{call.method} got no answer: {lost.how}"), printed=worker.printed()
            ) from None
        except asyncio.CancelledError:
            if worker is not None:
                worker.kill()  # its answer would be taken for the next call's
            raise
        finally:
            if worker is not None:
                self._give_back(worker)

    async def close(self) -> bool:
        """destroy in every worker, once none is at work."""
        self._closing = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self._hired > len(self._idle):
            await self._turn()
        workers, self._idle = self._idle, []
        said = await asyncio.gather(*(worker.dismiss(_DISMISS_S) for worker in workers))
        for worker in workers:
            worker.release()
        self._hired = 0
        self._on_closed(self)
        return all(said)

    async def _exchange(self, worker: Worker, call: MethodCall, ask: Capability) -> MethodAnswer:
        self._numbers = number = self._numbers + 1
        worker.calls += 1
        message = {
            "call": number,
            "method": call.method,
            "facts": call.facts,
            "interaction_id": call.interaction_id,
            "cpu_s": self._settings.cpu_s,
        }
        told = await worker.exchange(message)
        failure: GatewayError | None = None
        while "ask" in told:
            reply, failure = await _answered(told, ask)
            told = await worker.exchange(reply)
        self._deaths = 0
        if told.get("failed") == number:
            if told.get("is_spent") is True:
                worker.kill()
            if failure is not None and told.get("is_capability") is True:
                raise failure
            raise ScriptFailed(_text(told, "what"), trace=_text(told, "trace"), printed=worker.printed())
        if told.get("answer") != number:
            raise await worker.give_up("it answered something else than it was asked")
        changes, refusal = told.get("changes", {}), told.get("refusal")
        if not isinstance(changes, dict) or not (refusal is None or isinstance(refusal, dict)):
            raise await worker.give_up("its answer has another form")
        return MethodAnswer(told.get("returned"), changes, refusal, worker.printed())

    async def _worker(self) -> Worker:
        while True:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_open:
                    return worker
                self._forget(worker)
                self._count_death()
            if self._closing:
                raise Unavailable("scripts", f"script {self._entry.name} is being put away")
            if self._hired == 0:
                return await self._hire()
            await self._turn()

    async def _turn(self) -> None:
        """Wait until a worker is free or gone; where that takes long, start one more."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait([turn], timeout=_PATIENCE_S)
            if not turn.done():
                self._grow()
                await turn
        finally:
            if turn.done():
                # Cancelled at the moment of its turn: the next one may go.
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    self._call_next()
            else:
                self._waiting.remove(turn)

    def _call_next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _grow(self) -> None:
        if self._hired < self._settings.most and not self._closing:
            self._spawn(self._reinforce())

    async def _reinforce(self) -> None:
        try:
            self._give_back(await self._hire())
        except (GatewayError, OSError):
            self._call_next()  # whoever waits finds out for itself

    async def _hire(self) -> Worker:
        """A worker with the script in it. Raises: Misconfigured, Unavailable."""
        self._hired += 1
        worker: Worker | None = None
        try:
            await asyncio.sleep(max(0.0, self._rest_until - time.monotonic()))
            worker = await Worker.hire(self._template, Limits(self._settings.memory_bytes), self._readable())
            async with asyncio.timeout(self._settings.load_s) as limit:
                await worker.load(self._order())
        except BaseException as error:
            self._hired -= 1
            printed = ""
            if worker is not None:
                worker.kill()
                printed = worker.printed()
                worker.release()
            self._call_next()
            if isinstance(error, TimeoutError) and limit.expired():
                self._count_death()
                what = f"loading took more than {self._settings.load_s:g} s"
                raise Misconfigured(self._sentence(what)) from None
            if isinstance(error, WorkerLost):
                self._count_death()
                said = f": {printed[:500]}" if printed else ""
                raise Misconfigured(self._sentence(f"loading ended its worker, {error.how}{said}")) from None
            raise
        return worker

    def _order(self) -> dict[str, Any]:
        # The text and the resolved properties: what the entry itself says of them may be references.
        entry = replace(self._entry, module_properties=(), configuration_properties=())
        return {"load": entry_json(entry), "properties": dict(self._properties), "cpu_s": self._settings.load_s}

    def _readable(self) -> Sequence[str]:
        return [str(Path(self._entry.file).absolute().parent)] if self._entry.file else []

    def _give_back(self, worker: Worker) -> None:
        if worker.is_open and not (worker.calls >= self._settings.calls > 0) and not self._closing_down(worker):
            self._idle.append(worker)
            self._call_next()
            return
        if worker.is_open:
            self._spawn(self._replace(worker))
            return
        self._forget(worker)

    def _closing_down(self, worker: Worker) -> bool:
        return False

    async def _replace(self, worker: Worker) -> None:
        """A fresh worker for one that served its calls, which then is dismissed."""
        await self._reinforce()
        await worker.dismiss(_DISMISS_S)
        self._forget(worker)

    def _forget(self, worker: Worker) -> None:
        worker.release()
        self._hired -= 1
        if self._hired < self._settings.count and not self._closing:
            self._grow()
        self._call_next()

    def _count_death(self) -> None:
        self._deaths += 1
        over = self._deaths - _DEATHS_FORGIVEN
        if over > 0:
            self._rest_until = time.monotonic() + min(_FIRST_WAIT_S * 2 ** min(over, 10), _LONGEST_WAIT_S)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        # Not a TaskGroup: it outlives the request that caused it. close() ends it.
        task = asyncio.create_task(work)  # noqa: TID251 - as above
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _sentence(self, what: str) -> str:
        return f"script {self._entry.name} ({self._entry.source_name}): {what}"


async def _answered(told: Mapping[str, Any], ask: Capability) -> tuple[dict[str, Any], GatewayError | None]:
    """The reply to a worker's question, and the failure that it tells of."""
    arguments = told.get("arguments")
    try:
        return {"told": await ask(str(told["ask"]), arguments if isinstance(arguments, list) else [])}, None
    except ValueError as error:
        return {"untold": str(error), "refused": True}, None
    except Unavailable as failure:
        return {"untold": f"{failure.dependency} is not available"}, failure
    except GatewayError as failure:
        return {"untold": f"{failure}", "refused": True}, failure


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value[:16_000] if isinstance(value, str) else ""
