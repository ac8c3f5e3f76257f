"""Scripts and their cases in files: read whole, and not while somebody writes them."""

from __future__ import annotations

import os
import stat
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dcrgw.core.scripts.cases import CaseRefused, read_case
from dcrgw.core.scripts.detail_types import AUTHZ_DETAIL
from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.scripts.entry_checks import LONGEST_TEXT, MOST_CASES, entry_faults
from dcrgw.core.strict_json import JsonRefused, JsonValue, loads
from dcrgw.errors import Misconfigured

#: What was read twice with this pause between, and is the same, is not being written.
SETTLE_S = 0.05
#: A file that never rests is taken as it is in the end: its compilation and its cases judge it.
_TRIES = 5
_LARGEST_CASE_FILE = 1024 * 1024

Table = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class ReadScript:
    """One script as its files are now. With a `fault` the entry is as it was configured, without a text."""

    entry: ScriptEntry
    fault: str = ""


class ScriptFiles:
    """The scripts that the configuration names. `entries` say all but their texts. Not for two threads at a time."""

    def __init__(self, entries: Sequence[ScriptEntry], pause: Callable[[float], None] = time.sleep) -> None:
        self._entries, self._pause = tuple(entries), pause
        self._last: dict[str, ReadScript] = {}

    def read(self) -> tuple[ReadScript, ...]:
        """Every script with its text and cases. Blocks: use a thread where a loop is running.

        A script that differs from what was read last gets the next revision.
        """
        return tuple(self._settled(entry) for entry in self._entries)

    def _settled(self, entry: ScriptEntry) -> ReadScript:
        last = self._last.get(entry.inum)
        found = read_script(entry)
        for _ in range(_TRIES):
            if last is None or _same(found, last):
                break
            self._pause(SETTLE_S)
            again = read_script(entry)
            if _same(found, again):
                break
            found = again
        if last is not None:
            step = 0 if _same(found, last) else 1
            found = replace(found, entry=replace(found.entry, revision=last.entry.revision + step))
        self._last[entry.inum] = found
        return found


def read_script(entry: ScriptEntry) -> ReadScript:
    """An entry with the text of its file and the cases beside it, or why there is none."""
    path = Path(entry.file or "")
    try:
        whole = replace(entry, text=read_text(path), cases=cases_beside(path), schema=schema_beside(entry, path))
    except Misconfigured as fault:
        return ReadScript(entry, str(fault))
    faults = "; ".join(map(str, entry_faults(whole)))
    return ReadScript(whole, f"script {entry.name} ({path}): {faults}" if faults else "")


def read_text(path: Path, largest: int = LONGEST_TEXT) -> str:
    """A file's text. Raises: Misconfigured, naming the file."""
    try:
        # Without O_NONBLOCK a FIFO in place of the file would hold the reader for ever.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Misconfigured(f"{path} is not a file")
            content = file.read(largest + 1)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > largest:
        raise Misconfigured(f"{path} is larger than {largest} bytes")
    try:
        return content.decode("utf-8-sig")  # editors of Windows write a mark of byte order
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Misconfigured(f"{path}, line {line}: not UTF-8 text") from None


def schema_beside(entry: ScriptEntry, script: Path) -> str:
    """The text of NAME.schema.json beside a script of authz_detail, if there is one. Raises: Misconfigured."""
    path = script.with_suffix(".schema.json")
    return read_text(path) if entry.type == AUTHZ_DETAIL and path.exists() else ""


def cases_beside(script: Path, folder: Path | None = None) -> tuple[Mapping[str, JsonValue], ...]:
    """The cases of a script, by name: in NAME.cases/*.toml and *.json, NAME.cases.toml, NAME.cases.json.

    Where `folder` is named, it alone is read. A file holds one case, or several as `case`. Raises: Misconfigured.
    """
    stem = script.with_suffix("")
    if folder is not None and not folder.is_dir():
        raise Misconfigured(f"{folder} is no folder: name the one that holds the cases")
    beside = [] if folder else [stem.with_name(f"{stem.name}.cases{suffix}") for suffix in (".toml", ".json")]
    folder = folder or stem.with_name(f"{stem.name}.cases")
    within = sorted(each for each in folder.iterdir() if each.suffix in (".toml", ".json")) if folder.is_dir() else []
    found = [case for path in (*filter(Path.is_file, beside), *within) for case in _cases_of(path)]
    if len(found) > MOST_CASES:
        raise Misconfigured(f"{script} has more than {MOST_CASES} cases")
    return tuple(found)


def _cases_of(path: Path) -> Iterator[Table]:
    whole = _table_of(path)
    several = whole.get("case") if whole.keys() == {"case"} else None
    cases = several if isinstance(several, list) else [whole]
    for i, each in enumerate(cases):
        default = path.stem if len(cases) == 1 else f"{path.stem} {i + 1}"
        if not isinstance(each, dict):
            raise Misconfigured(f"{path}: case {i + 1} is not a table")
        case: Table = {"name": default, **each}
        case = _with_certificate(case, path)
        try:
            read_case(case, default)
        except CaseRefused as refused:
            raise Misconfigured(f"{path}: {refused}") from None
        yield case


def _table_of(path: Path) -> Table:
    text = read_text(path, _LARGEST_CASE_FILE)
    try:
        whole = loads(text.encode(), max_depth=24) if path.suffix == ".json" else tomllib.loads(text)
    except JsonRefused as refused:
        raise Misconfigured(f"{path} {refused}") from None
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{path} is not TOML: {error}") from None
    if isinstance(whole, list):
        return {"case": whole}
    if not isinstance(whole, dict):
        raise Misconfigured(f"{path} holds no table")
    return whole


def _with_certificate(case: Table, path: Path) -> Table:
    """The case with its certificate's file read in: it travels with the case."""
    certificate = case.get("certificate")
    if not isinstance(certificate, dict) or "file" not in certificate:
        return case
    pem = read_text(path.parent / str(certificate["file"]))
    return {**case, "certificate": {**{k: v for k, v in certificate.items() if k != "file"}, "pem": pem}}


def _same(one: ReadScript, other: ReadScript) -> bool:
    return one.fault == other.fault and one.entry.digest == other.entry.digest and one.entry.cases == other.entry.cases
