"""The few calls of Linux that Python has no name for."""

from __future__ import annotations

import ctypes
import os
import platform
import sys

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

#: uname's name of the machine; the numbers of system calls differ by it.
MACHINE = platform.machine()
#: capset's number, by machine.
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES = 64


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def call(number: int, *arguments: int | None) -> int:
    """A system call by its number; pointers as whole numbers. Raises: OSError."""
    if _LIBC is None:
        raise OSError("this system is not Linux")
    words = [ctypes.c_void_p(argument) if argument is not None else None for argument in arguments]
    return _checked(_LIBC.syscall(ctypes.c_long(number), *words))


def prctl(option: int, *arguments: int) -> int:
    """prctl(2). Raises: OSError."""
    if _LIBC is None:
        raise OSError("this system is not Linux")
    words = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(_LIBC.prctl(option, *words))


def hide_memory() -> bool:
    """Keep other processes of the same user from this one's memory and environment; False where it cannot be done."""
    try:
        prctl(PR_SET_DUMPABLE, 0)
    except OSError:
        return False
    return True


def unshare(flags: int) -> None:
    """unshare(2). Raises: OSError."""
    if _LIBC is None:
        raise OSError("this system is not Linux")
    _checked(_LIBC.unshare(flags))


def drop_capabilities() -> None:
    """Give up every capability for good, also root's. Raises: OSError."""
    for capability in range(_CAPABILITIES):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            # Beyond the last capability of this kernel, or without CAP_SETPCAP: then there are none to drop.
            break
    head = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    if MACHINE not in _CAPSET:
        raise OSError(f"capset's number is not known for {MACHINE}")
    call(_CAPSET[MACHINE], ctypes.addressof(head), ctypes.addressof(none))
