"""Everything that holds a worker back, in the order in which it must be done, and what of it this machine refused.

None of it makes the worker safe for hostile code alone; each is one more wall behind the others.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dcrgw.scripting.worker import kernel, landlock, seccomp


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker may take. `memory_bytes` is beyond what it has before the script is loaded."""

    memory_bytes: int
    open_files: int = 64

    def json(self) -> dict[str, int]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Measure:
    """One wall. `refused` says why it does not stand, empty when it does."""

    name: str
    refused: str = ""


def confine(limits: Limits, readable: Iterable[str]) -> list[Measure]:
    """Put every wall around this process, for good. A wall that cannot be built is told, not fatal."""
    steps: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("dies_with_template", lambda: kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)),
        ("no_new_privileges", lambda: kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)),
        ("limits", lambda: _limit(limits)),
        ("landlock", lambda: landlock.restrict([*python_trees(), *readable])),
        ("capabilities", kernel.drop_capabilities),
        # Last: it refuses what the others need.
        ("seccomp", seccomp.restrict),
    )
    return [attempted(name, step) for name, step in steps]


def attempted(name: str, step: Callable[[], Any]) -> Measure:
    """One step, done or refused."""
    try:
        step()
    except (OSError, ValueError) as error:
        return Measure(name, str(error) or type(error).__name__)
    return Measure(name)


def leave_network() -> None:
    """Into a network with nothing in it, for this process and its children. Raises: OSError."""
    try:
        kernel.unshare(kernel.CLONE_NEWNET)
    except OSError:
        kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET)


def python_trees() -> list[str]:
    """Where Python's own modules, their libraries and ours are: what an import may need after a worker began.

    Not every entry of sys.path: in a checkout one may be a folder that also holds keystores.
    """
    paths = sysconfig.get_paths()
    trees = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    trees |= {each for each in sys.path if Path(each).name in ("lib-dynload", "site-packages", "dist-packages")}
    trees |= {str(Path(os.__file__).parent), str(Path(__file__).parents[2])}
    libraries = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo")
    files = ("/etc/localtime", "/etc/ld.so.cache", "/dev/null", "/dev/urandom")
    return sorted(trees | {*libraries, *files})


def _limit(limits: Limits) -> None:
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        # Counts the user's processes, so it holds every start of one; it does not hold root, seccomp does.
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_AS: held + limits.memory_bytes,
    }
    for kind, value in wanted.items():
        hardest = resource.getrlimit(kind)[1]
        most = value if hardest == resource.RLIM_INFINITY else min(value, hardest)
        resource.setrlimit(kind, (most, most))
