"""Which files a script may read, and nothing else of the file system or the network (landlock(7))."""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from dcrgw.scripting.worker import kernel

# The same numbers on every machine, since they are newer than the common table.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
#: How many kinds of access each ABI knows, for files and for TCP (bind, connect), and what can be scoped.
_FILE_ACCESSES = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_TCP_SINCE, _SCOPES_SINCE = 4, 6
_TCP, _SCOPES = 0b11, 0b11


def restrict(readable: Iterable[str]) -> int:
    """Let this process read below `readable` only, and write nowhere. The ABI used. Raises: OSError."""
    abi = kernel.call(_CREATE_RULESET, None, 0, _VERSION)
    files = (1 << _FILE_ACCESSES[min(abi, max(_FILE_ACCESSES))]) - 1
    words = [files, _TCP if abi >= _TCP_SINCE else 0, _SCOPES if abi >= _SCOPES_SINCE else 0]
    count = 1 + (abi >= _TCP_SINCE) + (abi >= _SCOPES_SINCE)
    asked = ctypes.create_string_buffer(struct.pack(f"={count}Q", *words[:count]), 8 * count)
    rules = kernel.call(_CREATE_RULESET, ctypes.addressof(asked), 8 * count, 0)
    try:
        for path in readable:
            _allow(rules, path)
        kernel.call(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)
    return abi


def _allow(rules: int, path: str) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there need not be read
    try:
        is_folder = stat.S_ISDIR(os.fstat(place).st_mode)
        access = _READ_FILE | _READ_DIR if is_folder else _READ_FILE
        rule = ctypes.create_string_buffer(struct.pack("=Qi", access, place), 12)
        kernel.call(_ADD_RULE, rules, _PATH_BENEATH, ctypes.addressof(rule), 0)
    finally:
        os.close(place)
