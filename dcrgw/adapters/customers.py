"""Customers of a file: login names, and scrypt hashes of their passwords."""

from __future__ import annotations

import asyncio
import json
import secrets
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcrgw.adapters import passwords
from dcrgw.adapters.passwords import Scrypt
from dcrgw.core.authorization.interaction import Customer
from dcrgw.errors import Misconfigured, Unavailable

#: A hash fills tens of megabytes and keeps a core busy: so many at once, and so many more may wait.
_AT_ONCE = 2
_WAITING = 32

_MEMBERS = frozenset({"login", "name", "sub", "password", "markets"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One customer. `markets` are those in which they may sign in; none named means all."""

    login: str
    customer: Customer
    password: Scrypt = field(repr=False)
    markets: frozenset[str] = frozenset()


def login_of(text: str) -> str:
    """A login name as it is compared: case, width and blanks around it say nothing."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def read_customers(path: Path) -> tuple[Entry, ...]:
    """The entries of a customers file. Raises: Misconfigured, naming the entry, never a hash."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} is not TOML ({error})") from None
    tables = document.pop("customer", [])
    if document or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise Misconfigured(f"{path} holds something other than [[customer]] tables")
    entries = tuple(_entry(f"{path}: customer[{i}]", table) for i, table in enumerate(tables))
    for name, values in (("login", [e.login for e in entries]), ("sub", [e.customer.sub for e in entries])):
        if len(set(values)) != len(values):
            raise Misconfigured(f"{path} has two customers of the same {name}")
    return entries


def written(entry: Entry) -> str:
    """An entry as its table in a customers file."""
    members: dict[str, object] = {
        "login": entry.login,
        "name": entry.customer.name,
        "sub": entry.customer.sub,
        "password": str(entry.password),
    }
    if entry.markets:
        members["markets"] = sorted(entry.markets)
    # JSON's strings and lists are TOML's, but for the escapes of characters beyond ASCII.
    return "[[customer]]\n" + "".join(f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in members.items())


class FileCustomers:
    """Implements `dcrgw.ports.customers.Customers` for the entries of a file."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = {entry.login: entry for entry in entries}
        costs = [entry.password.cost for entry in self._entries.values()]
        #: What an unknown name is compared with: as dear as the dearest of the file, and nobody's password.
        self._nobody = passwords.hashed(secrets.token_hex(32), max(costs, default=passwords.COST))
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._asked = 0

    async def authenticate(self, market: str, login: str, password: str) -> Customer | None:
        """The customer, if the password is theirs. Raises: Unavailable when too many sign in at once."""
        if self._asked >= _AT_ONCE + _WAITING:
            raise Unavailable("customers", "too many sign-ins at once")
        self._asked += 1
        try:
            async with self._at_once:
                return await self._compared(market, login, password)
        finally:
            self._asked -= 1

    async def _compared(self, market: str, login: str, password: str) -> Customer | None:
        entry = self._entries.get(login_of(login))
        if entry is not None and entry.markets and market not in entry.markets:
            entry = None
        expected = entry.password if entry is not None else self._nobody
        # A thread: the hash leaves the interpreter free.
        is_right = await asyncio.to_thread(passwords.is_password, password, expected)
        return entry.customer if entry is not None and is_right else None


def _entry(key: str, table: Mapping[str, Any]) -> Entry:
    unknown = sorted(table.keys() - _MEMBERS)
    if unknown:
        raise Misconfigured(f"{key} has an unknown member {unknown[0]}")
    login, name, sub, password = (_text(key, table, member) for member in ("login", "name", "sub", "password"))
    markets = table.get("markets", [])
    if not isinstance(markets, list) or not all(isinstance(market, str) for market in markets):
        raise Misconfigured(f"{key}.markets is not a list of names")
    if not sub.isascii() or len(sub) > 255:  # OpenID Connect Core §2, sub
        raise Misconfigured(f"{key}.sub is not ASCII of at most 255 characters")
    try:
        scrypt = passwords.parse(password)
    except ValueError as error:
        raise Misconfigured(f"{key}.password {error}") from None
    return Entry(login_of(login), Customer(sub, name), scrypt, frozenset(markets))


def _text(key: str, table: Mapping[str, Any], name: str) -> str:
    value = table.get(name)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise Misconfigured(f"{key}.{name} is missing or no line of text")
    return value
