"""Scripts in worker processes: each generation of a script has a few of its own, one call in each at a time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Mapping
from itertools import count
from typing import Any

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.errors import GatewayError, Unavailable
from dcrgw.ports.scripts import Capability
from dcrgw.scripting.calls import MethodAnswer, MethodCall, ScriptFailed
from dcrgw.scripting.capabilities import ALLOWED, MOST_QUESTIONS
from dcrgw.scripting.hiring import Hiring, WorkerSettings
from dcrgw.scripting.process import Worker, WorkerLost
from dcrgw.scripting.template import Sink, Template
from dcrgw.scripting.veil import Veil

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
        self._told: Mapping[str, str] | None = None

    def start(self) -> None:
        """Start the template now, before anything secret is read."""
        self.template.start()

    async def load(self, entry: ScriptEntry, properties: Mapping[str, str]) -> WorkerScript:
        """A script with its first worker. Raises: Misconfigured, Unavailable."""
        script = WorkerScript(entry, properties, self._settings, self.template, self._on_event)
        worker = await script.begin()
        self._tell_confinement(worker)
        return script

    @property
    def confinement(self) -> Mapping[str, str]:
        """Each wall around workers on this machine: name -> why it was refused, empty where it stands."""
        return {**self.template.measures, **(self._told or {})}

    async def close(self) -> None:
        """End the template, and with it every worker that is left."""
        self.template.close()

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
        on_event: Sink,
    ) -> None:
        self._entry, self._settings = entry, settings
        self._on_event = on_event
        self._veil = Veil(entry, properties)
        self._hires = Hiring(entry, properties, settings, template, on_event, self._veil)
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        #: Served their calls, and are dismissed once another is there.
        self._leaving: set[Worker] = set()
        self._hiring = 0
        #: Calls that wait for a worker, in their order.
        self._waiting: deque[asyncio.Future[Worker]] = deque()
        self._deaths = 0
        self._rest_until = 0.0
        self._numbers = count(1)
        self._is_closing = False
        self._given_back = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.methods: frozenset[str] = frozenset()

    @property
    def entry(self) -> ScriptEntry:
        """The entry as it was loaded."""
        return self._entry

    @property
    def pids(self) -> list[int]:
        """The processes of its workers."""
        return [worker.pid for worker in (*self._idle, *self._busy) if worker.pid is not None]

    async def begin(self) -> Worker:
        """The first worker, which proves the script. Raises: Misconfigured, Unavailable."""
        worker = await self._hire()
        self.methods = worker.methods
        self._offer(worker)
        self._keep_up()
        return worker

    async def call(self, call: MethodCall, ask: Capability, deadline_s: float) -> MethodAnswer:
        """One call in one worker. Raises: ScriptFailed, Unavailable."""
        worker: Worker | None = None
        try:
            async with asyncio.timeout(deadline_s):
                worker = await self._take()
                return await self._exchange(worker, call, ask)
        except TimeoutError:
            if worker is None:
                raise Unavailable("scripts", f"no worker of script {self._entry.name} was free in time") from None
            worker.kill()
            what = f"{call.method} took more than {deadline_s:g} s and was ended"
            raise ScriptFailed(self._entry.sentence(what), printed=worker.printed()) from None
        except WorkerLost as lost:
            assert worker is not None
            self._count_death()
            what = f"{call.method} got no answer: {lost.how}"
            raise ScriptFailed(self._entry.sentence(what), printed=worker.printed()) from None
        except (ScriptFailed, Unavailable):
            raise
        except BaseException:
            if worker is not None:
                worker.kill()  # what it waits for, or says yet, would be taken for the next call's
            raise
        finally:
            if worker is not None:
                self._give_back(worker)

    async def close(self) -> bool:
        """destroy in every worker, once none is at work; False where one did not say True."""
        self._is_closing = True
        hiring = list(self._tasks)
        for task in hiring:
            task.cancel()
        await asyncio.gather(*hiring, return_exceptions=True)
        for turn in self._waiting:
            self._refuse(turn, "it is being put away")
        # Calls have a deadline, so this ends; the host closes a script that has none under way.
        while self._busy:
            self._given_back.clear()
            await self._given_back.wait()
        workers, self._idle = [*self._idle, *self._leaving], []
        said = await asyncio.gather(*(worker.dismiss(_DISMISS_S) for worker in workers))
        for worker in workers:
            worker.release()
        return all(said)

    async def _exchange(self, worker: Worker, call: MethodCall, ask: Capability) -> MethodAnswer:
        number = next(self._numbers)
        worker.calls += 1
        told = await worker.exchange(
            {
                "call": number,
                "method": call.method,
                "facts": call.facts,
                "interaction_id": call.interaction_id,
                "cpu_s": self._settings.cpu_s,
            }
        )
        failure: GatewayError | None = None
        asked = 0
        while "ask" in told:
            asked += 1
            if asked > MOST_QUESTIONS:
                raise worker.give_up("it asked more than a call may")
            reply, failure = await self._answered(told, ask)
            told = await worker.exchange(reply)
        self._deaths, self._rest_until = 0, 0.0
        if told.get("failed") == number:
            if told.get("is_spent") is True:
                worker.kill()
            what, trace = (self._veil(_text(told, name)) for name in ("what", "trace"))
            failed = ScriptFailed(what, trace=trace, printed=worker.printed())
            failed.failure = failure if told.get("is_capability") is True else None
            failed.is_raised = told.get("is_raised") is True
            raise failed
        if told.get("answer") != number:
            raise worker.give_up("it answered something else than it was asked")
        changes, refusal = told.get("changes", {}), told.get("refusal")
        if not isinstance(changes, dict) or not (refusal is None or isinstance(refusal, dict)):
            raise worker.give_up("its answer has another form")
        return MethodAnswer(told.get("returned"), changes, refusal, worker.printed())

    async def _answered(self, told: Mapping[str, Any], ask: Capability) -> tuple[dict[str, Any], GatewayError | None]:
        """The reply to a worker's question, and the failure that it tells of."""
        name, arguments = told.get("ask"), told.get("arguments")
        # Asked here too: what stands in a worker's memory is the script's to change.
        if name not in ALLOWED.get(self._entry.type, ()) or not isinstance(arguments, list):
            return {"untold": f"a script of the type {self._entry.type} may not ask this", "refused": True}, None
        try:
            return {"told": await ask(str(name), arguments)}, None
        except ValueError as error:
            return {"untold": str(error), "refused": True}, None
        except Unavailable as failure:
            return {"untold": f"{failure.dependency} is not available"}, failure
        except GatewayError as failure:
            return {"untold": str(failure), "refused": True}, failure

    async def _take(self) -> Worker:
        """A worker for one call. Raises: Unavailable."""
        if self._is_closing:
            raise Unavailable("scripts", f"script {self._entry.name}: it is being put away")
        while self._idle:
            worker = self._idle.pop()
            if worker.lives:
                self._busy.add(worker)
                return worker
            worker.kill()
            worker.release()
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Worker] = loop.create_future()
        self._waiting.append(turn)
        if self._hired == 0:
            self._grow()
        patience = loop.call_later(_PATIENCE_S, self._grow)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give_back(turn.result())
            raise
        finally:
            patience.cancel()

    @property
    def _hired(self) -> int:
        return len(self._idle) + len(self._busy) + self._hiring

    def _give_back(self, worker: Worker) -> None:
        self._busy.discard(worker)
        self._given_back.set()
        if not worker.is_open:
            worker.release()
            self._keep_up()
        elif worker.calls >= self._settings.calls and not self._is_closing:
            self._leaving.add(worker)
            self._hiring += 1
            self._spawn(self._replace(worker))
        else:
            self._offer(worker)

    def _offer(self, worker: Worker) -> None:
        """To the call that waits longest, or to none."""
        worker.on_lost = self._lost_while_idle
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                self._busy.add(worker)
                turn.set_result(worker)
                return
        self._idle.append(worker)

    def _lost_while_idle(self, worker: Worker) -> None:
        if worker in self._idle:
            self._idle.remove(worker)
            worker.release()
            self._count_death()
            self._keep_up()

    def _keep_up(self) -> None:
        """As many workers as there should always be, and one more where calls wait and none is there."""
        while self._hired < self._settings.count and self._grow():
            pass

    def _grow(self) -> bool:
        if self._is_closing or self._hired >= self._settings.most:
            return False
        self._hiring += 1
        self._spawn(self._reinforce())
        return True

    async def _reinforce(self) -> None:
        try:
            worker = await self._hire()
        except (GatewayError, OSError) as error:
            self._hiring -= 1
            self._count_death()
            self._on_event("script_worker_not_started", script=self._entry.name, reason=str(error))
            if self._hired == 0:
                while self._waiting:
                    self._refuse(self._waiting.popleft(), "no worker can be started")
        except BaseException:
            self._hiring -= 1
            raise
        else:
            self._hiring -= 1
            self._offer(worker)

    async def _replace(self, worker: Worker) -> None:
        """A fresh worker for one that served its calls, which then is dismissed."""
        await self._reinforce()
        await worker.dismiss(_DISMISS_S)
        worker.release()
        self._leaving.discard(worker)

    async def _hire(self) -> Worker:
        """A worker with the script in it, after the rest that deaths ask for. Raises: Misconfigured, Unavailable."""
        await asyncio.sleep(max(0.0, self._rest_until - time.monotonic()))
        return await self._hires.worker()

    def _refuse(self, turn: asyncio.Future[Worker], why: str) -> None:
        if not turn.done():
            turn.set_exception(Unavailable("scripts", f"script {self._entry.name}: {why}"))

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


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value[:16_000] if isinstance(value, str) else ""
