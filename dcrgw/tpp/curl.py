"""The same request as a curl command, so that nothing here is magic."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from dcrgw.tpp.client import Outgoing
from dcrgw.tpp.credentials import Transport


@dataclass(frozen=True, slots=True)
class Left:
    """Files that lie ready for curl: the body of a request, and the headers that prove who sends it, one a line."""

    body: Path | None = None
    headers: Path | None = None


def command(outgoing: Outgoing, transport: Transport, server_ca: Path | None, left: Left) -> str:
    """A command for a POSIX shell that sends the same; passwords stay behind their references, secrets in files."""
    options = ["--silent --show-error --include", f"--request {outgoing.method}", *_transport(transport)]
    if server_ca is not None:
        options.append(f"--cacert {_quoted(server_ca)}")
    options += [f"--header {_quoted(f'{name}: {value}')}" for name, value in outgoing.open_headers.items()]
    if left.headers is not None:
        options.append(f"--header {_quoted(f'@{left.headers}')}")
    if left.body is not None:
        options.append(f"--data-binary {_quoted(f'@{left.body}')}")
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
