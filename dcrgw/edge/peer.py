"""The certificates that the other end sent, as bytes: nobody but core.certificates reads them."""

from __future__ import annotations

import asyncio
import ssl

from aiohttp import web


def peer_chain(request: web.BaseRequest) -> tuple[bytes, ...]:
    """The client's certificates as DER, leaf first, then what else it sent; () when it showed none.

    It is what this connection proved in its handshake, read once; no header can add to it.
    """
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
