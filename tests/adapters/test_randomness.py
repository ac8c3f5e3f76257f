from __future__ import annotations

import os
import re
import time
import uuid

from dcrgw.adapters.clock import SystemClock
from dcrgw.adapters.randomness import SystemRandomness


def test_identifiers_fit_their_grammar_and_differ() -> None:
    randomness = SystemRandomness()
    client_ids = {randomness.client_id() for _ in range(100)}
    secrets = {randomness.client_secret() for _ in range(100)}
    assert len(client_ids) == len(secrets) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9-]{22,36}", value) for value in client_ids)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22,36}", value) for value in secrets)


def test_a_forked_child_makes_other_identifiers() -> None:
    randomness = SystemRandomness()
    randomness.client_id()
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, randomness.client_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 100).decode() != randomness.client_id()
    os.close(reading)
    os.close(writing)


def test_report_id_is_a_random_uuid() -> None:
    assert uuid.UUID(SystemRandomness().report_id()).version == 4


def test_clock_tells_epoch_seconds() -> None:
    before = time.time()
    assert before <= SystemClock().now() <= time.time()
