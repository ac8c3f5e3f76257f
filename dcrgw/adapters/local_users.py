"""The users and groups of this machine, by name and by number. A directory service behind them may take its time."""

from __future__ import annotations

import grp
import pwd


def user_name(uid: int) -> str:
    """The user's name; the number where the machine has none for it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def uid_of(name: str) -> int | None:
    """The number of a user, by name or number; None when there is no such user."""
    if name.isdigit():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def gid_of(name: str) -> int | None:
    """The number of a group, by name or number; None when there is no such group."""
    if name.isdigit():
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
