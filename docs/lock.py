"""Write requirements.txt and requirements-dev.txt anew: `python -m docs.lock` (needs `uv` on the PATH).

Only names, versions and hashes get in: no registry address and no comment.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
#: pip builds the project itself without isolation, so its build tool is locked with the rest.
BUILD = ["setuptools>=77"]


def compile_lock(requirements: list[str], target: Path, constraint: Path | None = None) -> None:
    """Resolve `requirements` for every platform into `target`, with hashes."""
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header", "--no-annotate"]
    command += ["--python-version", "3.11", "--output-file", str(target), "-"]
    if constraint is not None:
        command += ["--constraint", str(constraint)]
    subprocess.run(command, input="\n".join(requirements), text=True, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - ours


def main() -> None:
    """Lock development first, so that the smaller runtime lock takes the same versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["sandbox"], *BUILD]
    development = ROOT / "requirements-dev.txt"
    compile_lock([*runtime, *project["dependency-groups"]["dev"]], development)
    compile_lock(runtime, ROOT / "requirements.txt", development)


if __name__ == "__main__":
    sys.exit(main())
