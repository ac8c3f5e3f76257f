"""The inum of a new script: the one given, the bank's generator's, or one made of type and name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from dcrgw.core.scripts.entry import inum_of
from dcrgw.errors import Misconfigured, Rejected
from dcrgw.flows.scripts import ScriptDesk, ScriptOrder, add
from dcrgw.ports.scripts import Occasion

MEMBERS = {"name": "mine", "type": "id_generator", "text": "x = 1\n"}


@dataclass
class Taken:
    """Entries among which every inum is taken, and nothing of a file: the inum that is looked for is what counts."""

    looked_for: list[str] = field(default_factory=list)

    def files(self) -> tuple[()]:
        return ()

    async def entry(self, inum: str) -> object:
        self.looked_for.append(inum)
        return object()


@dataclass
class Ids:
    made: str | None
    asked: list[str] = field(default_factory=list)

    async def generate_id(self, occasion: Occasion, id_type: str, prefix: str = "") -> str | None:
        self.asked.append(id_type)
        return self.made


async def looked_for(ids: Ids | None, **members: str) -> str:
    taken: Any = Taken()
    with pytest.raises(Rejected):
        await add(ScriptDesk(taken, taken, taken, ids), {**MEMBERS, **members}, ScriptOrder("me"))
    return str(taken.looked_for[-1])


async def test_generator_chooses_where_none_is_given() -> None:
    ids = Ids("BANK-0001")
    assert await looked_for(ids) == "BANK-0001"
    assert ids.asked == ["script"]


async def test_given_inum_asks_nobody() -> None:
    ids = Ids("BANK-0001")
    assert await looked_for(ids, inum="DAA9-B788") == "DAA9-B788"
    assert ids.asked == []


@pytest.mark.parametrize("ids", [None, Ids(None)])
async def test_without_a_generator_it_is_made_of_type_and_name(ids: Ids | None) -> None:
    assert await looked_for(ids) == inum_of("id_generator", "mine")


async def test_generated_inum_of_another_form_is_the_banks_fault() -> None:
    with pytest.raises(Misconfigured):
        await add(ScriptDesk(Taken(), Taken(), Taken(), Ids("no inum")), MEMBERS, ScriptOrder("me"))  # type: ignore[arg-type]
