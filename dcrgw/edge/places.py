"""How many connections each address may have open."""

from __future__ import annotations

import ipaddress
from collections import Counter


def network_of(address: str) -> str:
    """What counts as one: an IPv4 address, the /64 that one IPv6 subscriber has, or a user of this machine."""
    if address.startswith("uid "):
        return address
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


class Places:
    """Counts open connections by network."""

    def __init__(self, each: int) -> None:
        #: What each network may have; may change at any time.
        self.each = each
        self._taken: Counter[str] = Counter()

    def take(self, address: str) -> str | None:
        """A place, to be given back once; None when this network has all that it may have."""
        network = network_of(address)
        if self._taken[network] >= self.each:
            return None
        self._taken[network] += 1
        return network

    def give_back(self, place: str) -> None:
        """Free a place."""
        self._taken[place] -= 1
        if not self._taken[place]:
            del self._taken[place]
