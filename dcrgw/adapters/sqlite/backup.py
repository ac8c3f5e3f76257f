"""A copy of the database while it is in use. Never `cp`: the newest rows may be in the -wal file alone."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

from dcrgw.adapters.sqlite import connections
from dcrgw.errors import Misconfigured, Unavailable


async def back_up(path: Path, target: Path) -> None:
    """A whole, checked copy of the database `path` at `target`, which appears only once it is complete.

    Raises: Misconfigured when `target` exists or cannot be written; Unavailable when the copy failed.
    """
    unfinished = await asyncio.to_thread(_begin, target)
    try:
        await _copy(path, unfinished)
        await asyncio.to_thread(_publish, unfinished, target)
    except (sqlite3.Error, OSError) as error:
        raise Unavailable("registry", f"the backup failed: {error}") from error
    finally:
        await asyncio.to_thread(unfinished.unlink, missing_ok=True)


async def _copy(path: Path, file: Path) -> None:
    # On connections of its own and in one step: readers and the writer go on, and the copy is of one moment.
    # check_same_thread: aiosqlite fills the target from the source's thread.
    async with connections.connect(path) as source, connections.connect(file, check_same_thread=False) as copy:
        await source.backup(copy)
        await connections.check(copy)


def _begin(target: Path) -> Path:
    if target.exists():
        raise Misconfigured(f"the backup {target} exists already: name a new file")
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    connections.make_file(unfinished)
    return unfinished


def _publish(unfinished: Path, target: Path) -> None:
    """Give a finished copy its name, once its bytes are on the disk."""
    descriptor = os.open(unfinished, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    unfinished.rename(target)
