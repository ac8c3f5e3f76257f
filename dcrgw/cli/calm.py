"""A process that decides again and again spends its time on deciding."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def calm_collector() -> Iterator[None]:
    """Within, the cycle collector looks less often, and never at what was there before.

    Decisions leave hardly a cycle, but at Python's default of 700 objects it walked over what they hold several
    times for each: a tenth of the CPU time of a registration, and a third of a replay's.
    """
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
