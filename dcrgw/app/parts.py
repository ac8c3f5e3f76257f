"""What is opened for a generation, and what the next one may take over because nothing changed for it.

Caches of keys, tokens and standings, and the script host, live on in this way through every change that is not theirs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from dcrgw.edge.health import Health
from dcrgw.ports.clock import Clock

T = TypeVar("T")

#: Opens a part: what it opens is closed by the stack, what it has to say is told to the health.
Opener = Callable[[AsyncExitStack, Health], Awaitable[T]]


@dataclass(slots=True)
class _Part:
    made_of: object
    value: Any
    health: Health
    opened: AsyncExitStack = field(repr=False)
    #: How many generations hold it.
    holders: int = 1


class Parts:
    """One generation's parts by name. `former` are those of the generation before it."""

    def __init__(self, clock: Clock, former: Parts | None = None) -> None:
        self._clock = clock
        self._former = dict(former._parts) if former is not None else {}
        self._parts: dict[str, _Part] = {}

    @property
    def healths(self) -> tuple[Health, ...]:
        """What the parts say of themselves."""
        return tuple(part.health for part in self._parts.values())

    @property
    def renewed(self) -> tuple[str, ...]:
        """The names of the parts that were not taken over."""
        return tuple(name for name, part in self._parts.items() if part is not self._former.get(name))

    def health_of(self, name: str) -> tuple[Health, Health | None]:
        """What a part says of itself, and what the former one of its name says where there was one."""
        before = self._former.get(name)
        return self._parts[name].health, before.health if before is not None else None

    async def get(self, name: str, made_of: object, open_: Opener[T]) -> T:
        """The former part of this name if it was made of the same, else a new one."""
        former = self._former.get(name)
        if former is not None and former.made_of == made_of:
            former.holders += 1
            self._parts[name] = former
            return cast(T, former.value)
        health = Health(self._clock)
        async with AsyncExitStack() as opened:
            value = await open_(opened, health)
            self._parts[name] = _Part(made_of, value, health, opened.pop_all())
        return value

    async def close(self) -> None:
        """Let go of every part; those that no generation holds any more are closed."""
        parts, self._parts, self._former = self._parts, {}, {}
        async with AsyncExitStack() as closing:
            for part in parts.values():
                part.holders -= 1
                if not part.holders:
                    closing.push_async_callback(part.opened.aclose)
