"""How a socket file is reached whatever the length of its path: for listeners, and for those who call them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: sockaddr_un has 108 octets, the last a NUL.
_LONGEST_ADDRESS = 107


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """A socket file's address while within: a path too long for the kernel goes by way of its folder's descriptor."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
