from typing import Any

import pytest

from dcrgw.adapters.breaker import Breaker


@pytest.fixture
def breaker(time: Any) -> Breaker:
    return Breaker(clock=time, tolerated=3, first_pause_s=5, longest_pause_s=60)


def failed(breaker: Breaker, times: int = 1, **more: Any) -> None:
    for _ in range(times):
        assert breaker.admit() == 0
        breaker.failed("why", **more)


def test_opens_after_the_tolerated_failures(breaker: Breaker) -> None:
    failed(breaker, 2)
    assert not breaker.is_open
    failed(breaker)
    assert breaker.is_open
    assert breaker.admit() == 5


def test_success_between_failures_starts_the_count_again(breaker: Breaker) -> None:
    failed(breaker, 2)
    breaker.succeeded()
    failed(breaker, 2)
    assert not breaker.is_open


def test_one_probe_goes_when_the_pause_is_over_and_the_rest_wait(breaker: Breaker, time: Any) -> None:
    failed(breaker, 3)
    time.at += 5
    assert breaker.admit() == 0
    assert breaker.admit() > 0
    breaker.succeeded()
    assert breaker.admit() == 0
    assert breaker.admit() == 0
    assert breaker.last_error is None


def test_pause_doubles_with_each_failed_probe_up_to_the_longest(breaker: Breaker, time: Any) -> None:
    failed(breaker, 3)
    pauses = []
    for _ in range(6):
        pauses.append(breaker.admit())
        time.at += pauses[-1]
        failed(breaker)
    assert pauses == [5, 10, 20, 40, 60, 60]


def test_many_failures_at_once_are_one_outage(breaker: Breaker) -> None:
    for _ in range(100):
        assert breaker.admit() == 0
    for _ in range(100):
        breaker.failed("why")
    assert breaker.admit() == 5


def test_probe_that_was_abandoned_lets_another_go(breaker: Breaker, time: Any) -> None:
    failed(breaker, 3)
    time.at += 5
    assert breaker.admit() == 0
    breaker.abandoned()
    assert breaker.admit() == 0


def test_pause_that_the_endpoint_names_is_honoured_up_to_the_longest(breaker: Breaker, time: Any) -> None:
    failed(breaker, retry_after_s=30)
    assert breaker.admit() == 30
    time.at += 30
    failed(breaker, retry_after_s=86_400)
    assert breaker.admit() == 60


def test_failure_that_cannot_heal_opens_at_once(breaker: Breaker) -> None:
    failed(breaker, at_once=True)
    assert breaker.admit() == 5
