"""`dcrgw sandbox --upstream`: what is missing is told before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from dcrgw.cli import main
from dcrgw.sandbox.upstream import EXAMPLES, PROGRAM, UpstreamUnusable, program


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server, and a PATH with nothing on it but what a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    (tmp_path / PROGRAM).touch()
    return tmp_path


def node(place: Path, version: str) -> None:
    file = place / "bin/node"
    file.write_text(f"#!/bin/sh\necho {version}\n")
    file.chmod(0o755)


def test_server_with_all_that_it_needs_is_found(place: Path) -> None:
    node(place, "v22.1.0")
    assert program(str(place)).folder == place


def test_packages_of_a_server_are_asked_for(place: Path) -> None:
    node(place, "v20.19.0")
    (place / "package.json").touch()
    with pytest.raises(UpstreamUnusable, match="npm ci"):
        program(str(place))
    (place / "node_modules").mkdir()
    program(str(place))


@pytest.mark.parametrize("version", ["v18.20.4", "v20.18.9", "v6.0.0", "nothing"])
def test_old_node_is_named(place: Path, version: str) -> None:
    node(place, version)
    with pytest.raises(UpstreamUnusable, match="node is"):
        program(str(place))


@pytest.mark.parametrize("name", ["no-such-server", "../elsewhere", ""])
def test_unknown_server_is_told_with_those_that_there_are(name: str) -> None:
    assert (EXAMPLES / "oidc-provider" / PROGRAM).is_file()
    with pytest.raises(UpstreamUnusable, match="oidc-provider"):
        program(name)


def test_command_says_it_in_one_sentence(place: Path) -> None:
    done = CliRunner().invoke(main, ["sandbox", "--upstream", str(place), "--dir", str(place / "sandbox")])
    assert done.exit_code == 1
    assert "node is not installed" in done.output
    assert not (place / "sandbox").exists()
