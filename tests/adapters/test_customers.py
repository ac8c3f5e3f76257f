"""Customers of a file: who gets in, and which files are refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dcrgw.adapters import customers
from dcrgw.adapters.customers import Entry, FileCustomers, read_customers, written
from dcrgw.adapters.passwords import Cost, Scrypt, hashed
from dcrgw.core.authorization.interaction import Customer
from dcrgw.errors import Misconfigured, Unavailable

CHEAP = Cost(4, 8, 1)
MIA = Entry("mia", Customer("sub-mia", "Mia"), hashed("right", CHEAP))
JOAO = Entry("joao", Customer("sub-joao", "João 😀"), hashed("certo", CHEAP), frozenset({"br"}))


@pytest.fixture
def hashing(monkeypatch: pytest.MonkeyPatch) -> list[Cost]:
    """The cost of every hash that is computed."""
    costs: list[Cost] = []
    compare = customers.passwords.is_password

    def noted(password: str, expected: Scrypt) -> bool:
        costs.append(expected.cost)
        return compare(password, expected)

    monkeypatch.setattr(customers.passwords, "is_password", noted)
    return costs


async def test_the_right_password_is_a_customers() -> None:
    assert await FileCustomers([MIA, JOAO]).authenticate("uk", "mia", "right") == MIA.customer


@pytest.mark.parametrize("login", ["MIA", " mia ", "ｍｉａ"])
async def test_case_and_width_of_a_name_say_nothing(login: str) -> None:
    assert await FileCustomers([MIA]).authenticate("uk", login, "right") == MIA.customer


@pytest.mark.parametrize(("login", "password"), [("mia", "wrong"), ("nobody", "right"), ("", ""), ("mia", "")])
async def test_nobody_else_gets_in(login: str, password: str) -> None:
    assert await FileCustomers([MIA]).authenticate("uk", login, password) is None


async def test_a_customer_of_one_market_is_nobody_in_another() -> None:
    known = FileCustomers([JOAO])
    assert await known.authenticate("uk", "joao", "certo") is None
    assert await known.authenticate("br", "joao", "certo") == JOAO.customer


async def test_an_unknown_name_costs_what_a_known_one_does(hashing: list[Cost]) -> None:
    known = FileCustomers([MIA])
    for login in ("mia", "nobody"):
        await known.authenticate("uk", login, "wrong")
    assert hashing == [CHEAP, CHEAP]


async def test_a_crowd_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customers, "_WAITING", 1)
    known = FileCustomers([MIA])
    asked = [known.authenticate("uk", "mia", "right") for _ in range(6)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in answers] == [Customer] * 3 + [Unavailable] * 3
    assert await known.authenticate("uk", "mia", "right") == MIA.customer


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "customers.toml"
    path.write_text(written(MIA) + "\n" + written(JOAO), "utf-8")
    assert read_customers(path) == (MIA, JOAO)


def _member(name: str, value: str) -> str:
    lines = [line for line in written(MIA).splitlines() if not line.startswith(f"{name} =")]
    return "\n".join([*lines, f"{name} = {value}"])


WRONG = {
    "not TOML": "login = ",
    "another table": "[[people]]\n",
    "no table": "customer = 1\n",
    "a member that is not known": _member("pasword", '"x"'),
    "no login": _member("login", '""'),
    "a name of two lines": _member("name", r'"a\nb"'),
    "a sub beyond ASCII": _member("sub", '"é"'),
    "a password in the open": _member("password", '"CANARY-hunter2"'),
    "markets that are no list": _member("markets", '"uk"'),
    "two of a login": written(MIA) + _member("sub", '"other"'),
    "two of a sub": written(MIA) + _member("login", '"other"'),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_file_with_a_fault_is_refused_without_showing_a_secret(tmp_path: Path, text: str) -> None:
    path = tmp_path / "customers.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(Misconfigured) as refused:
        read_customers(path)
    assert "CANARY" not in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        read_customers(tmp_path / "none.toml")
