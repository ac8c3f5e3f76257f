"""Single flight: however many ask the same question at once, it is put once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Flights(Generic[K, T]):
    """At most one running call for each key. A waiter that is cancelled does not end the call for the others."""

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Task[T]] = {}

    def start(self, key: K, call: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """The running call of this key, begun now if there was none. Nobody need wait for it."""
        running = self._running.get(key)
        if running is not None:
            return running
        # Not a TaskGroup: the call outlives the request that began it. Its reference is kept here until it ends.
        task = asyncio.create_task(call())  # noqa: TID251 - as above
        self._running[key] = task
        task.add_done_callback(lambda ended: self._landed(key, ended))
        return task

    def running(self, key: K) -> bool:
        """True while a call of this key is under way."""
        return key in self._running

    async def join(self, key: K, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The call's result, shared with all who ask meanwhile. Raises: what the call raises."""
        return await asyncio.shield(self.start(key, call))

    async def close(self) -> None:
        """End every running call."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _landed(self, key: K, ended: asyncio.Task[T]) -> None:
        if self._running.get(key) is ended:
            del self._running[key]
        # Every waiter may have gone; then nobody else would look at the exception.
        if not ended.cancelled():
            ended.exception()
