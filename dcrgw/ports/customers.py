"""The bank's customers, as far as they sign in here."""

from __future__ import annotations

from typing import Protocol

from dcrgw.core.authorization.interaction import Customer


class Customers(Protocol):
    """Knows who may approve. Guessing is the adapter's to slow down. Raises: Unavailable; unknown is never yes."""

    async def authenticate(self, market: str, login: str, password: str) -> Customer | None:
        """The customer of this login name and password; None, and nothing faster or slower, where there is none."""
        ...


class NoCustomers:
    """A bank without customers here: nobody signs in."""

    async def authenticate(self, market: str, login: str, password: str) -> Customer | None:
        """Nobody."""
        return None
