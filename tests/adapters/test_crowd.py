"""Too many wait: who must go, and who is served."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.adapters.crowd import Crowd


def test_flood_from_one_network_ends_itself() -> None:
    crowd = Crowd(most=10)
    assert crowd.enter("honest", "192.0.2.1", 600, 0) == ()
    ended = [crowd.enter(f"flood-{i}", "198.51.100.7", 600, 0) for i in range(100)]
    assert [each for batch in ended for each in batch] == [f"flood-{i}" for i in range(91)]
    assert crowd.enter("late and honest", "192.0.2.2", 600, 0) == ("flood-91",)


def test_oldest_makes_room_where_all_come_from_one_network() -> None:
    crowd = Crowd(most=2)
    assert [crowd.enter(name, "proxy", 600, 0) for name in "abc"] == [(), (), ("a",)]


def test_who_signed_in_or_waited_too_long_takes_no_place() -> None:
    crowd = Crowd(most=2)
    crowd.enter("a", "n", 600, 0)
    crowd.enter("b", "n", 600, 0)
    crowd.leave("a")
    assert crowd.enter("c", "n", 700, 0) == ()
    assert crowd.enter("d", "n", 1200, 600) == ()
    crowd.leave("nobody")


def test_who_comes_again_from_elsewhere_waits_once() -> None:
    crowd = Crowd(most=2)
    crowd.enter("a", "n", 600, 0)
    crowd.enter("a", "m", 600, 0)
    assert crowd.enter("b", "n", 600, 0) == ()
    crowd.leave("a")
    assert crowd.enter("c", "n", 600, 0) == ()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), st.booleans()), max_size=80))
def test_never_more_than_so_many_wait(steps: list[tuple[int, int, bool]]) -> None:
    crowd, waiting = Crowd(most=5), set[str]()
    for number, (name, network, leaves) in enumerate(steps):
        if leaves:
            crowd.leave(str(name))
            waiting.discard(str(name))
        elif str(name) not in waiting:
            waiting.add(str(name))
            waiting -= set(crowd.enter(str(name), str(network), 1e9, number))
        assert len(waiting) <= 5
