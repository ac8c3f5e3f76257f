"""`dcrgw keystore`: the bank's key and trust stores as files. (`dcrgw keys` is about our own signature keys.)"""

from __future__ import annotations

import click

from dcrgw.cli.lazy import lazy

_ROOM = "dcrgw.cli.keystore"
COMMANDS = {
    "show": (f"{_ROOM}.show", "show", "Show what a store holds."),
    "check": (f"{_ROOM}.check", "check", "Would a store serve, and for how long?"),
    "import": (f"{_ROOM}.writing", "import_", "Join a certificate with its key in one store."),
    "convert": (f"{_ROOM}.writing", "convert", "Write what a store holds in another form."),
    "create": (f"{_ROOM}.create", "create", "Make a key and a certificate request."),
    "test-directory": (f"{_ROOM}.directory", "test_directory", "Walk the bank's side of the directory."),
}


@click.group(cls=lazy(COMMANDS))
def keystore() -> None:
    """Look at, check, make and convert key and trust stores.

    A password is never given on the command line: it is `env:NAME`, `file:/path`, `credential:NAME`, or asked for on
    a terminal. What holds a key is written whole, with mode 0600, and never over another file without --force. Exit
    status: 0 done, 1 refused, 2 wrong usage.
    """
