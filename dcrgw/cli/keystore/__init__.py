"""`dcrgw keystore`: the bank's key and trust stores as files. (`dcrgw keys` is about our own signature keys.)"""

from __future__ import annotations

import click

from dcrgw.cli.keystore.check import check
from dcrgw.cli.keystore.create import create
from dcrgw.cli.keystore.directory import test_directory
from dcrgw.cli.keystore.show import show
from dcrgw.cli.keystore.writing import convert, import_


@click.group()
def keystore() -> None:
    """Look at, check, make and convert key and trust stores.

    A password is never given on the command line: it is `env:NAME`, `file:/path`, `credential:NAME`, or asked for on
    a terminal. What holds a key is written whole, with mode 0600, and never over another file without --force. Exit
    status: 0 done, 1 refused, 2 wrong usage.
    """


for command in (show, check, import_, convert, create, test_directory):
    keystore.add_command(command)
