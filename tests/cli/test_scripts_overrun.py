"""A script that does not end by itself is ended on its author's bench, at the line where it is."""

from __future__ import annotations

import signal

import pytest

from dcrgw.cli.scripts.overrun import Overran, ended_when_it_overruns

LOOP = """
def f():
    while True:
        try:
            while True:
                pass
        except Exception:
            continue
f()
"""


def test_endless_loop_is_ended_though_it_catches_exceptions() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGPROF)
    with ended_when_it_overruns("loop.py", 0.2), pytest.raises(Overran):
        exec(compile(LOOP, "loop.py", "exec"), {})
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGPROF)) == before
    assert signal.getitimer(signal.ITIMER_PROF)[0] == 0


def test_code_of_other_files_may_take_its_time() -> None:
    with ended_when_it_overruns("loop.py", 0.0):
        exec(compile("sum(i * i for i in range(2_000_000))", "other.py", "exec"), {})
