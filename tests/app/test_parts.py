"""Parts of generations: handed on when they are made of the same, closed when nobody holds them any more."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from dcrgw.app.parts import Parts
from dcrgw.edge.health import Health


class Clock:
    def now(self) -> float:
        return 0.0


class Opened:
    """What was opened and closed, in order."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def opener(self, name: str):
        async def open_(stack: AsyncExitStack, health: Health) -> str:
            self.log.append(f"open {name}")
            stack.callback(self.log.append, f"close {name}")
            health.set(name, True)
            return name

        return open_


async def test_a_part_made_of_the_same_is_handed_on_and_closed_with_its_last_holder() -> None:
    opened = Opened()
    first = Parts(Clock())
    await first.get("keys", ("trust", 1), opened.opener("keys 1"))
    await first.get("scripts", ("file",), opened.opener("scripts"))
    second = Parts(Clock(), first)
    assert await second.get("keys", ("trust", 2), opened.opener("keys 2")) == "keys 2"
    assert await second.get("scripts", ("file",), opened.opener("scripts again")) == "scripts"
    assert second.renewed == ("keys",)
    await first.close()
    assert opened.log == ["open keys 1", "open scripts", "open keys 2", "close keys 1"]
    assert [condition.component for health in second.healths for condition in health.conditions] == [
        "keys 2",
        "scripts",
    ]
    await second.close()
    assert opened.log[-2:] == ["close scripts", "close keys 2"]


async def test_a_generation_that_was_given_up_leaves_the_former_parts_open() -> None:
    opened = Opened()
    first = Parts(Clock())
    await first.get("keys", 1, opened.opener("keys"))
    given_up = Parts(Clock(), first)
    await given_up.get("keys", 1, opened.opener("never"))
    await given_up.get("more", 1, opened.opener("more"))
    await given_up.close()
    assert opened.log == ["open keys", "open more", "close more"]
    await first.close()
    assert opened.log[-1] == "close keys"


async def test_what_fails_to_open_leaves_nothing_behind() -> None:
    opened = Opened()

    async def fails(stack: AsyncExitStack, _health: Health) -> None:
        stack.callback(opened.log.append, "close half")
        raise LookupError

    parts = Parts(Clock())
    with pytest.raises(LookupError):
        await parts.get("half", 1, fails)
    await parts.close()
    assert opened.log == ["close half"]
