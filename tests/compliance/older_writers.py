"""Documents as a dcrgw of an older version would have written them, as far as it could say what is in them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance import roll, upgrades
from dcrgw.compliance.kept import text_of
from dcrgw.compliance.plain import Writer
from dcrgw.compliance.replay import canonical, replay
from dcrgw.core.checks import in_full
from dcrgw.core.market import Market

#: A program: decides the bundles that it is given again, thirteen years later by its own clock.
_ELSEWHERE = """
import asyncio, pathlib, sys, time
time.tzset()
now = time.time
time.time = lambda: now() + 13 * 366 * 86_400
from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.replay import canonical, replay
for name in sys.argv[1:]:
    bundle = bundles.read(pathlib.Path(name).read_bytes())
    sys.stdout.buffer.write(canonical(asyncio.run(replay(bundle)).decided) + b"\\n")
"""


def decided_elsewhere(files: Iterable[Path], zone: str = "Asia/Kathmandu") -> list[bytes]:
    """The canonical findings of each file's bundle, by a process of another time, zone, locale and hash seed."""
    elsewhere = {**os.environ, "TZ": zone, "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", _ELSEWHERE, *map(str, files)]
    return subprocess.run(command, env=elsewhere, capture_output=True, check=True).stdout.splitlines()


async def compare_in_every_version(documents: Mapping[str, bytes], folder: Path) -> dict[int, set[str]]:
    """Write each document in every version that can say it, decide it again elsewhere: the same to the byte.

    Gives the names that each version could say.
    """
    said: dict[int, set[str]] = {version: set() for version in range(1, bundles.VERSION + 1)}
    files: dict[Path, bytes] = {}
    for name, document in documents.items():
        for version, names in said.items():
            try:
                older = as_version(document, version)
            except NotSayable:
                continue
            names.add(name)
            file = folder / f"{name}.v{version}"
            file.write_bytes(older)
            files[file] = canonical(bundles.read(older).decided)
            # Here too, so that a difference is told where it can be looked at.
            assert canonical((await replay(bundles.read(older))).decided) == files[file], file.name
    assert await asyncio.to_thread(decided_elsewhere, files) == list(files.values())
    return said


class NotSayable(ValueError):
    """The version has no word for something in the document."""


def as_version(document: bytes, version: int) -> bytes:
    """The document in an older shape. Raises: NotSayable."""
    content = json.loads(document)["content"]
    for step in range(json.loads(document)["version"], version, -1):
        content = _BACK[step](content)
    digest = hashlib.sha256(text_of(content).encode()).hexdigest()
    outer = {"format": "dcrgw.bundle", "version": version, "sha256": digest, "content": content}
    return text_of(outer).encode()


Content = dict[str, Any]


def _to_3(content: Content) -> Content:
    older = {name: value for name, value in content.items() if name != "roll"}
    found = [list(in_full(each)) for each in content["decided"]["findings"]]
    return _known({**older, "decided": {**content["decided"], "findings": found}}, 3)


def _to_2(content: Content) -> Content:
    profile = _without(content["market"]["profile"], upgrades._BEFORE_3)
    profile["statement"] = _without(profile["statement"], upgrades._STATEMENT_BEFORE_3)
    profile["metadata"] = _without(profile["metadata"], upgrades._METADATA_BEFORE_3)
    return _known({**content, "market": {**content["market"], "profile": profile}}, 2)


def _to_1(content: Content) -> Content:
    profile = _without(content["market"]["profile"], upgrades._PROFILE_BEFORE)
    market = _without({**content["market"], "profile": profile}, _MARKET_BEFORE_2)
    older = {name: value for name, value in content.items() if name != "timings"}
    return _known({**older, "market": market}, 1)


_MARKET_BEFORE_2 = {
    each.name: Writer().plain(each.default_factory())
    for each in fields(Market)
    if each.name in ("leaf", "revocation", "server") and each.default_factory is not MISSING
}


_BACK: dict[int, Callable[[Content], Content]] = {4: _to_3, 3: _to_2, 2: _to_1}


def _without(members: Content, newer: Any) -> Content:
    """The members less newer ones, which must say what was so before they were there."""
    for name, before in newer.items():
        if members[name] != before:
            raise NotSayable(f"{name} is {members[name]!r}")
    return {name: value for name, value in members.items() if name not in newer}


def _known(content: Content, version: int) -> Content:
    """The content without what its dcrgw could neither ask nor judge."""
    later = roll.later(upgrades._ROLL_AT[version])
    findings = [each for each in content["decided"]["findings"] if each[0] not in later.checks]
    return {
        **content,
        "journal": list(_asked(content["journal"], later)),
        "decided": {**content["decided"], "findings": findings},
    }


def _asked(journal: list[Any], later: roll.Later) -> Iterator[Any]:
    for entry in journal:
        port, _, method = entry["port"].partition(".")
        if method not in later.methods.get(port, ()):
            yield entry
        elif entry.get("answer") not in _NOTHING:
            raise NotSayable(f"{entry['port']} answered")


#: What a method answers where there is nothing of it.
_NOTHING: list[Any] = [None, [], {"keys": [], "refused": [], "source": "", "prints": [], "certificates": []}]
