"""Who is at the other end: its certificates as bytes (nobody but core.certificates reads them), or its user."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

_CREDENTIALS = struct.Struct("3i")
#: SOL_SOCKET option of Linux without a name in Python.
_SO_PEERGROUPS = 59
#: All that Python lets an option have room for: a user in more groups counts as in one only.
_MOST_GROUPS = 256


@dataclass(frozen=True, slots=True)
class PeerUser:
    """The user behind a connection to a socket file, and its groups, as the kernel noted them when it connected."""

    uid: int
    gids: frozenset[int]


class _Socket(Protocol):
    @property
    def family(self) -> int: ...

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes: ...


def peer_user(request: web.BaseRequest) -> PeerUser | None:
    """The user who connected; None on a listener that is no socket file."""
    user: PeerUser | None = getattr(request.protocol, "peer_user", None)
    return user


def user_of(connection: _Socket | None) -> PeerUser | None:
    """The same for a connection that was just made. Where the kernel tells no groups, the user has one only."""
    if connection is None or connection.family != socket.AF_UNIX:
        return None
    _, uid, gid = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    try:
        octets = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * _MOST_GROUPS)
    except OSError:
        octets = b""
    return PeerUser(uid, frozenset({gid, *(group for (group,) in struct.iter_unpack("I", octets))}))


#: Where a listener behind a proxy puts what the proxy passed on (`edge.forwarded`); no other listener ever does.
FORWARDED: web.RequestKey[tuple[bytes, ...]] = web.RequestKey("FORWARDED", tuple)


def peer_chain(request: web.BaseRequest) -> tuple[bytes, ...]:
    """The client's certificates as DER, leaf first, then what else it sent; () when it showed none.

    Behind a proxy they are those of the connection that the proxy has with the client.
    """
    forwarded = request.get(FORWARDED)
    return handshake_chain(request) if forwarded is None else forwarded


def handshake_chain(request: web.BaseRequest) -> tuple[bytes, ...]:
    """What this connection proved in its handshake, read once; no header can add to it."""
    chain: tuple[bytes, ...] = getattr(request.protocol, "peer_chain", ())
    return chain


def chain_of(transport: asyncio.BaseTransport) -> tuple[bytes, ...]:
    """The same for a transport whose handshake has just ended."""
    tls = transport.get_extra_info("ssl_object")
    leaf = tls.getpeercert(binary_form=True) if tls is not None else None
    if leaf is None:
        return ()
    chain = _unverified_chain(tls)
    # A leaf that the chain does not start with would be two identities in one connection.
    return chain if chain[:1] == (leaf,) else (leaf,)


def _unverified_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """All that the peer sent. The verified chain is empty on a resumed session, and core rebuilds the path anyway."""
    if hasattr(tls, "get_unverified_chain"):  # Python 3.13
        return tuple(tls.get_unverified_chain())
    unverified_chain = getattr(getattr(tls, "_sslobj", None), "get_unverified_chain", lambda: ())
    return tuple(ssl.PEM_cert_to_DER_cert(found.public_bytes()) for found in unverified_chain() or ())
