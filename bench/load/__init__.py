"""The load generator: lg.c, compiled where it runs, and a Python face for it."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent / "lg.c"


class NoGenerator(Exception):
    """It cannot be built here. A generator in Python would cost more than the server: no figures then."""


class RunFailed(Exception):
    """A run whose figures mean nothing: not every answer was a 2xx."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run asks of the generator; times are seconds."""

    bodies: Path
    certificate: Path
    media_type: str
    connections: int = 32
    warm_s: float = 2.0
    seconds: float = 5.0
    #: A new connection for each request.
    each: bool = False
    limit: int | None = None
    #: Requests a second, by the clock; None is the closed loop.
    rate: float | None = None


def build(folder: Path) -> Path:
    """The compiled generator in `folder`. Raises: NoGenerator."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise NoGenerator("no C compiler: install gcc")
    target = folder / "lg"
    done = subprocess.run(
        [compiler, "-O2", "-o", str(target), str(SOURCE), "-lssl", "-lcrypto"],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        missing = "openssl/" in done.stderr or "-lssl" in done.stderr
        raise NoGenerator("OpenSSL's headers are missing: install libssl-dev" if missing else done.stderr[-300:])
    return target


async def run(generator: Path, load: Load, *, port: int, path: str, pid: int, answers: Path) -> dict[str, Any]:
    """The figures of one run, as lg.c reports them. Raises: RunFailed for anything but 2xx answers."""
    command = [
        str(generator),
        *("--port", str(port), "--path", path, "--pid", str(pid), "--answers", str(answers)),
        *("--bodies", str(load.bodies), "--cert", str(load.certificate), "--type", load.media_type),
        *("--connections", str(load.connections), "--warm", str(load.warm_s), "--seconds", str(load.seconds)),
        *(("--each",) if load.each else ()),
        *(("--limit", str(load.limit)) if load.limit is not None else ()),
        *(("--rate", str(load.rate)) if load.rate is not None else ()),
    ]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, complaints = await process.communicate()
    if process.returncode:
        raise RunFailed(complaints.decode(errors="replace").strip())
    found: dict[str, Any] = json.loads(output)
    if found["refused"] or found["failed"] or found["errors"]:
        counts = {name: found[name] for name in ("refused", "failed", "errors")}
        raise RunFailed(f"{counts}; the first: {complaints.decode(errors='replace').strip()}")
    if found["ran_dry"] and load.limit is None:
        raise RunFailed(f"{found['started']} bodies were not enough: make more of them")
    if not found["requests"]:
        raise RunFailed("no request ended within the measured span")
    return found
