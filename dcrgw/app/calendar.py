"""Tells in time when certificates end: one event at 30, 7 and 1 days before, one when they are over, and /readyz."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256

from dcrgw.edge.events import Sink, log_event
from dcrgw.edge.health import Health
from dcrgw.materials import Materials
from dcrgw.materials.expiry import WARN_DAYS, endings
from dcrgw.ports.clock import Clock

COMPONENT = "certificates"
#: How often to look; also the first moment at which a certificate that ran out makes us not ready.
LOOK_S = 600.0


class Calendar:
    """Looks at a generation's certificates when asked; each warning is one event in the life of a process."""

    def __init__(self, clock: Clock, health: Health, on_event: Sink = log_event) -> None:
        self._clock, self._health, self._on_event = clock, health, on_event
        self._told: set[tuple[bytes, int]] = set()
        self._due_at = 0.0

    def look(self, materials: Materials, *, anew: bool = False) -> None:
        """Tell what is near its end. Nothing when the last look was a moment ago, unless `anew`: others are served."""
        at = self._clock.now()
        if at < self._due_at and not anew:
            return
        self._due_at = at + LOOK_S
        near = [(ending, step) for ending in endings(materials) if (step := ending.step(at)) is not None]
        for ending, step in near:
            mark = ending.certificate.fingerprint(SHA256()), step
            if mark not in self._told:
                self._told.add(mark)
                event = "certificate_expires" if step else "certificate_expired"
                fields = {"subject": ending.subject, "uses": ending.uses, "within_days": step}
                self._on_event(event, not_after=ending.certificate.not_valid_after_utc.isoformat(), **fields)
        # Without a valid certificate no TPP's handshake ends well; what we trust or show elsewhere costs less than all.
        over = any(step == 0 and ending.is_shown for ending, step in near)
        reason = f"{len(near)} end within {WARN_DAYS[0]} days or are over" if near else ""
        self._health.set(COMPONENT, not over, reason, [ending.told(at) for ending, _ in near])
