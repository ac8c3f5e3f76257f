"""URIs as strings: taken apart by RFC 3986, never resolved, fetched or normalised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address


@dataclass(frozen=True, slots=True)
class Uri:
    """The parts of an absolute URI, as written. `host` keeps its brackets; `fragment` "" is an empty one."""

    scheme: str
    userinfo: str | None
    host: str | None
    port: int | None
    path: str
    query: str | None
    fragment: str | None

    @property
    def host_and_port(self) -> str:
        """`host:port` in lower case, with the port of https where none is written."""
        return f"{(self.host or '').lower()}:{443 if self.port is None else self.port}"


_ALLOWED = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_PARTS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):"
    r"(?://(?:(?P<userinfo>[^/?#@]*)@)?(?P<host>\[[0-9A-Fa-f:.]*\]|[^/?#@:\[\]]*)(?P<port>:[^/?#@\[\]]*)?(?=[/?#]|$))?"
    r"(?P<path>[^?#\[\]]*)(?:\?(?P<query>[^#]*))?(?:\#(?P<fragment>[^#]*))?"
)
_PORT = re.compile(r":[1-9][0-9]{0,4}")
_LABELS = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
#: The last label of a host that a resolver may take for a number: 2130706433, 0x7f.1, 127.1.
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)")


@lru_cache(maxsize=1024)
def parse(text: str) -> Uri | None:
    """The parts of an absolute URI, None for anything that RFC 3986 does not allow or whose host is ambiguous.

    Userinfo and fragments are parsed, for the caller to judge; hosts must be a DNS name in LDH letters, a
    plain dotted IPv4 address or an IPv6 address in brackets; a port is 1 to 65535 and never empty.
    """
    if not _ALLOWED.fullmatch(text):
        return None
    parts = _PARTS.fullmatch(text)
    if parts is None:
        return None
    scheme, userinfo, host, port, path, query, fragment = parts.group(
        "scheme", "userinfo", "host", "port", "path", "query", "fragment"
    )
    if host is None and path.startswith("//"):
        return None
    if host is not None and not _is_host(host):
        return None
    if port is not None and not (_PORT.fullmatch(port) and int(port[1:]) <= 65535):
        return None
    return Uri(scheme.lower(), userinfo, host, int(port[1:]) if port else None, path, query, fragment)


def _is_host(host: str) -> bool:
    if host.startswith("["):
        return _ipv6(host) is not None
    if _NUMERIC.fullmatch(host):
        return _ipv4(host) is not None
    return _LABELS.fullmatch(host) is not None


def _ipv4(host: str) -> IPv4Address | None:
    try:
        return IPv4Address(host)
    except AddressValueError:
        return None


def _ipv6(host: str) -> IPv6Address | None:
    try:
        return IPv6Address(host[1:-1])
    except AddressValueError:
        return None


def is_loopback(host: str) -> bool:
    """The host of a parsed URI is this machine by name or address: localhost, 127/8, ::1, the any-address."""
    if host.startswith("["):
        v6 = _ipv6(host)
        if v6 is None:
            return False
        v4 = v6.ipv4_mapped
        return v6.is_loopback or v6.is_unspecified or (v4 is not None and (v4.is_loopback or v4.is_unspecified))
    address = _ipv4(host)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    name = host.lower()
    return name == "localhost" or name.endswith((".localhost", ".localdomain"))


def https_fault(text: str, *, fragment_allowed: bool = False) -> str | None:
    """Why `text` is not an https URL with a host and without userinfo, None when it is."""
    uri = parse(text)
    if uri is None:
        return "must be an absolute URI in ASCII"
    if uri.scheme != "https" or not uri.host:
        return "must be an https URL"
    if uri.userinfo is not None:
        return "must not hold a user name"
    if uri.fragment is not None and not fragment_allowed:
        return "must not have a fragment"
    return None
