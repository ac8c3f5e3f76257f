"""The URLs that we are willing to ask: an absolute https URL (http where the caller says so), by one strict grammar.

Two parsers that differ on what the host is are how allow-lists are walked around. So nothing is repaired here:
a URL that this grammar does not read is refused, and the URL's own text is what is asked later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from dcrgw.core.market import ANY_HOST

_MOST = 2048
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?"
    # RFC 3986 pchar, / and ?; no fragment, and so neither backslash, space, quote nor control character.
    r"(?:[/?](?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
)
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
#: inet_aton reads these as addresses: 2130706433, 0x7f000001, 127.1, 0177.0.0.1.
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


class LocationRefused(ValueError):
    """The URL is none that we ask. The message never echoes it."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a URL leads: `host` in lower case (an IPv6 address without brackets), `port` always given."""

    host: str
    port: int
    is_address: bool

    def is_among(self, hosts: frozenset[str]) -> bool:
        """True when `hosts` names this host and port, or `*`; an entry without a port means 443."""
        if ANY_HOST in hosts:
            return True
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" in hosts or (self.port == 443 and host in hosts)


def locate(url: str, *, plain: bool = False) -> Location:
    """Where an absolute https URL leads; `plain` takes http too. Raises: LocationRefused."""
    if len(url) > _MOST:
        raise LocationRefused(f"longer than {_MOST} characters")
    match = _URL.fullmatch(url)
    if match is None or (match["scheme"] == "http" and not plain):
        raise LocationRefused("not a plain https URL")
    port = int(match["port"] or (80 if match["scheme"] == "http" else 443))
    if not 1 <= port <= 65535:
        raise LocationRefused("no such port")
    host = match["host"].lower()
    if host.startswith("["):
        return Location(_ipv6(host[1:-1]), port, True)
    labels = host.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        return Location(_ipv4(host), port, True)
    # An empty last label, the trailing dot of `localhost.`, is refused with the rest.
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise LocationRefused("not a host name")
    return Location(host, port, False)


def _ipv4(host: str) -> str:
    try:
        return str(IPv4Address(host))
    except ValueError:
        raise LocationRefused("not a canonical IPv4 address") from None


def _ipv6(host: str) -> str:
    try:
        return str(IPv6Address(host))
    except ValueError:
        raise LocationRefused("not an IPv6 address") from None
