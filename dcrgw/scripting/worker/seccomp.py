"""A filter of system calls: what a script has no business to do fails with EPERM (seccomp(2), BPF by hand)."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from dcrgw.scripting.worker import kernel

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_EPERM = 0x00050000 | errno.EPERM
_KILL = 0x80000000

#: AUDIT_ARCH_* of the machine: a call by another one's numbers (i386 on x86_64) ends the process.
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
#: x86_64 numbers with this bit are of the x32 ABI.
_X32 = 0x40000000

#: Refused whatever the arguments: reach out, start processes or threads, look into other processes, change what the
#: process is; and what Landlock lets pass: change a file's mode, owner, times or attributes, watch a folder.
#: By machine: the numbers of asm/unistd.h.
_REFUSED = {
    "x86_64": {
        "socket": 41, "connect": 42, "accept": 43, "accept4": 288, "bind": 49, "listen": 50,
        "fork": 57, "vfork": 58, "clone": 56, "clone3": 435, "execve": 59, "execveat": 322,
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "process_madvise": 440, "kcmp": 312,
        "pidfd_open": 434, "pidfd_send_signal": 424, "pidfd_getfd": 438, "rt_sigqueueinfo": 129,
        "rt_tgsigqueueinfo": 297, "tkill": 200, "setsid": 112, "setpgid": 109, "prctl": 157, "setpriority": 141,
        "sched_setaffinity": 203, "sched_setscheduler": 144, "sched_setattr": 314, "sched_setparam": 142,
        "ioprio_set": 251, "migrate_pages": 256, "move_pages": 279, "setns": 308, "unshare": 272, "mount": 165,
        "umount2": 166, "pivot_root": 155, "chroot": 161, "open_tree": 428, "move_mount": 429, "fsopen": 430,
        "fsmount": 432, "mount_setattr": 442, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "keyctl": 250,
        "add_key": 248, "request_key": 249, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
        "open_by_handle_at": 304, "shmget": 29, "shmat": 30, "semget": 64, "msgget": 68, "mq_open": 240,
        "init_module": 175, "finit_module": 313, "kexec_load": 246, "kexec_file_load": 320, "personality": 135,
        "chmod": 90, "fchmod": 91, "fchmodat": 268, "fchmodat2": 452, "chown": 92, "fchown": 93, "lchown": 94,
        "fchownat": 260, "utime": 132, "utimes": 235, "futimesat": 261, "utimensat": 280, "truncate": 76,
        "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "setxattrat": 463,
        "removexattr": 197, "lremovexattr": 198, "fremovexattr": 199, "removexattrat": 466,
        "creat": 85, "mknod": 133, "mknodat": 259, "mkdir": 83, "mkdirat": 258, "rmdir": 84, "unlink": 87,
        "unlinkat": 263, "rename": 82, "renameat": 264, "renameat2": 316, "link": 86, "linkat": 265, "symlink": 88,
        "symlinkat": 266, "memfd_create": 319, "inotify_init": 253, "inotify_init1": 294, "fanotify_init": 300,
        "syslog": 103,
    },
    "aarch64": {
        "socket": 198, "connect": 203, "accept": 202, "accept4": 242, "bind": 200, "listen": 201,
        "clone": 220, "clone3": 435, "execve": 221, "execveat": 281,
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "process_madvise": 440, "kcmp": 272,
        "pidfd_open": 434, "pidfd_send_signal": 424, "pidfd_getfd": 438, "rt_sigqueueinfo": 138,
        "rt_tgsigqueueinfo": 240, "tkill": 130, "setsid": 157, "setpgid": 154, "prctl": 167, "setpriority": 140,
        "sched_setaffinity": 122, "sched_setscheduler": 119, "sched_setattr": 274, "sched_setparam": 118,
        "ioprio_set": 30, "migrate_pages": 238, "move_pages": 239, "setns": 268, "unshare": 97, "mount": 40,
        "umount2": 39, "pivot_root": 41, "chroot": 51, "open_tree": 428, "move_mount": 429, "fsopen": 430,
        "fsmount": 432, "mount_setattr": 442, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "keyctl": 219,
        "add_key": 217, "request_key": 218, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
        "open_by_handle_at": 265, "shmget": 194, "shmat": 196, "semget": 190, "msgget": 186, "mq_open": 180,
        "init_module": 105, "finit_module": 273, "kexec_load": 104, "kexec_file_load": 294, "personality": 92,
        "fchmod": 52, "fchmodat": 53, "fchmodat2": 452, "fchown": 55, "fchownat": 54, "utimensat": 88, "truncate": 45,
        "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "setxattrat": 463,
        "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16, "removexattrat": 466,
        "mknodat": 33, "mkdirat": 34, "unlinkat": 35, "renameat": 38, "renameat2": 276, "linkat": 37,
        "symlinkat": 36, "memfd_create": 279, "inotify_init1": 26, "fanotify_init": 262, "syslog": 116,
    },
}  # fmt: skip

#: Allowed only where the first argument is the process itself (or 0, which means it): by machine.
_ONLY_ITSELF = {
    "x86_64": {"kill": 62, "tgkill": 234, "prlimit64": 302},
    "aarch64": {"kill": 129, "tgkill": 131, "prlimit64": 261},
}

#: Allowed but for these second arguments: they have the kernel send signals to another process, or hold up whoever
#: opens a file. fcntl's F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY; ioctl's FIOSETOWN, SIOCSPGRP, TIOCSTI.
_COMMANDS = {"fcntl": (8, 10, 15, 1024, 1026), "ioctl": (0x8901, 0x8902, 0x5412)}
_NUMBERS = {"x86_64": {"fcntl": 72, "ioctl": 16}, "aarch64": {"fcntl": 25, "ioctl": 29}}

# The words of classic BPF: load a word of seccomp_data, compare it, answer.
_LOAD, _EQUAL, _AT_LEAST, _ANSWER = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT, _SECOND_ARGUMENT_AT = 0, 4, 16, 24


def restrict() -> None:
    """Filter this process's system calls from now on, for good. Raises: OSError."""
    machine = kernel.MACHINE
    if machine not in _ARCHITECTURE:
        raise OSError(f"no filter is written for {machine}")
    program = b"".join(_program(machine, os.getpid()))
    held = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a count, padding, a pointer.
    described = ctypes.create_string_buffer(struct.pack("@HxxxxxxQ", len(program) // 8, ctypes.addressof(held)), 16)
    kernel.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(described))


def _program(machine: str, pid: int) -> list[bytes]:
    program = [
        _word(_LOAD, _ARCHITECTURE_AT),
        _word(_EQUAL, _ARCHITECTURE[machine], 1, 0),
        _word(_ANSWER, _KILL),
        _word(_LOAD, _NUMBER_AT),
        _word(_AT_LEAST, _X32, 0, 1),
        _word(_ANSWER, _EPERM),
    ]
    for number in sorted(set(_REFUSED[machine].values())):
        program += [_word(_EQUAL, number, 0, 1), _word(_ANSWER, _EPERM)]
    for number in _ONLY_ITSELF[machine].values():
        program += [
            _word(_EQUAL, number, 0, 5),
            _word(_LOAD, _FIRST_ARGUMENT_AT),
            _word(_EQUAL, pid, 1, 0),
            # prlimit's 0 is the process itself; kill's is its process group, which is its own too.
            _word(_EQUAL, 0, 0, 1),
            _word(_ANSWER, _ALLOW),
            _word(_ANSWER, _EPERM),
        ]
    for name, number in _NUMBERS[machine].items():
        program += _but_for(number, _COMMANDS[name])
    return [*program, _word(_ANSWER, _ALLOW)]


def _but_for(number: int, commands: tuple[int, ...]) -> list[bytes]:
    """A call that is refused where its second argument is one of these."""
    program = [_word(_EQUAL, number, 0, 2 * len(commands) + 2), _word(_LOAD, _SECOND_ARGUMENT_AT)]
    for command in commands:
        program += [_word(_EQUAL, command, 0, 1), _word(_ANSWER, _EPERM)]
    return [*program, _word(_ANSWER, _ALLOW)]


def _word(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
