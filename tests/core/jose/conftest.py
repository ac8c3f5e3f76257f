"""Keys are made once a session; tests state only what differs."""

import pytest

from dcrgw.core.jose.reader import JosePolicy
from dcrgw.testkit.keys import SigningKey


@pytest.fixture(scope="session")
def ps256() -> SigningKey:
    return SigningKey.generate("rsa-1", "PS256")


@pytest.fixture(scope="session")
def other_ps256() -> SigningKey:
    return SigningKey.generate("rsa-2", "PS256")


@pytest.fixture(scope="session")
def es256() -> SigningKey:
    return SigningKey.generate("ec-1", "ES256")


@pytest.fixture
def policy() -> JosePolicy:
    """FAPI's: PS256 and ES256."""
    return JosePolicy(frozenset({"PS256", "ES256"}))
