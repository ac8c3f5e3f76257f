"""The files that a generation was made of, and whether they still say the same."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dcrgw.config.model import Settings
from dcrgw.config.profiles import profile_files
from dcrgw.config.walking import secrets, walk

#: What we write ourselves, what the script host looks after, and what changes are tried on.
_NOT_WATCHED = re.compile(r"reload\.gate\.bundles|registry\.path|recording\.path|admin\.socket|script\[\d+\]\.file")
_CHUNK_BYTES = 1024 * 1024


def watched_files(settings: Settings) -> frozenset[Path]:
    """The configuration, and every file that it names: certificates, keys, stores, lists, secrets; and the profiles."""
    found = {settings.source, *profile_files(), *_named(settings)}
    return frozenset(found | {reference.file for _, reference in secrets(settings) if reference.file is not None})


def digests(paths: Iterable[Path]) -> Mapping[Path, str]:
    """What each file says now, as a SHA-256; of one that cannot be read, why.

    By content, since a time stamp tells little of a link that points elsewhere now (as Kubernetes swaps them) or of a
    file that was renamed over another. Synchronous: use a thread where a loop is running.
    """
    return {path: _digest(path) for path in paths}


def stamps(paths: Iterable[Path]) -> Mapping[Path, tuple[int, int]]:
    """What the file system notes of each: another where something was written, though it says the same again."""
    return {path: _stamp(path) for path in paths}


def widened(seen: Mapping[Path, str], files: Iterable[Path]) -> Mapping[Path, str]:
    """What was seen, and the digests of files that were not among it: what was seen once is not looked at again.

    So a file that changed since it was seen, and was perhaps read in between, is found changed at the next look.
    """
    return {**digests(set(files) - seen.keys()), **seen}


def is_changed(seen: Mapping[Path, str], now: Mapping[Path, str]) -> bool:
    """Whether a file says something else now. What is looked at no more counts for nothing."""
    return any(seen.get(path) != digest for path, digest in now.items())


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_ino, status.st_ctime_ns


def _named(settings: Settings) -> Iterator[Path]:
    for setting in walk(settings):
        if not _NOT_WATCHED.fullmatch(setting.key):
            values = setting.value if isinstance(setting.value, tuple) else (setting.value,)
            yield from (value for value in values if isinstance(value, Path))


def _digest(path: Path) -> str:
    hashed = hashlib.sha256()
    try:
        # Without O_NONBLOCK a FIFO in place of the file would hold the watch for ever.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return "no file"
            while chunk := file.read(_CHUNK_BYTES):
                hashed.update(chunk)
    except OSError as error:
        return f"unreadable: {error.strerror}"
    # Owner and mode count too: a key that others may read is refused, until it is closed to them.
    return f"{hashed.hexdigest()} {status.st_uid}:{status.st_gid} {stat.S_IMODE(status.st_mode):04o}"
