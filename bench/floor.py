"""The floor under everything that registers a client: two bare PS256 verifications by the library itself."""

from __future__ import annotations

import time
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from bench.town import Town
from dcrgw.core.jose import base64url
from dcrgw.testkit.keys import SigningKey

_SHA256 = hashes.SHA256()
_PSS = padding.PSS(padding.MGF1(_SHA256), hashes.SHA256.digest_size)
_REPEATED = 200


class Floor:
    """The statement and the request of one registration."""

    def __init__(self, town: Town) -> None:
        parties, statement = town.session.parties, town.statement()
        software = parties.default.software.keys.current
        self._checks = [
            _bare(statement, parties.world.keys.current),
            _bare(software.sign(town.claims(statement)), software),
        ]

    def once(self) -> None:
        """Both verifications."""
        for check in self._checks:
            check()

    def cpu_us(self) -> float:
        """CPU microseconds of both, the mean of many."""
        return cpu_us(self.once, _REPEATED)


def cpu_us(work: Callable[[], object], times: int) -> float:
    """CPU microseconds of this thread for one call, the mean of `times`."""
    begun = time.thread_time()
    for _ in range(times):
        work()
    return (time.thread_time() - begun) / times * 1e6


def _bare(token: str, key: SigningKey) -> Callable[[], None]:
    signed, _, signature = token.encode().rpartition(b".")
    octets, public = base64url.decode(signature), key.private_key.public_key()
    assert isinstance(public, RSAPublicKey)
    return lambda: public.verify(octets, signed, _PSS, _SHA256)
