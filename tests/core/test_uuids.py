"""A UUID of random octets is the one that Python's own library makes of them."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from dcrgw.core.uuids import version_4


@given(st.binary(min_size=16, max_size=16))
def test_it_is_the_library_s_own(octets: bytes) -> None:
    assert version_4(octets) == str(uuid.UUID(bytes=octets, version=4))
