"""Where bundles come from: files, and folders of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.bundle import MAX_BYTES, Bundle
from dcrgw.compliance.values import Unreadable

#: What a bundle's file is called.
SUFFIX = ".bundle.json"


@dataclass(frozen=True, slots=True)
class Found:
    """One file: its bundle, or what is wrong with it."""

    path: Path
    bundle: Bundle | None
    fault: str = ""
    #: Of a gateway's record: put into it, and judged elsewhere. A file says nothing of that.
    imported: bool = False


def paths(named: Iterable[Path]) -> tuple[Path, ...]:
    """The files that are meant, each once: a file as it is, of a folder all bundles below it, in their names' order."""
    found: list[Path] = []
    for each in named:
        found += sorted(each.rglob(f"*{SUFFIX}")) if each.is_dir() else [each]
    return tuple(dict.fromkeys(found))


def bundles_of(files: Iterable[Path], *, for_replay: bool = False) -> Iterator[Found]:
    """Each file's bundle, read one by one, so that a folder of any size can be gone through."""
    for path in files:
        yield _found(path, for_replay)


def _found(path: Path, for_replay: bool) -> Found:
    try:
        with path.open("rb") as file:
            document = file.read(MAX_BYTES + 1)
    except OSError as error:
        return Found(path, None, f"cannot be read: {error.strerror}")
    return found_in(document, path, for_replay=for_replay)


def found_in(document: bytes, path: Path, *, for_replay: bool = False) -> Found:
    """The bundle of a document that has a name, or what is wrong with it."""
    try:
        return Found(path, bundles.read(document, for_replay=for_replay))
    except Unreadable as error:
        return Found(path, None, str(error))
