"""Why a fetch failed, in words that hold nothing of what was sent."""

from __future__ import annotations

import ssl
from enum import StrEnum

import aiohttp


class FetchReason(StrEnum):
    """Why a fetch failed: URL and ADDRESS are the URL's own fault, the rest are an outage."""

    URL = "url"
    ADDRESS = "address"
    DNS = "dns"
    CONNECT = "connect"
    PROXY = "proxy"
    TLS = "tls"
    TIMEOUT = "timeout"
    REDIRECT = "redirect"
    ENCODING = "encoding"
    SIZE = "size"
    PROTOCOL = "protocol"


class FetchFailed(Exception):
    """No answer could be had. `detail` is for the operator: it holds no header, query or body."""

    def __init__(self, reason: FetchReason, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


def failure_of(error: Exception, refused: list[str]) -> FetchFailed:
    """What a library's exception means; `refused` are the addresses that were not connected to."""
    if refused:
        return FetchFailed(FetchReason.ADDRESS, f"{', '.join(refused)} is not permitted")
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return FetchFailed(reason, _in_words(error))
    return FetchFailed(FetchReason.PROTOCOL, _in_words(error))


def _in_words(error: Exception) -> str:
    # Never str(error) of aiohttp's own: it may quote the URL with its query, or what the server sent.
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
        return getattr(cause, "verify_message", "") or type(cause).__name__
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


# In this order: aiohttp's timeouts, proxies and certificates are connection failures too.
_REASONS: tuple[tuple[type[Exception], FetchReason], ...] = (
    (TimeoutError, FetchReason.TIMEOUT),
    (aiohttp.ClientHttpProxyError, FetchReason.PROXY),
    (aiohttp.ClientProxyConnectionError, FetchReason.PROXY),
    (aiohttp.ClientConnectorDNSError, FetchReason.DNS),
    (aiohttp.ClientConnectorCertificateError, FetchReason.TLS),
    (aiohttp.ClientSSLError, FetchReason.TLS),
    (ssl.SSLError, FetchReason.TLS),
    (aiohttp.InvalidURL, FetchReason.URL),
    (aiohttp.ClientConnectionError, FetchReason.CONNECT),
    (aiohttp.ClientError, FetchReason.PROTOCOL),
    (OSError, FetchReason.CONNECT),
)
