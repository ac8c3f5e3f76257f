"""The machine under the figures: what else moves them, written down beside them."""

from __future__ import annotations

import os
import platform
import sqlite3
import ssl
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from cryptography.hazmat.backends.openssl import backend

_PACKAGES = ("aiohttp", "cryptography", "jwcrypto", "pyopenssl", "aiosqlite", "structlog")
_SYNCS = 200


def facts(folder: Path, node: str | None) -> dict[str, Any]:
    """Versions, cores, load and how long a small fdatasync takes in `folder`, as a JSON object."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load": load(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "openssl_of_ssl": ssl.OPENSSL_VERSION,
        "openssl_of_cryptography": backend.openssl_version_text(),
        "sqlite": sqlite3.sqlite_version,
        "sqlite_synchronous": "FULL",
        "packages": {name: _version(name) for name in _PACKAGES},
        "node": None if node is None else subprocess.check_output([node, "--version"], text=True).strip(),
        "fdatasync_p50_us": round(fdatasync_p50_us(folder), 1),
    }


def load() -> list[float]:
    """The load averages of 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def fdatasync_p50_us(folder: Path) -> float:
    """The median time of a 4 KB append with its fdatasync."""
    target = folder / "fdatasync.probe"
    times = []
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for _ in range(_SYNCS):
            begun = time.perf_counter()
            os.write(descriptor, b"\0" * 4096)
            os.fdatasync(descriptor)
            times.append(time.perf_counter() - begun)
    finally:
        os.close(descriptor)
        target.unlink()
    return median(times) * 1e6


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
