"""`dcrgw check-config` judges as a start does, says everything at once, and shows no secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bank_files import PASSWORD as CANARY
from bank_files import example_folder, put
from click.testing import CliRunner, Result

from dcrgw.cli import check_config as command
from dcrgw.cli import main

EXAMPLE = Path(__file__).parents[2] / "config" / "dcrgw.toml"


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DCRGW_TRUST_PASSWORD", CANARY)
    monkeypatch.setenv("DCRGW_TRANSPORT_PASSWORD", CANARY)
    return example_folder(tmp_path, EXAMPLE)


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, ["check-config", *map(str, arguments)])
    assert CANARY not in result.output + result.stderr + repr(result.exception)
    return result


def test_the_example_is_sound(example: Path) -> None:
    result = run("--config", example)
    assert result.exit_code == 0
    assert result.stderr == ""


def test_it_prints_what_is_in_force_with_its_origin(example: Path) -> None:
    result = run("--config", example, "--print")
    assert result.exit_code == 0
    assert "market[0].profile = obuk-3.3  (file)" in result.stdout
    assert "limits.body_s = 20  (default)" in result.stdout
    assert "directory[0].transport_keystore_password = env:DCRGW_TRANSPORT_PASSWORD  (file)" in result.stdout


def test_faults_of_the_file_are_all_told(example: Path) -> None:
    text = example.read_text().replace("profile = ", "profil = ").replace("port = 8444", 'port = "8444"')
    put(example, text.encode(), 0o644)
    result = run("--config", example, "--print")
    assert result.exit_code == 1
    for key in ("market[0].profil", "market[0].profile", "listeners.mtls.port"):
        assert f"refused: {key}\n" in result.stderr
    assert result.stdout == ""


def test_faults_of_what_it_names_are_all_told(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCRGW_TRUST_PASSWORD", "wrong")
    (example.parent.parent / "certs" / "server.key").chmod(0o644)
    result = run("--config", example)
    assert result.exit_code == 1
    for key in ("directory[0].trust_keystore", "market[0].trust[0]", "listeners.mtls.key"):
        assert f"refused: {key}\n" in result.stderr
    assert result.stderr.count("reason: ") == result.stderr.count("fix:    ") == 4


def test_a_sandbox_is_warned_and_passes(example: Path) -> None:
    text = example.read_text().replace('"production"', '"sandbox"').replace("env:DCRGW_TRUST_PASSWORD", CANARY)
    put(example, text.encode(), 0o644)
    result = run("--config", example, "--print")
    assert result.exit_code == 0
    assert "warning: market[0].trust_password\n" in result.stderr
    assert "market[0].trust_password = **********  (file)" in result.stdout


def test_a_literal_secret_in_production_is_refused_without_showing_it(example: Path) -> None:
    text = example.read_text().replace("env:DCRGW_TRUST_PASSWORD", CANARY)
    put(example, text.encode(), 0o644)
    result = run("--config", example, "--print")
    assert result.exit_code == 1
    assert "refused: market[0].trust_password\n" in result.stderr


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert run("--config", tmp_path / "none.toml").exit_code == 1


def test_it_prints_the_schema() -> None:
    result = run("--schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["additionalProperties"] is False


def test_a_terminal_gets_tables(example: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(command.sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(command.sys.stderr, "isatty", lambda: True)
    text = example.read_text().replace('name = "uk"', 'name = "[red]uk"')
    put(example, text.encode(), 0o644)
    with pytest.raises(SystemExit) as ended:
        command.check_config.main(["--config", str(example)], standalone_mode=False)
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert "market[0].name" in shown
    assert "reason: " not in shown
