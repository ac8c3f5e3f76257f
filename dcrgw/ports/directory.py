"""The directory's word on who is authorised."""

from __future__ import annotations

from typing import Protocol

from dcrgw.core.registration.standing import Standing


class Directories(Protocol):
    """Asks a configured directory. Raises: Unavailable when it cannot be found out; unknown is never yes."""

    async def standing(self, directory: str, software_id: str, org_id: str | None) -> Standing:
        """The TPP's standing, at most 60 s old."""
        ...

    async def own_standing(self, directory: str) -> Standing:
        """The bank's own standing, by its software statement id."""
        ...
