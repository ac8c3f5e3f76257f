"""Every certificate that a generation stands on, and how near its end is: our own, and those that we trust."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509

from dcrgw.materials import Materials

#: Days before the end at which somebody is told, each time once.
WARN_DAYS = (30, 7, 1)
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Ending:
    """One certificate and what it is for. `is_shown` says that clients of ours are shown it."""

    certificate: x509.Certificate
    uses: tuple[str, ...]
    is_shown: bool

    @property
    def subject(self) -> str:
        """The subject as text."""
        return self.certificate.subject.rfc4514_string()

    @property
    def ends_at(self) -> float:
        """Epoch seconds."""
        return self.certificate.not_valid_after_utc.timestamp()

    def step(self, at: float) -> int | None:
        """The least of the warnings that is due, in days: 30, 7, 1, or 0 when it is over; None when none is."""
        left_s = self.ends_at - at
        if left_s < 0:
            return 0
        return min((days for days in WARN_DAYS if left_s <= days * _DAY_S), default=None)

    def told(self, at: float) -> str:
        """In words, with the days that are left."""
        ends = self.certificate.not_valid_after_utc.isoformat(timespec="minutes")
        days = math.floor((self.ends_at - at) / _DAY_S)
        when = f"expired on {ends}" if self.ends_at < at else f"expires on {ends}, in {days} day{'s'[: days != 1]}"
        return f"{', '.join(self.uses)}: {self.subject} {when}"


def endings(materials: Materials) -> tuple[Ending, ...]:
    """Every certificate once, with all that it is for, nearest end first."""
    uses: dict[x509.Certificate, dict[str, bool]] = {}
    for certificate, use, is_shown in _all(materials):
        uses.setdefault(certificate, {})[use] = is_shown
    found = [Ending(certificate, tuple(named), any(named.values())) for certificate, named in uses.items()]
    return tuple(sorted(found, key=lambda ending: ending.ends_at))


def _all(materials: Materials) -> Iterator[tuple[x509.Certificate, str, bool]]:
    for name, pair in materials.pairs:
        is_shown = name.endswith("listener")
        yield pair.certificate, name, is_shown
        yield from ((each, f"chain of {name}", is_shown) for each in pair.chain)
    if materials.signing_certificate is not None:
        yield materials.signing_certificate, "our signing key", False
    for market in materials.markets.values():
        yield from ((each, f"trust of market {market.name}", False) for each in market.anchors.certificates)
    for name, directory in materials.directories.items():
        if directory.signing_certificate is not None:
            yield directory.signing_certificate, f"signing key for {name}", False
        trusted = (*(directory.trust or ()), *(directory.software_trust or ()))
        yield from ((each, f"trust of directory {name}", False) for each in trusted)
    if materials.proxied is not None and materials.proxied.anchors is not None:
        yield from ((each, "trust of proxies", False) for each in materials.proxied.anchors.certificates)
    if materials.self_signed is not None:
        yield from ((each, "self-signed certificate of a TPP", False) for each in materials.self_signed.certificates)
    if materials.admin is not None and materials.admin.tls is not None:
        yield from ((each, "trust of administrators", False) for each in materials.admin.tls.anchors.certificates)
