"""The roll: every check and every port method that any dcrgw had, in the order in which they came.

A bundle says how far the roll went when it was written, so that a later dcrgw knows what the one that decided could
neither judge nor ask. Lines are only ever added, at the end (`python -m docs.generate` does), and never taken away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

_CHECK, _PORT = "check ", "port "


@dataclass(frozen=True, slots=True)
class Later:
    """What came after a bundle was written: ids of checks, and of each port the methods."""

    checks: frozenset[str]
    methods: Mapping[str, frozenset[str]]


@cache
def lines() -> tuple[str, ...]:
    """The roll as it stands in this dcrgw."""
    return tuple(resources.files(__package__).joinpath("roll.txt").read_text().splitlines())


@lru_cache(maxsize=16)
def later(known: int) -> Later:
    """What is beyond the first `known` lines; nothing for a bundle of a dcrgw that knew more than this one."""
    methods: dict[str, set[str]] = defaultdict(set)
    for label in (line.removeprefix(_PORT) for line in lines()[known:] if line.startswith(_PORT)):
        port, _, method = label.partition(".")
        methods[port].add(method)
    checks = frozenset(line.removeprefix(_CHECK) for line in lines()[known:] if line.startswith(_CHECK))
    return Later(checks, {port: frozenset(names) for port, names in methods.items()})


def grown(checks: Iterable[str], labels: Iterable[str]) -> str:
    """The roll's text with these checks and port methods at its end, as far as they are not on it."""
    wanted = [*(f"{_PORT}{label}" for label in sorted(labels)), *(f"{_CHECK}{check}" for check in sorted(checks))]
    return "\n".join([*lines(), *(line for line in wanted if line not in set(lines()))]) + "\n"
