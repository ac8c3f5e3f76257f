from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.adapters.sqlite.known_requests import KnownRequests

DIGEST = st.binary(max_size=8).map(lambda octets: hashlib.sha256(octets).hexdigest())


@settings(max_examples=100)
@given(st.sets(DIGEST), st.sets(DIGEST))
def test_no_digest_that_was_added_is_ever_ruled_out(loaded, added):
    known = KnownRequests(loaded)
    for digest in added:
        known.add(digest)
    assert all(known.may_hold(digest) for digest in loaded | added)


def test_most_digests_that_were_not_added_are_ruled_out():
    known = KnownRequests(hashlib.sha256(b"in %d" % number).hexdigest() for number in range(10_000))
    others = [hashlib.sha256(b"out %d" % number).hexdigest() for number in range(1_000)]
    assert sum(known.may_hold(digest) for digest in others) < 10


def test_empty_filter_rules_everything_out():
    assert not KnownRequests().may_hold("0" * 64)
    assert not KnownRequests().may_hold("f" * 64)
