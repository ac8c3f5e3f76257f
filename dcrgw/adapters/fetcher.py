"""The one guarded way out: every URL that the gateway asks, trusted or named by a TPP, is fetched here.

What it holds to, whoever named the URL: https only, a `host:port` from the allow-list, a connected address that
is permitted (checked at the socket, so literals, private names and DNS rebinding meet the same rule), no
redirect, no environment proxy, no cookie, no compression, one deadline over everything, and caps on the header
and body of the answer.

A `Fetcher` is one trust domain. Its TLS context may carry the bank's transport certificate, so a directory and
the hosts of TPPs' software never share one.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from dcrgw.adapters.addresses import Network, is_permitted
from dcrgw.adapters.bounded import whole_body
from dcrgw.adapters.fetch_failures import FetchFailed, FetchReason, failure_of
from dcrgw.adapters.locations import LocationRefused, locate
from dcrgw.adapters.resolver import BoundedResolver
from dcrgw.core.checks import gate
from dcrgw.errors import ErrorCode, Misconfigured

__all__ = ["ADDRESS_GATE", "URL_GATE", "FetchFailed", "FetchLimits", "FetchReason", "Fetched", "Fetcher"]

URL_GATE = gate(
    "fetch.url",
    "A URL that a TPP names for us to fetch is https, without user, fragment or odd host, on a host allowed for it.",
    spec="OB UK directory, software_jwks_endpoint; RFC 7591 §5",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
ADDRESS_GATE = gate(
    "fetch.address",
    "The address that a TPP's URL leads to is permitted.",
    spec="RFC 7591 §5; RFC 6890",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)

_HEADER_BYTES = 8190
_HEADERS = 64
_CONNECTIONS = 64
_CONNECTIONS_PER_HOST = 16


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """`total_s` covers name look-up, connection, TLS and body together. `allowed_networks` are beyond public ones."""

    total_s: float = 5.0
    max_bytes: int = 262_144
    allowed_networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """One whole answer. `content_type` is lower case without parameters, `max_age_s` None when nothing was said."""

    status: int
    content_type: str
    body: bytes = field(repr=False)
    max_age_s: int | None = None
    etag: str | None = None
    retry_after: str | None = None


class Fetcher:
    """Fetches within the limits. Close it when its generation of configuration ends.

    `plain_http` takes http URLs too: for what is signed and public, such as revocation lists (RFC 5280 §8).
    With a `proxy` the gateway connects to it alone, by the operator's word; then names are resolved there and only
    the allow-list and the check of literal addresses hold here.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext,
        limits: FetchLimits,
        proxy: str | None = None,
        resolver: AbstractResolver | None = None,
        plain_http: bool = False,
    ) -> None:
        if not ssl_context.check_hostname or ssl_context.verify_mode is not ssl.CERT_REQUIRED:
            raise Misconfigured("an outgoing TLS context must verify the server's certificate and its name")
        # An https proxy would be offered this trust domain's certificate.
        if proxy is not None and not proxy.startswith("http://"):
            raise Misconfigured("an outgoing proxy is given as http://host:port")
        self._ssl = ssl_context
        self._limits = limits
        self._proxy = proxy
        self._plain_http = plain_http
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def get(self, url: str, *, hosts: frozenset[str] | None, headers: Mapping[str, str] | None = None) -> Fetched:
        """The answer to a GET, whatever its status (but a redirect is a failure).

        `hosts` are the allowed `host` (port 443) or `host:port`; None only for a URL of the operator's own.
        Raises: FetchFailed.
        """
        return await self._fetch("GET", url, hosts, headers or {}, None)

    async def post_form(
        self,
        url: str,
        form: Mapping[str, str],
        *,
        hosts: frozenset[str] | None,
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """The same for a POST of a form."""
        said = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return await self._fetch("POST", url, hosts, said, urlencode(form).encode("ascii"))

    async def post(self, url: str, body: bytes, *, hosts: frozenset[str] | None, headers: Mapping[str, str]) -> Fetched:
        """The same for a POST of any bytes; `headers` name their type."""
        return await self._fetch("POST", url, hosts, headers, body)

    async def close(self) -> None:
        """Close every connection. Fetches under way fail, and so do later ones."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _fetch(
        self, method: str, url: str, hosts: frozenset[str] | None, headers: Mapping[str, str], body: bytes | None
    ) -> Fetched:
        target = self._target(url, hosts)
        refused: list[str] = []
        _refused_addresses.set(refused)
        try:
            async with asyncio.timeout(self._limits.total_s):
                return await self._exchange(method, target, headers, body)
        except FetchFailed:
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            failure = failure_of(error, refused)
        # Raised outside the handler: aiohttp's exceptions hold the request's headers, and ours must not lead there.
        raise failure

    def _target(self, url: str, hosts: frozenset[str] | None) -> URL:
        try:
            location = locate(url, plain=self._plain_http)
        except LocationRefused as refusal:
            raise FetchFailed(FetchReason.URL, str(refusal)) from None
        if hosts is not None and not location.is_among(hosts):
            raise FetchFailed(FetchReason.URL, f"{location.host}:{location.port} is not an allowed host")
        if location.is_address and not is_permitted(location.host, self._limits.allowed_networks):
            raise FetchFailed(FetchReason.ADDRESS, f"{location.host} is not permitted")
        # encoded=True: what was signed or configured is what is asked, byte for byte.
        return URL(url, encoded=True)

    async def _exchange(self, method: str, target: URL, headers: Mapping[str, str], body: bytes | None) -> Fetched:
        said = {"Accept-Encoding": "identity", "Accept": "application/json", "User-Agent": "dcrgw", **headers}
        answer = await self._open().request(
            method, target, headers=said, data=body, allow_redirects=False, proxy=self._proxy
        )
        # Anything but a whole answer closes the connection: what else is in it is not worth reading.
        try:
            fetched = await self._read(answer)
        except BaseException:
            answer.close()
            raise
        answer.release()
        return fetched

    async def _read(self, answer: aiohttp.ClientResponse) -> Fetched:
        said = answer.headers
        if 300 <= answer.status < 400 and answer.status != 304:
            raise FetchFailed(FetchReason.REDIRECT, f"answered {answer.status}")
        if said.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise FetchFailed(FetchReason.ENCODING, "the answer is compressed although identity was asked")
        body = await whole_body(answer, self._limits.max_bytes)
        return Fetched(
            answer.status,
            said.get("Content-Type", "").partition(";")[0].strip().lower(),
            body,
            max_age_s(said.get("Cache-Control", "")),
            _etag(said.get("ETag", "")),
            said.get("Retry-After"),
        )

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise FetchFailed(FetchReason.CONNECT, "the fetcher was closed")
        # Made at the first fetch, since a connector belongs to the running loop.
        if self._session is None:
            connector = aiohttp.TCPConnector(
                ssl=self._ssl,
                resolver=self._resolver or BoundedResolver(),
                limit=_CONNECTIONS,
                limit_per_host=_CONNECTIONS_PER_HOST,
                socket_factory=self._socket,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
                max_headers=_HEADERS,
            )
        return self._session

    def _socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Every socket is made here, after the name was resolved: what is checked is what is connected to."""
        family, kind, protocol, _, sockaddr = info
        if self._proxy is None and not is_permitted(sockaddr[0], self._limits.allowed_networks):
            _refused_addresses.get().append(sockaddr[0])
            raise OSError("the address is not permitted")
        return socket.socket(family, kind, protocol)


#: The addresses that this fetch was refused: aiohttp folds several failed attempts into one, so they are kept aside.
_refused_addresses: ContextVar[list[str]] = ContextVar("refused_addresses")


def _etag(said: str) -> str | None:
    # It is sent back one day, so only what RFC 9110 §8.8.3 allows is kept.
    return said if _ETAG.fullmatch(said) else None


_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,128}"')


def max_age_s(cache_control: str) -> int | None:
    """The seconds that a Cache-Control allows (RFC 9111 §5.2.2): 0 for no-store and no-cache, None if unsaid."""
    found: int | None = None
    for part in cache_control.lower().split(","):
        name, _, value = part.strip().partition("=")
        if name in ("no-store", "no-cache"):
            return 0
        value = value.strip('"')
        if name == "max-age" and value.isascii() and value.isdigit():
            # A number beyond any use is as good as the largest (§1.2.2).
            found = min(int(value[:12]), 2**31)
    return found
