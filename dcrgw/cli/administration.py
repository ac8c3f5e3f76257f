"""The way from a command to a gateway's administration: a socket file, or mutual TLS."""

from __future__ import annotations

import getpass
import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import click

from dcrgw.cli.options import CONFIG
from dcrgw.edge.socket_paths import reachable

_TIMEOUT_S = 30.0
#: A change that is tried on recorded decisions may take the gate's longest deadline, and a little.
PATIENT_S = 630.0
_LARGEST_ANSWER = 64 * 1024 * 1024


class NoAnswer(click.ClickException):
    """The gateway was not reached, or what came back is no answer of a gateway."""

    exit_code = 3


class Refused(click.ClickException):
    """The gateway said no, and why."""

    def __init__(self, status: int, detail: str, answer: Mapping[str, Any] | None = None) -> None:
        self.status = status
        #: The whole problem, where the gateway told one.
        self.answer = answer or {}
        super().__init__(detail)


class Administration:
    """One gateway's administration, asked one question a connection."""

    def __init__(self, connection: http.client.HTTPConnection, place: str) -> None:
        self._connection, self._place = connection, place

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        if_match: int | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> dict[str, Any]:
        """The JSON object of an answer. Raises: Refused, NoAnswer."""
        self._connection.timeout = timeout_s
        target = path + (f"?{urlencode(query)}" if query else "")
        content = json.dumps(body).encode() if body else None
        headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if content else {})}
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        try:
            self._connection.request(method, target, body=content, headers=headers)
            response = self._connection.getresponse()
            text = response.read(_LARGEST_ANSWER)
        except PermissionError:
            raise Refused(403, f"no permission to open {self._place}: you are {getpass.getuser()}") from None
        except ssl.SSLError as error:
            raise NoAnswer(f"{self._place}: TLS failed: {error.reason or error}") from None
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"no gateway answers at {self._place}: {_words(error)}") from None
        finally:
            self._connection.close()
        return self._object(response.status, text)

    def _object(self, status: int, text: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise NoAnswer(f"{self._place} answered {status} without a JSON object: is it a gateway's administration?")
        if status >= 400:
            raise Refused(status, str(answer.get("detail", f"refused with {status}")), answer)
        return answer


_FILE = click.Path(path_type=Path)

#: Where the gateway is: what `connected` reads.
PLACE_OPTIONS = (
    click.option("--socket", type=_FILE, help="The gateway's socket file; else that of --config."),
    CONFIG,
    click.option("--url", metavar="https://HOST:PORT", help="A gateway elsewhere, by mutual TLS."),
    click.option("--cert", type=_FILE, help="Your certificate for --url, PEM."),
    click.option("--key", type=_FILE, help="Its private key, PEM, unless in the same file."),
    click.option("--ca", type=_FILE, help="CA of the gateway's server, PEM; else the system's."),
)


def connected(given: Mapping[str, Any]) -> Administration:
    """The administration that the options' values name. Raises: ClickException with what is missing."""
    return connect(*(given[name] for name in ("socket", "path", "url", "cert", "key", "ca")))


def connect(
    path: Path | None, config: Path, url: str | None, cert: Path | None, key: Path | None, ca: Path | None
) -> Administration:
    """The administration that the options name. Raises: ClickException with what is missing."""
    if url is not None:
        return Administration(_over_tls(url, cert, key, ca), url)
    if cert or key or ca:
        raise click.UsageError("--cert, --key and --ca go with --url")
    place = path or _configured(config)
    return Administration(_SocketConnection(place), str(place))


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a socket file."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with reachable(self._path) as address:
            self.sock.connect(address)


def _over_tls(url: str, cert: Path | None, key: Path | None, ca: Path | None) -> http.client.HTTPSConnection:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise click.UsageError("--url is https://host:port, with no path")
    if cert is None:
        raise click.UsageError("--url needs --cert, and --key unless it stands in the same file")
    try:
        context = ssl.create_default_context(cafile=ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise click.ClickException(f"the certificate, its key or the CA cannot be used: {_words(error)}") from None
    return http.client.HTTPSConnection(parts.hostname, parts.port or 443, timeout=_TIMEOUT_S, context=context)


def _configured(config: Path) -> Path:
    """The socket of a gateway's own configuration."""
    # Only here: the settings' model takes longer to import than a command with --socket takes to run.
    from dcrgw.config.faults import ConfigurationRefused
    from dcrgw.config.loading import load

    try:
        admin = load(config).admin
    except ConfigurationRefused as refused:
        reason = f"{refused.faults[0].key} {refused.faults[0].reason}" if refused.faults else "it is refused"
        raise click.ClickException(
            f"{config} does not tell the socket ({reason}): give --socket, --url or --config"
        ) from None
    if admin is None or admin.socket is None:
        raise click.ClickException(f"{config} has no admin.socket: set it, or give --socket or --url")
    return admin.socket


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
