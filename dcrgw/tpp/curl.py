"""The same request as a curl command, so that nothing here is magic."""

from __future__ import annotations

import shlex
from pathlib import Path

from dcrgw.tpp.client import Outgoing
from dcrgw.tpp.credentials import Transport


def command(outgoing: Outgoing, transport: Transport, server_ca: Path | None, body: Path) -> str:
    """A command for a POSIX shell that sends `body` alike; passwords stay behind their references."""
    options = ["--silent --show-error --include", f"--request {outgoing.method}", *_transport(transport)]
    if server_ca is not None:
        options.append(f"--cacert {_quoted(server_ca)}")
    options += [f"--header {_quoted(f'{name}: {value}')}" for name, value in outgoing.all_headers.items()]
    options.append(f"--data-binary {_quoted(f'@{body}')}")
    return " \\\n  ".join(["curl " + options[0], *options[1:], _quoted(outgoing.url)])


def _transport(transport: Transport) -> list[str]:
    options = []
    if transport.pkcs12 is not None:
        options += ["--cert-type P12", f"--cert {_quoted(transport.pkcs12)}"]
    elif transport.certificate is not None:
        options.append(f"--cert {_quoted(transport.certificate)}")
        if transport.key is not None:
            options.append(f"--key {_quoted(transport.key)}")
    if options and transport.password is not None:
        kind, _, name = transport.password.partition(":")
        options.append(f'--pass "${{{name}}}"' if kind == "env" else f'--pass "$(head -n 1 {_quoted(name)})"')
    return options


def _quoted(value: object) -> str:
    return shlex.quote(str(value))
