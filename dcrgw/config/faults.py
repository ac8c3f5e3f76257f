"""What is wrong with a configuration: every fault at once, each with its key, its reason and its fix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dcrgw.errors import Misconfigured


@dataclass(frozen=True, slots=True, order=True)
class ConfigFault:
    """One thing that is wrong. `key` is as written, such as `market[0].base_url`. No part shows a secret."""

    key: str
    reason: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}" + (f"; {self.fix}" if self.fix else "")

    def concerns(self, key: str) -> bool:
        """True when the fault is at `key`, inside it, or at something that holds it."""
        return self.key == key or _holds(self.key, key) or _holds(key, self.key)


class ConfigurationRefused(Misconfigured):
    """A configuration that cannot be served, with all its faults."""

    def __init__(self, path: Path | str, faults: Sequence[ConfigFault]) -> None:
        if not faults:
            raise ValueError("a refusal names at least one fault")
        self.path = str(path)
        self.faults = tuple(faults)
        lines = "".join(f"\n  {fault}" for fault in self.faults)
        super().__init__(f"{path} is refused for {len(self.faults)} fault(s):{lines}")


def _holds(outer: str, inner: str) -> bool:
    return inner.startswith((f"{outer}.", f"{outer}["))
