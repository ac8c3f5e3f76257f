"""Who may look after clients: users of this machine, or holders of certificates of the operator's own CA."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Administrator:
    """Somebody who may at least read. `name` stands in the audit trail: a user's name, or a common name."""

    name: str
    may_write: bool


@dataclass(frozen=True, slots=True)
class LocalUsers:
    """Users and groups of this machine, as the kernel knows them; `told` is how the operator wrote them."""

    uids: frozenset[int] = frozenset()
    gids: frozenset[int] = frozenset()
    told: tuple[str, ...] = ()

    def hold(self, uid: int, gids: Collection[int]) -> bool:
        """True when the user, or a group of the user's, is one of them."""
        return uid in self.uids or not self.gids.isdisjoint(gids)


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may read and who may write, by name: whoever may write may read."""

    readers: frozenset[str]
    writers: frozenset[str]

    def of(self, name: str) -> Administrator | None:
        """The administrator of this name; None for a stranger."""
        if name in self.writers:
            return Administrator(name, may_write=True)
        return Administrator(name, may_write=False) if name in self.readers else None
