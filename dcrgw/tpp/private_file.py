"""Files that hold what proves who we are: whole or not there at all, and for their owner only."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, content: bytes, *, replaces: bool = True) -> None:
    """Put `content` in place under mode 0600, from its first byte on.

    Raises: OSError; FileExistsError for a file that is there already, unless it `replaces` that.
    """
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        if replaces:
            draft.replace(path)
        else:
            # Unlike a rename, a link never takes the place of what is there.
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
