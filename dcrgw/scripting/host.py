"""Runs the bank's scripts in this very process: for scripts that the bank trusts like the gateway itself.

A `def` runs on the event loop and is expected to be short; an `async def` is awaited under the deadline.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.errors import Misconfigured
from dcrgw.ports.scripts import Refusal, ScriptCall, ScriptOutcome
from dcrgw.scripting.bindings import Bound, bind
from dcrgw.scripting.facts import facts_of_call, refusal_of
from dcrgw.scripting.loader import LoadedScript, fault_of
from dcrgw.scripting.refusal import Rejection

#: How long one script may take over one request, unless configured otherwise.
DEADLINE_S = 5.0


class InProcessScripts:
    """Implements `dcrgw.ports.scripts.Scripts`: every enabled script of the market, by descending
    level, then by name.
    """

    def __init__(self, scripts: Iterable[LoadedScript], deadline_s: float = DEADLINE_S) -> None:
        self._scripts = sorted(scripts, key=lambda script: (-script.entry.level, script.entry.name))
        self._deadline_s = deadline_s

    async def create_client(self, call: ScriptCall) -> ScriptOutcome:
        """createClient of each script; each sees what the one before it made of the client."""
        return await self._run("createClient", call)

    async def update_client(self, call: ScriptCall) -> ScriptOutcome:
        """updateClient of each script. Raises: Misconfigured besides when one would change the client_id."""
        outcome = await self._run("updateClient", call)
        if outcome.client_id_chosen:
            raise Misconfigured(f"scripts {', '.join(outcome.ran)}: updateClient may not change the client_id")
        return outcome

    def close(self) -> tuple[str, ...]:
        """Call destroy of each script; the names of those that did not say True."""
        return tuple(script.entry.name for script in self._scripts if not script.unload())

    async def _run(self, method: str, call: ScriptCall) -> ScriptOutcome:
        now, ran = call, []
        refusal: Refusal | None = None
        for script in self._of_market(call.market):
            bound = bind("client_registration", method, facts_of_call(now), script.properties)
            refusal = await self._ask(script, method, bound)
            ran.append(script.entry.name)
            if refusal is not None:
                break
            now = _enriched(script, now, bound)
        return ScriptOutcome(
            metadata=now.metadata,
            client_id=now.client_id,
            client_id_chosen=now.client_id != call.client_id,
            attributes=now.attributes,
            ran=tuple(ran),
            refusal=refusal,
        )

    def _of_market(self, market: str) -> list[LoadedScript]:
        return [
            script
            for script in self._scripts
            if script.entry.enabled and (not script.entry.markets or market in script.entry.markets)
        ]

    async def _ask(self, script: LoadedScript, method: str, bound: Bound) -> Refusal | None:
        """One script's word: None lets pass. Raises: Misconfigured for everything but True, False and a refusal."""
        try:
            answer = await self._call(script, method, bound)
        except Rejection as rejection:
            return refusal_of(rejection.refusal)
        except BaseException as error:  # SystemExit in a task would tear down the whole event loop
            if _is_ours(error):
                raise
            raise fault_of(script.entry, method, error) from error
        if bound.refusal is not None:
            return refusal_of(bound.refusal)
        if answer is True:
            return None
        if answer is False:
            return Refusal()
        kind = type(answer).__name__
        raise Misconfigured(f"script {script.entry.name}: {method} returned {kind}, neither True nor False")

    async def _call(self, script: LoadedScript, method: str, bound: Bound) -> object:
        answer = script.method(method)(*bound.arguments(script.forms[method]))
        if inspect.isawaitable(answer):
            async with asyncio.timeout(self._deadline_s) as deadline:
                answer = await answer
            if deadline.expired():  # the script swallowed its cancellation and answered all the same
                raise TimeoutError
        return answer


def _is_ours(error: BaseException) -> bool:
    """Whether the request itself is being cancelled: a CancelledError that a script raises is the script's fault."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, GeneratorExit)


def _enriched(script: LoadedScript, call: ScriptCall, bound: Bound) -> ScriptCall:
    """The call with what the script made of its client."""
    try:
        changes: dict[str, Any] = bound.changes()
    except TypeError as error:
        raise Misconfigured(f"script {script.entry.name}: {error}") from error
    if "metadata" in changes:
        changes["metadata"] = ClientMetadata(changes["metadata"])
    return replace(call, **changes)
