"""A configuration's faults and warnings on standard error: the same words from every command that reads one."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dcrgw.cli.tables import show_table, tell
from dcrgw.config.faults import ConfigFault


def show_faults(word: str, faults: Sequence[ConfigFault], colour: str) -> None:
    """Each fault on three lines; on a terminal as a table."""
    if faults and sys.stderr.isatty():
        show_table(("Key", "Reason", "Fix"), [(f.key, f.reason, f.fix) for f in faults], colour, is_error=True)
        return
    for fault in faults:
        tell(f"{word}: {fault.key}\n  reason: {fault.reason}\n  fix:    {fault.fix or '-'}", err=True)
