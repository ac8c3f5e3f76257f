"""An administrator's order to read the configuration and its files anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from aiohttp import web

from dcrgw.config.faults import ConfigFault
from dcrgw.edge.answers import json_answer
from dcrgw.edge.exchange import Exchange
from dcrgw.edge.problems import problem


@dataclass(frozen=True, slots=True)
class Reloaded:
    """How it ended. With faults nothing was changed and `generation` serves on; else it is the new one.

    `changes` are the settings that differ from before, in words and without secrets, and the files.
    """

    generation: int
    faults: tuple[ConfigFault, ...] = ()
    changes: tuple[str, ...] = ()


#: Called with True where what is found is to serve whatever recorded decisions say.
Reload = Callable[[bool], Awaitable[Reloaded]]


async def reload_answer(reload: Reload, exchange: Exchange, *, anyway: bool = False) -> web.Response:
    """200 with the new generation, or 409 with every fault."""
    done = await reload(anyway)
    exchange.notes["operation"] = "reload"
    if done.faults:
        counted = f"{len(done.faults)} fault" + ("s" if len(done.faults) > 1 else "")
        detail = f"refused for {counted}: generation {done.generation} serves on"
        faults = [asdict(fault) for fault in done.faults]
        return problem(409, detail, exchange, faults=faults, generation=done.generation)
    return json_answer(200, {"generation": done.generation, "changes": list(done.changes)}, exchange)
