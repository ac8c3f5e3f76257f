"""Recording costs no answer anything, and says what it could not keep."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from compliance_builders import a_closed_decision

from dcrgw.compliance import recorder as recording
from dcrgw.compliance.keeping import worth_of
from dcrgw.compliance.recorder import Recorder, Told
from dcrgw.core.checks import Report
from dcrgw.errors import Unavailable
from dcrgw.ports.decisions import DecisionLine, Worth


class Shelf:
    """A store that keeps, hangs or fails as told."""

    documents = size = 0

    def __init__(self) -> None:
        self.kept: list[tuple[DecisionLine, bytes]] = []
        self.open, self.failure = threading.Event(), None
        self.open.set()
        self.entered = threading.Event()

    def add(self, entries: list[tuple[DecisionLine, bytes]], now: float) -> None:
        """Keep, when the disk lets us."""
        self.entered.set()
        self.open.wait(20)
        if self.failure is not None:
            raise self.failure
        self.kept += entries
        self.documents = len(self.kept)


@pytest.fixture
def told() -> list[Told]:
    """What a recorder said of itself."""
    return []


def started(shelf: Shelf, told: list[Told], room: int = 4) -> Recorder:
    """A recorder at work."""
    recorder = Recorder(shelf, room=room, on_change=told.append)
    recorder.start()
    return recorder


def test_strangers_take_half_of_the_queue_at_most(told: list[Told]) -> None:
    shelf = Shelf()
    recorder, known = started(shelf, told, room=4), a_closed_decision()
    stranger = replace(known, report=Report("report-s", "", "authorize", "uk", 0.0))
    shelf.open.clear()
    recorder.put(known)
    assert shelf.entered.wait(20)
    for _ in range(10):
        recorder.put(stranger)
    recorder.put(known)
    recorder.put(known)
    assert recorder.state().lost == (("queue_full", 8),)
    shelf.open.set()
    recorder.stop()
    assert [line.worth for line, _ in shelf.kept] == [Worth.CHANGE, *[Worth.STRANGER] * 2, *[Worth.CHANGE] * 2]


def test_what_is_queued_is_kept_before_the_stop(told: list[Told]) -> None:
    shelf = Shelf()
    recorder, closed = started(shelf, told), a_closed_decision()
    recorder.put(closed)
    recorder.put(closed)
    recorder.stop()
    assert [line.report_id for line, _ in shelf.kept] == [closed.report.report_id] * 2
    assert told == []
    assert recorder.state().kept == 2


def test_a_hanging_store_delays_nobody_and_what_finds_no_room_is_counted(told: list[Told]) -> None:
    shelf = Shelf()
    shelf.open.clear()
    recorder, closed = started(shelf, told), a_closed_decision()
    recorder.put(closed)
    assert shelf.entered.wait(10)
    for _ in range(10):  # the thread hangs in the store: four find room, and nobody waits
        recorder.put(closed)
    assert recorder.state().lost == (("queue_full", 6),)
    assert told[0].lost == {"queue_full": 1}
    shelf.open.set()
    recorder.stop()
    assert len(shelf.kept) == 5


def test_a_stop_waits_for_a_hanging_store_no_longer_than_it_may(
    told: list[Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "STOP_S", 0.2)
    shelf = Shelf()
    shelf.open.clear()
    recorder = started(shelf, told)
    recorder.put(a_closed_decision())
    assert shelf.entered.wait(10)
    recorder.stop()
    assert shelf.kept == []
    shelf.open.set()


def test_a_failing_store_is_told_once_and_its_recovery_too(told: list[Told]) -> None:
    shelf = Shelf()
    shelf.failure = Unavailable("record", "disk full")
    recorder, closed = started(shelf, told, room=1), a_closed_decision()
    recorder.put(closed)
    recorder.stop()
    assert told[-1].trouble.endswith("disk full")
    assert recorder.state().lost == (("failed", 1),)
    shelf.failure = None
    again = Recorder(shelf, room=1, on_change=told.append)
    again._trouble = "disk full"
    again.start()
    again.put(closed)
    again.stop()
    assert told[-1].trouble == ""


def test_a_private_key_is_not_kept_and_counted(told: list[Told]) -> None:
    shelf = Shelf()
    recorder, closed = started(shelf, told), a_closed_decision()
    body = b'{"jwks": {"keys": [{"kty": "RSA", "d": "canary-canary-canary"}]}}'
    secret = replace(closed.evidence, arrival=replace(closed.evidence.arrival, body=body))
    recorder.put(replace(closed, evidence=secret))
    recorder.stop()
    assert shelf.kept == []
    assert recorder.state().lost == (("private_key", 1),)


def test_what_is_longer_than_a_bundle_may_be_is_not_kept_and_counted(
    told: list[Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MAX_BYTES", 100)
    shelf = Shelf()
    recorder = started(shelf, told)
    recorder.put(a_closed_decision())
    recorder.stop()
    assert recorder.state().lost == (("too_big", 1),)


@pytest.mark.parametrize(
    ("decision", "facts", "worth"),
    [
        ("registered", {"subject": "CN=tpp"}, Worth.CHANGE),
        ("approved", {}, Worth.CHANGE),
        ("issued", {"subject": "CN=tpp"}, Worth.CALLER),
        ("refused", {"subject": "CN=tpp"}, Worth.CALLER),
        # Everybody may send a browser to /authorize, and name a client there.
        ("asked", {"client_id": "client-1"}, Worth.STRANGER),
        ("refused", {}, Worth.STRANGER),
    ],
)
def test_a_decision_is_worth_what_came_of_it_and_who_was_proven(
    decision: str, facts: dict[str, str], worth: Worth
) -> None:
    assert worth_of(decision, facts) is worth
