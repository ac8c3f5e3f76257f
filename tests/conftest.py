"""Properties hold however long an example takes: on a busy machine a clock would refuse what is right."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("dcrgw", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dcrgw")
