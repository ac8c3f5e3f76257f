"""What strangers wrote into certificates drives no operator's terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from dcrgw.cli import main
from dcrgw.testkit.certificates import CertificateAuthority

EVIL = "evil\x1b]0;pwned\x07\x1b[2J\u009b31m\u202e"


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stranger") / "stranger.pem"
    path.write_bytes(CertificateAuthority.create(EVIL).certificate_pem)
    return path


@pytest.mark.parametrize(
    "command",
    [
        ("cert", "explain", "FILE", "--profile", "obuk-3.3", "--trust", "FILE"),
        ("keystore", "show", "FILE"),
        ("keystore", "check", "--trust", "FILE"),
        ("keystore", "check", "FILE"),
    ],
)
def test_no_control_character_of_a_certificate_is_printed(stranger: Path, command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [str(stranger) if each == "FILE" else each for each in command])
    assert result.output
    assert all(character.isprintable() or character == "\n" for character in result.output)
