"""TLS as a bank shows it: 1.3 by default, no resumption, and client certificates from known anchors only."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from dcrgw.errors import Misconfigured

#: For TLS 1.2 only. Level 2 is stated, since OpenSSL's builds differ: no SHA-1, no RSA under 2048 bits.
CIPHERS_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2"

_VERSIONS = {"1.3": ssl.TLSVersion.TLSv1_3, "1.2": ssl.TLSVersion.TLSv1_2}

#: The socket of the handshake that the current task runs, for its farewell alert.
handshake_socket: ContextVar[socket.socket | None] = ContextVar("handshake_socket", default=None)


def server_context(
    install_pair: Callable[[ssl.SSLContext], None],
    *,
    client_anchors: Sequence[x509.Certificate] | None,
    minimum: Literal["1.3", "1.2"] = "1.3",
    leaves_are_anchors: bool = False,
) -> ssl.SSLContext:
    """A listener's context. `install_pair` loads our certificate and key; None for anchors asks for no certificate.

    `leaves_are_anchors` is for self-signed certificates, each of which vouches for itself.
    A new trust generation is a new context: a live one can be given anchors, but none can be taken away.
    Raises: Misconfigured when no anchor is given: an empty trust store would be a listener that nobody can use.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[minimum]
    context.set_ciphers(CIPHERS_1_2)
    context.set_alpn_protocols(["http/1.1"])
    # A resumed session skips the judgement of the client's certificate, and tickets are a third of a handshake's cost.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # Stated, so that a newer Python's defaults (X509_STRICT, PARTIAL_CHAIN) neither cut off nor let in anybody.
    context.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST
    context.sslobject_class = HandshakeObject
    install_pair(context)
    if leaves_are_anchors:
        # Each is found as it is: of two with one subject OpenSSL would else look at one only.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    if client_anchors is not None:
        _demand_certificate(context, client_anchors)
    return context


def _demand_certificate(context: ssl.SSLContext, anchors: Sequence[x509.Certificate]) -> None:
    if not anchors:
        raise Misconfigured("a mutual TLS listener has no trust anchors")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=b"".join(anchor.public_bytes(Encoding.DER) for anchor in set(anchors)))


def rehearse(context: ssl.SSLContext) -> None:
    """Shake hands with ourselves, in memory: proves that the context can serve. Raises: Misconfigured."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Whether others trust the certificate is not ours to say; that key and certificate work together is.
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server)
    # Who asks for this may have come over a connection of ours: no alert of the rehearsal may go there.
    real = handshake_socket.set(None)
    theirs = context.wrap_bio(to_server, to_client, server_side=True)
    handshake_socket.reset(real)
    try:
        finished = False
        for _ in range(_FLIGHTS):
            finished = _steps_on(ours)
            _steps_on(theirs)
    except ssl.SSLError as error:
        # We have no certificate of those that are asked for: to be refused for just that is to pass.
        if error.reason != "PEER_DID_NOT_RETURN_A_CERTIFICATE":
            raise Misconfigured(f"the listener's TLS does not work: {refusal_reason(error)}") from None
        return
    if not finished or context.verify_mode is ssl.CERT_REQUIRED:
        raise Misconfigured("the listener's TLS does not work: its handshake with itself does not end as it should")


def _steps_on(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


#: TLS 1.2 takes two round trips, each end looking once at each.
_FLIGHTS = 4


def refusal_reason(error: BaseException) -> str:
    """Why a handshake failed, in OpenSSL's words where it has some. Holds nothing that the peer chose."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS error").lower().replace("_", " ")
    if isinstance(error, ConnectionAbortedError):
        return "handshake timeout"
    if isinstance(error, OSError):
        return "connection closed during the handshake"
    return f"unreadable handshake ({type(error).__name__})"


class HandshakeObject(ssl.SSLObject):
    """An SSLObject that says goodbye, and that leaves reading certificates to core.certificates."""

    _farewell: Callable[[], None]

    @classmethod
    def _create(cls, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **kwargs: Any) -> HandshakeObject:
        made: HandshakeObject = super()._create(incoming, outgoing, *args, **kwargs)  # type: ignore[misc]  # typeshed hides it
        wire = handshake_socket.get()
        made._farewell = lambda: _send(wire, outgoing)
        return made

    def do_handshake(self) -> None:
        """As the base does, but a refused peer gets OpenSSL's alert. asyncio closes without sending it."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError:
            self._farewell()
            raise

    def getpeercert(self, binary_form: bool = False) -> Any:
        """The DER, or nothing: asyncio asks for the parsed form, but OpenSSL's parser is not the one we judge by."""
        return super().getpeercert(True) if binary_form else {}


def _send(wire: socket.socket | None, outgoing: ssl.MemoryBIO) -> None:
    alert = outgoing.read()
    if wire is None or not alert:
        return
    try:
        wire.send(alert)
    except OSError:
        # Best effort: the peer may be gone, or its window closed.
        return
