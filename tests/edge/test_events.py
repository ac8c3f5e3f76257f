from __future__ import annotations

from dcrgw.edge.events import Throttle


def test_flood_is_told_of_and_other_events_still_come_through():
    seen, now = [], [100.0]
    throttle = Throttle(lambda event, /, **fields: seen.append((event, fields)), per_second=2, monotonic=lambda: now[0])
    for number in range(5):
        throttle("handshake_refused", number=number)
    throttle("accept_failed")
    assert seen == [("handshake_refused", {"number": 0}), ("handshake_refused", {"number": 1}), ("accept_failed", {})]
    now[0] = 101.0
    throttle("handshake_refused", number=5)
    throttle("handshake_refused", number=6)
    assert seen[3:] == [
        ("handshake_refused", {"number": 5, "kept_back": 3}),
        ("handshake_refused", {"number": 6}),
    ]
