"""`dcrgw keys`: what it refuses before it touches a key. What it does is shown in tests/gateway."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from dcrgw.cli.keys import keys


@pytest.mark.parametrize("command", [["list"], ["rotate"], ["retire", "kid"], ["purge"]])
def test_configuration_that_is_not_there_is_told(tmp_path: Path, command: list[str]) -> None:
    result = CliRunner().invoke(keys, [*command, "--config", str(tmp_path / "none.toml")])
    assert result.exit_code == 1
    assert "none.toml" in result.output
