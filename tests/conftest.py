"""What holds for all tests, on however busy a machine.

Properties hold however long an example takes: a clock would refuse what is right. Their examples are the same in every
run, so that a change fails for what it changes; `--hypothesis-profile=seeking` looks for new ones.

Each process of tests has ports of its own to choose from: between the choice of one and listening on it there is time
for another process to take it.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from dcrgw.sandbox import serving

settings.register_profile("seeking", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dcrgw", settings.get_profile("seeking"), derandomize=True)
settings.load_profile("dcrgw")

_PROCESSES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
serving.ports_to_choose_from = serving.ports_to_choose_from[_NUMBER % _PROCESSES :: _PROCESSES]
