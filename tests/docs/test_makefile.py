"""`make` for who does not know it yet."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT_VENV = '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\n'


def make(*words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "-C", str(folder), *words], capture_output=True, text=True, timeout=120, check=False)


def test_make_alone_names_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert targets
    done = make()
    assert done.returncode == 0
    assert [word.split()[1] for word in done.stdout.splitlines() if word.startswith("make ")] == targets[1].split()


@pytest.mark.parametrize(("python", "word"), [(WITHOUT_VENV, "python3-venv"), ("#!/bin/sh\nexit 1\n", "3.11")])
def test_python_that_does_not_do_is_told_what_is_missing(python: str, word: str, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    program = tmp_path / "python"
    program.write_text(python)
    program.chmod(0o755)
    done = make("demo", f"PYTHON={program}", folder=tmp_path)
    assert done.returncode != 0
    assert word in done.stdout
    assert not (tmp_path / ".venv").exists()
