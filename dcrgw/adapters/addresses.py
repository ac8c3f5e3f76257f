"""Which addresses the gateway connects to: public unicast ones, and what the operator names besides."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network

# ipaddress.is_global alone is not enough: it is True for multicast, and older tables miss the rest of
# 192.0.0.0/24 (a cloud's metadata service lives there), the 6to4 relay anycast, and of course the public
# address behind which one cloud answers its guests' metadata questions.
_NOT_PUBLIC_4 = tuple(IPv4Network(net) for net in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32"))
# IPv6 is judged the other way round: only global unicast is public (RFC 4291 §2.4), less what tunnels to IPv4
# or names no host: Teredo and the other IETF protocol assignments, documentation, 6to4.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
#: RFC 6052: the last 32 bits are the IPv4 address that a NAT64 connects to.
_NAT64 = IPv6Network("64:ff9b::/96")


def is_permitted(address: str, allowed: Iterable[Network] = ()) -> bool:
    """True when `address` (as in a socket address, scope allowed) is public or inside an `allowed` network.

    An IPv4 address dressed as IPv6 (mapped, NAT64) is judged as the IPv4 address that it is.
    """
    try:
        ip = _undressed(ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    if any(ip.version == net.version and ip in net for net in allowed):
        return True
    return _is_public_4(ip) if isinstance(ip, IPv4Address) else _is_public_6(ip)


def _undressed(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(ip, IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip


def _is_public_4(ip: IPv4Address) -> bool:
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not any(ip in net for net in _NOT_PUBLIC_4)


def _is_public_6(ip: IPv6Address) -> bool:
    return ip in _GLOBAL_UNICAST and ip.is_global and not any(ip in net for net in _NOT_PUBLIC_6)
