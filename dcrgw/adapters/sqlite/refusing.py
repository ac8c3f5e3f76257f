"""A change that was not stored."""

from __future__ import annotations

from dcrgw.adapters.sqlite.rows import Row
from dcrgw.ports.registry import CommitVerdict


class Refused(Exception):
    """The change was not stored, and why.

    `client` is the row of the earlier registration when it repeats one, `kind` that of a jti that was used before.
    """

    def __init__(self, verdict: CommitVerdict, client: Row | None = None, kind: str = "") -> None:
        self.verdict = verdict
        self.client = client
        self.kind = kind
        super().__init__(verdict.value)
