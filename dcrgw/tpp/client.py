"""Sends a request over mutual TLS and tells apart an answer from the ways of getting none."""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import aiohttp
from yarl import URL

from dcrgw.core import strict_json
from dcrgw.core.strict_json import JsonValue
from dcrgw.tpp.trouble import SILENT_END, ConnectionTrouble, client_certificate_trouble, refusing_alert

FORM = "application/x-www-form-urlencoded"

MAX_ANSWER_BYTES = 1_048_576
_PROBE_S = 3.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request as it goes out. `secret_headers` prove who we are and are shown nowhere."""

    url: str
    body: bytes = field(default=b"", repr=False)
    media_type: str | None = None
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def open_headers(self) -> dict[str, str]:
        """The headers that anybody may see, those of HTTP itself left aside."""
        described = {"Content-Type": self.media_type} if self.media_type else {}
        return {**described, "Accept": "application/json", **self.headers}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `connected_ms` is the time to the end of the handshake, `total_ms` that to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    connected_ms: float
    total_ms: float
    #: The members of a JSON object body, none for any other body.
    members: Mapping[str, JsonValue] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            members = strict_json.loads_object(self.body)
        except strict_json.JsonRefused:
            members = {}
        object.__setattr__(self, "members", members)


@dataclass(frozen=True, slots=True)
class Line:
    """Connections to a bank, kept open between requests. `shows_certificate` only words the trouble."""

    session: aiohttp.ClientSession
    context: ssl.SSLContext
    shows_certificate: bool
    timeout_s: float

    async def send(self, outgoing: Outgoing) -> Answer:
        """The bank's answer, whatever its status. Raises: ConnectionTrouble when there is no answer."""
        return await _troubled(self, outgoing)


@asynccontextmanager
async def line(context: ssl.SSLContext, *, shows_certificate: bool, timeout_s: float = 30.0) -> AsyncIterator[Line]:
    """A line that hangs up at the end."""
    async with aiohttp.ClientSession(
        # Kept alive, since a session waits at its end only for connections that it still holds.
        connector=aiohttp.TCPConnector(ssl=context),
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        trace_configs=[_timing()],
        trust_env=False,
        # A client that came by a cookie would not be the stranger that the next request is.
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield Line(session, context, shows_certificate, timeout_s)


async def send(
    outgoing: Outgoing, context: ssl.SSLContext, *, shows_certificate: bool, timeout_s: float = 30.0
) -> Answer:
    """The bank's answer to one request on a connection of its own.

    Raises: ConnectionTrouble when there is no answer.
    """
    async with line(context, shows_certificate=shows_certificate, timeout_s=timeout_s) as opened:
        return await opened.send(outgoing)


async def _troubled(line: Line, outgoing: Outgoing) -> Answer:
    timeout_s, context = line.timeout_s, line.context
    try:
        return await _exchange(line.session, outgoing)
    except aiohttp.InvalidURL:
        raise ConnectionTrouble(f"{outgoing.url} is no URL", "Give an absolute https:// URL.") from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise ConnectionTrouble(
            f"the server's certificate is not trusted: {error.certificate_error}",
            "Give the CA of the bank's server as --server-ca, and call it by a name in its certificate.",
        ) from None
    except TimeoutError:
        raise ConnectionTrouble(
            f"no answer within {timeout_s:g} seconds", "Try again later; nothing is known of what became of it."
        ) from None
    except (aiohttp.ClientError, OSError) as error:
        refusal = refusing_alert(error) or await _refused(URL(outgoing.url), context)
        if refusal:
            raise client_certificate_trouble(refusal, shows_certificate=line.shows_certificate) from None
        raise ConnectionTrouble(
            f"the connection failed: {error}", "See that the server runs and speaks TLS at this host and port."
        ) from None


def _timing() -> aiohttp.TraceConfig:
    """Notes when a connection stands, into the dict that comes with a request."""

    async def on_connected(_: object, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx["connected"] = time.perf_counter()

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(on_connected)
    return trace


async def _exchange(session: aiohttp.ClientSession, outgoing: Outgoing) -> Answer:
    began = time.perf_counter()
    noted = {"connected": began}
    async with session.request(
        outgoing.method,
        outgoing.url,
        # aiohttp warns of what large bytes would do to the loop.
        data=io.BytesIO(outgoing.body) if outgoing.body else None,
        headers={**outgoing.open_headers, **outgoing.secret_headers},
        allow_redirects=False,
        trace_request_ctx=noted,
    ) as response:
        body = await response.content.read(MAX_ANSWER_BYTES)
        while len(body) < MAX_ANSWER_BYTES and (more := await response.content.read(MAX_ANSWER_BYTES - len(body))):
            body += more
        ended = time.perf_counter()
        return Answer(
            response.status,
            response.headers.copy(),
            body,
            (noted["connected"] - began) * 1000,
            (ended - began) * 1000,
        )


async def _refused(url: URL, context: ssl.SSLContext) -> str | None:
    return await asyncio.to_thread(_refusal, url, context) if url.scheme == "https" else None


def _refusal(url: URL, context: ssl.SSLContext) -> str | None:
    """The alert with which the server ends a handshake, where the broken connection itself did not show it.

    In TLS 1.3 the server judges our certificate after we think that we are through, and the reset that follows on
    our early data can swallow its alert. A connection on which nothing is sent shows it.
    """
    try:
        plain = socket.create_connection((url.host, url.port), _PROBE_S)
    except OSError:
        return None
    with plain:
        try:
            with context.wrap_socket(plain, server_hostname=url.host) as secured:
                return None if secured.recv(1) else SILENT_END
        except (ConnectionResetError, ssl.SSLEOFError):
            return SILENT_END
        except OSError as error:
            return refusing_alert(error)
