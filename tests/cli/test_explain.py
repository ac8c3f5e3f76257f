"""`dcrgw explain` without a gateway says what is missing; with one: tests/gateway/test_reports.py."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from dcrgw.cli.explain import explain


def ended(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(explain, list(words))
    return result.exit_code, result.output


def test_no_sandbox_is_a_sentence(tmp_path: Path) -> None:
    code, output = ended("--sandbox", str(tmp_path))
    assert code == 1
    assert "dcrgw sandbox" in output


def test_a_gateway_that_does_not_answer_is_a_sentence(tmp_path: Path) -> None:
    code, output = ended("--socket", str(tmp_path / "admin.sock"))
    assert code == 3
    assert "Traceback" not in output


def test_a_sandbox_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "admin.sock").touch()
    code, output = ended("--sandbox", str(tmp_path))
    assert code == 3
    assert "no gateway answers" in output
