"""From the peer's chain to one of a market's anchors."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509


@dataclass(frozen=True, slots=True, eq=False)
class TrustAnchors:
    """Who may vouch for a TPP's certificate. A new value is a new trust generation."""

    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...] = ()
