"""A process that registers clients until it is killed; prints each client_id once its commit was acknowledged."""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from registry_builders import change, registry

from dcrgw.adapters.clock import SystemClock
from dcrgw.adapters.sqlite.registry import SqliteRegistry


async def main(path: Path, prefix: str) -> None:
    numbers = itertools.count()
    async with registry(path, clock=SystemClock()) as store, asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(register(store, prefix, numbers))


async def register(store: SqliteRegistry, prefix: str, numbers: itertools.count[int]) -> None:
    for number in numbers:
        client_id = f"{prefix}-{number}"
        await store.commit(change(client_id))
        sys.stdout.write(f"{client_id}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
