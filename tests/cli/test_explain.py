"""`dcrgw explain` without a sandbox says what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dcrgw.cli.explain import explain
from dcrgw.sandbox.serving import free_ports


def ended(folder: Path) -> tuple[int, str]:
    result = CliRunner().invoke(explain, ["--sandbox", str(folder)])
    return result.exit_code, result.output


def test_no_sandbox_is_a_sentence(tmp_path: Path) -> None:
    code, output = ended(tmp_path)
    assert code == 1
    assert "dcrgw sandbox" in output


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"directory_endpoints": 1}'])
def test_unreadable_index_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "sandbox.json").write_text(text)
    code, output = ended(tmp_path)
    assert code == 1
    assert "Traceback" not in output


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://elsewhere.example", 7])
def test_only_this_machine_is_asked(tmp_path: Path, url: object) -> None:
    (tmp_path / "sandbox.json").write_text(json.dumps({"directory_endpoints": {"management": url}}))
    assert ended(tmp_path)[0] == 1


def test_sandbox_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    index = {"directory_endpoints": {"management": f"http://127.0.0.1:{port}"}}
    (tmp_path / "sandbox.json").write_text(json.dumps(index))
    code, output = ended(tmp_path)
    assert code == 1
    assert "does not answer" in output
