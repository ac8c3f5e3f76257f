from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.edge.places import Places, network_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:1"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("fe80::1%eth0", "fe80::2%eth0"),
    ],
)
def test_addresses_of_one_subscriber_count_as_one(one, other):
    assert network_of(one) == network_of(other)


def test_ipv4_addresses_are_counted_each():
    assert network_of("192.0.2.1") != network_of("192.0.2.2")


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"])), st.integers(1, 3))
def test_no_address_has_more_than_its_places(addresses, each):
    places = Places(each)
    taken = [place for address in addresses if (place := places.take(address)) is not None]
    assert all(taken.count(place) <= each for place in taken)
    for place in taken:
        places.give_back(place)
    assert all(places.take(address) is not None for address in set(addresses))
