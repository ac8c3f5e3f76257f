"""Secrets by reference: the configuration file says where a secret is, never what it is.

    env:NAME          an environment variable
    file:/path        a file, relative to the configuration file (Docker and Kubernetes secrets)
    credential:NAME   a systemd credential ($CREDENTIALS_DIRECTORY)

A secret is read when it is asked for, so that a rotated file is seen by the next generation.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr

from dcrgw.errors import Misconfigured

MAX_SECRET_BYTES = 64 * 1024
REDACTED = "**********"


class SecretUnresolved(Misconfigured):
    """A secret that cannot be had. Names the reference, the reason and the fix."""

    def __init__(self, reference: str, reason: str, fix: str) -> None:
        self.reason = f"{reference} {reason}"
        self.fix = fix
        super().__init__(f"{self.reason}; {fix}")


class Kind(StrEnum):
    """Where a secret lies."""

    ENV = "env"
    FILE = "file"
    CREDENTIAL = "credential"
    LITERAL = "literal"


@dataclass(frozen=True, slots=True, repr=False)
class SecretReference:
    """Where a secret lies. `place` is a name or path; of a literal it is the secret itself and never shown."""

    kind: Kind
    place: str
    base: Path = field(default=Path(), compare=False)

    @classmethod
    def parse(cls, text: str, base: Path = Path()) -> SecretReference:
        """The reference that `text` spells; what spells none is a literal.

        Raises: ValueError for a reference with an empty or impossible name.
        """
        prefix, colon, place = text.partition(":")
        if not colon or prefix not in (Kind.ENV, Kind.FILE, Kind.CREDENTIAL):
            return cls(Kind.LITERAL, text, base)
        if not _PLACE[Kind(prefix)].fullmatch(place):
            raise ValueError(f"{prefix}: is followed by {_PLACE_IN_WORDS[Kind(prefix)]}")
        return cls(Kind(prefix), place, base)

    @property
    def is_literal(self) -> bool:
        """True when the secret itself stands in the file."""
        return self.kind is Kind.LITERAL

    @property
    def file(self) -> Path | None:
        """The file that holds the secret, where one does."""
        if self.kind is Kind.FILE:
            return self.base / self.place
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        return Path(directory, self.place) if self.kind is Kind.CREDENTIAL and directory else None

    def resolve(self) -> SecretStr:
        """The secret, read now. Raises: SecretUnresolved."""
        match self.kind:
            case Kind.LITERAL:
                secret = self.place
            case Kind.ENV:
                secret = os.environ.get(self.place, "")
                if not secret:
                    raise SecretUnresolved(str(self), "is not set, or empty", "set the environment variable")
            case _:
                secret = self._read()
        return SecretStr(secret)

    def _read(self) -> str:
        path = self.file
        if path is None:
            fix = "run as a systemd service with LoadCredential=, or use file:"
            raise SecretUnresolved(str(self), "needs $CREDENTIALS_DIRECTORY, which is not set", fix)
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise SecretUnresolved(str(self), "is not a file", "name the secret's file")
            with path.open("rb") as file:
                content = file.read(MAX_SECRET_BYTES + 1)
        except OSError as error:
            reason = f"cannot be read ({error.strerror})"
            raise SecretUnresolved(str(self), reason, "mount the secret, or correct the path") from None
        if len(content) > MAX_SECRET_BYTES:
            raise SecretUnresolved(str(self), f"is larger than {MAX_SECRET_BYTES} bytes", "name the secret's file")
        try:
            # Editors and `echo` end a file with a newline; a password never does.
            secret = content.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise SecretUnresolved(str(self), "is not UTF-8 text", "write the secret as text") from None
        if not secret:
            raise SecretUnresolved(str(self), "is empty", "write the secret into it")
        return secret

    def __str__(self) -> str:
        return REDACTED if self.is_literal else f"{self.kind}:{self.place}"

    def __repr__(self) -> str:
        return f"SecretReference({self})"


_PLACE = {
    Kind.ENV: re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    Kind.FILE: re.compile(r"[^\x00]+"),
    Kind.CREDENTIAL: re.compile(r"(?!\.\.?$)[^/\x00]+"),
}
_PLACE_IN_WORDS = {
    Kind.ENV: "the name of an environment variable",
    Kind.FILE: "a path",
    Kind.CREDENTIAL: "the name of a credential, without slashes",
}


def too_open(path: Path) -> str | None:
    """Why others may read a secret file, in words; None when they may not, or the file cannot be looked at.

    A file of our own user is for us alone. One of root's may be readable to our group, as Kubernetes
    (fsGroup) and Debian (ssl-cert) hand keys to a service; PostgreSQL draws the same line.
    """
    if os.name != "posix":
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    lent_by_root = status.st_uid == 0 and os.geteuid() != 0
    allowed_to_others = stat.S_IRGRP if lent_by_root else 0
    if not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO) & ~allowed_to_others:
        return None
    return f"{path} is open to others (mode {stat.S_IMODE(status.st_mode):04o})"
