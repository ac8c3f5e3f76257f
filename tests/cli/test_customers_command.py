"""`dcrgw customers`: a file that the gateway reads, and a password that nobody sees."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from dcrgw.adapters.customers import FileCustomers, read_customers
from dcrgw.cli.customers import customers

PASSWORD = "CANARY correct horse"


def run(path: Path, *command: str, typed: str = f"{PASSWORD}\n{PASSWORD}\n") -> Result:
    return CliRunner().invoke(customers, [command[0], "--file", str(path), *command[1:]], input=typed)


async def test_who_was_added_signs_in(tmp_path: Path) -> None:
    path = tmp_path / "customers.toml"
    result = run(path, "add", "Mia", "--name", "Mia Example", "--sub", "s-1")
    assert result.exit_code == 0, result.output
    assert "CANARY" not in result.output
    assert "CANARY" not in path.read_text()
    known = await FileCustomers(read_customers(path)).authenticate("uk", "mia", PASSWORD)
    assert known is not None
    assert (known.sub, known.name) == ("s-1", "Mia Example")


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "customers.toml"
    run(path, "add", "mia", "--name", "Mia", "--password-stdin")
    assert path.stat().st_mode & 0o777 == 0o600


def test_everybody_is_listed_without_a_hash(tmp_path: Path) -> None:
    path = tmp_path / "customers.toml"
    run(path, "add", "mia", "--name", "Mia", "--sub", "s-1", "--market", "uk", "--password-stdin")
    run(path, "add", "joao", "--name", "João", "--password-stdin")
    mia, joao = run(path, "list").output.splitlines()
    assert mia == "mia  s-1  Mia  uk"
    assert joao.endswith("João")
    assert "scrypt" not in mia + joao


def test_a_login_is_added_once(tmp_path: Path) -> None:
    path = tmp_path / "customers.toml"
    run(path, "add", "mia", "--name", "Mia")
    before = path.read_text()
    assert run(path, "add", "MIA", "--name", "Other").exit_code == 1
    assert path.read_text() == before


def test_a_short_password_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "customers.toml"
    assert run(path, "add", "mia", "--name", "Mia", "--password-stdin", typed="short\n").exit_code == 1
    assert not path.exists()


def test_two_different_passwords_are_asked_for_again(tmp_path: Path) -> None:
    path = tmp_path / "customers.toml"
    result = run(path, "add", "mia", "--name", "Mia", typed=f"{PASSWORD}\nother password\n{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0
    assert "CANARY" not in result.output


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    result = run(tmp_path / "none" / "customers.toml", "add", "mia", "--name", "Mia", "--password-stdin")
    assert result.exit_code == 1
    assert "cannot be written" in result.output
