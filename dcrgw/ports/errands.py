"""What authorization servers have yet to be told. Errands begin and end in changes of the registry."""

from __future__ import annotations

from typing import Protocol

from dcrgw.core.upstream.errand import Claim, Errand


class Errands(Protocol):
    """The open errands, in the registry's file. Several processes may share it. Raises: Unavailable."""

    async def of_client(self, market: str, client_id: str) -> Errand | None:
        """The client's open errand."""
        ...

    async def claim(self, key: str, lasts_s: float) -> Errand | None:
        """The errand, for the caller alone for so many seconds; None where it is over, or somebody else's.

        A claim outlives its process: whoever is killed leaves the errand to others when the claim has run out.
        """
        ...

    async def put_off(self, claim: Claim, due_at: float, trouble: str, unsure: bool) -> None:
        """Give an errand back, to be tried again at `due_at`; nothing where the claim is void.

        `unsure`: this attempt or one before may have reached the AS, and nobody knows what came of it.
        """
        ...

    async def settled(self, key: str, within_s: float) -> bool:
        """Wait until nobody holds the errand: because it is over, or was given back. False when that takes longer."""
        ...

    async def opened(self, market: str | None = None, limit: int = 1000) -> tuple[Errand, ...]:
        """Open errands, the one that is due first coming first."""
        ...


class NoErrands:
    """A registry that carries nothing to anybody."""

    async def of_client(self, market: str, client_id: str) -> Errand | None:
        """None."""
        return None

    async def claim(self, key: str, lasts_s: float) -> Errand | None:
        """None."""
        return None

    async def put_off(self, claim: Claim, due_at: float, trouble: str, unsure: bool) -> None:
        """Nothing."""

    async def settled(self, key: str, within_s: float) -> bool:
        """There is none."""
        return True

    async def opened(self, market: str | None = None, limit: int = 1000) -> tuple[Errand, ...]:
        """None."""
        return ()
