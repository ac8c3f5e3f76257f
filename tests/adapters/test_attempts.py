"""Guessing a password is slow; being guessed at locks nobody out."""

from __future__ import annotations

from dcrgw.adapters.attempts import AttemptLimits, Attempts

LIMITS = AttemptLimits(of_account=3, of_network=5, window_s=60)


def test_an_account_may_be_tried_so_often_from_one_network() -> None:
    attempts = Attempts(LIMITS)
    assert [attempts.take("mia", "192.0.2.1", 0) for _ in range(4)] == [0, 0, 0, 60]
    assert attempts.take("mia", "192.0.2.1", 59) == 1


def test_its_owner_elsewhere_is_not_locked_out() -> None:
    attempts = Attempts(LIMITS)
    for _ in range(4):
        attempts.take("mia", "192.0.2.1", 0)
    assert attempts.take("mia", "198.51.100.1", 0) == 0


def test_the_window_ends() -> None:
    attempts = Attempts(LIMITS)
    for _ in range(4):
        attempts.take("mia", "192.0.2.1", 0)
    assert attempts.take("mia", "192.0.2.1", 60) == 0


def test_one_network_may_not_try_every_account() -> None:
    attempts = Attempts(LIMITS)
    assert [attempts.take(f"customer {i}", "192.0.2.1", 0) > 0 for i in range(6)] == [False] * 5 + [True]


def test_a_refused_attempt_is_not_counted_for_the_network() -> None:
    attempts = Attempts(LIMITS)
    for _ in range(20):
        attempts.take("mia", "192.0.2.1", 0)
    assert attempts.take("joao", "192.0.2.1", 0) == 0


def test_who_comes_in_begins_anew() -> None:
    attempts = Attempts(LIMITS)
    for _ in range(10):
        assert attempts.take("mia", "192.0.2.1", 0) == 0
        attempts.forgive("mia", "192.0.2.1")


def test_coming_in_oneself_forgives_no_guesses_at_others() -> None:
    attempts = Attempts(LIMITS)
    for i in range(4):
        attempts.take(f"victim {i}", "192.0.2.1", 0)
    attempts.take("mallory", "192.0.2.1", 0)
    attempts.forgive("mallory", "192.0.2.1")
    assert attempts.take("victim 8", "192.0.2.1", 0) == 0
    assert attempts.take("victim 9", "192.0.2.1", 0) > 0


def test_memory_is_bounded() -> None:
    attempts = Attempts(LIMITS, most=10)
    for i in range(100):
        attempts.take("mia", f"192.0.2.{i}", 0)
    assert len(attempts._counts) <= 10


def test_a_network_that_is_refused_makes_no_others_counts_forgotten() -> None:
    attempts = Attempts(LIMITS, most=20)
    for _ in range(4):
        attempts.take("mia", "192.0.2.1", 0)
    for i in range(100):
        attempts.take(f"nobody {i}", "198.51.100.1", 0)
    assert attempts.take("mia", "192.0.2.1", 0) > 0
