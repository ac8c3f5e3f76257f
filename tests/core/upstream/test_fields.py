"""Header fields on their way."""

from __future__ import annotations

from dcrgw.core.upstream.fields import end_to_end, replaced


def test_fields_of_the_connection_and_those_it_names_stay_behind() -> None:
    sent = [
        ("connection", "Close, X-Hop"),
        ("x-hop", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "1"),
        ("TE", "trailers"),
        ("Proxy-Authorization", "x"),
        ("Upgrade", "h2c"),
        ("Set-Cookie", "a"),
        ("Set-Cookie", "b"),
    ]
    assert end_to_end(sent) == (("Set-Cookie", "a"), ("Set-Cookie", "b"))


def test_ours_take_the_place_of_every_spelling() -> None:
    assert replaced([("X-A", "1"), ("x_a", "2"), ("X-B", "3")], [("x-a", "9")]) == (("X-B", "3"), ("x-a", "9"))
