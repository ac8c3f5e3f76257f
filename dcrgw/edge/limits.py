"""What one listener grants to one connection."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Deadlines in seconds, sizes in bytes. Each deadline ends in a closed connection."""

    #: From accept to a finished TLS handshake.
    handshake_s: float = 10.0
    #: From the connection, or the first byte of a later request, to the end of its headers.
    header_s: float = 10.0
    #: From the end of the headers to the end of the body.
    body_s: float = 20.0
    #: Between two requests; also how long a client may take to read an answer.
    idle_s: float = 75.0
    body_bytes: int = 256 * 1024
    #: Request line and headers together.
    header_bytes: int = 16 * 1024
    #: Of one header field; a proxy passes a whole chain of certificates on in one.
    field_bytes: int = 8190
    #: Open connections of one address (an IPv6 /64 counts as one), handshakes included.
    connections_per_ip: int = 256
