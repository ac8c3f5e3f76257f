"""Files of the sandbox's folder: each appears whole or not at all, private ones for their owner only."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

PRIVATE, PUBLIC = 0o600, 0o644


class Folder:
    """A folder that one sandbox owns; `clear` removes what it wrote and nothing else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, name: str, content: bytes, *, mode: int = PUBLIC) -> Path:
        """Put a file in place, under its permissions from its first byte on."""
        target = self.path / name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        draft = target.with_name(f".{target.name}.new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        draft.replace(target)
        return target

    def write_private(self, name: str, content: bytes) -> Path:
        """Put a key or password in place."""
        return self.write(name, content, mode=PRIVATE)

    def remove(self, *names: str) -> None:
        """Take files and folders away; those that are not there are no fault."""
        for name in names:
            target = self.path / name
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target, ignore_errors=True)
            else:
                target.unlink(missing_ok=True)
