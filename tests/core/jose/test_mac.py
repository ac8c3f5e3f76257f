from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from dcrgw.core.jose import base64url, mac
from dcrgw.core.jose.algorithms import ALGORITHMS
from dcrgw.core.jose.reader import JosePolicy, ReadPolicy, Unverified, read
from dcrgw.core.jose.reasons import JoseReason, JoseRefused

SECRET = "s" * 36
READABLE = ReadPolicy(frozenset({*ALGORITHMS, "HS256", "HS512"}), kid_required=False)


def token(alg: str = "HS256", secret: str = SECRET, cut: int = 0) -> Unverified:
    header = json.dumps({"alg": alg}).encode()
    signing_input = f"{base64url.encode(header)}.e30"
    octets = hmac.new(secret.encode(), signing_input.encode(), hashlib.sha256).digest()
    return read(f"{signing_input}.{base64url.encode(octets[cut:])}", READABLE)


def test_token_of_the_secret_is_proven() -> None:
    mac.verify(token(), SECRET)


@pytest.mark.parametrize(
    ("presented", "secret", "reason"),
    [
        (token(secret="t" * 36), SECRET, JoseReason.SIGNATURE),
        (token(cut=1), SECRET, JoseReason.SIGNATURE),
        (token(cut=32), SECRET, JoseReason.SIGNATURE),
        (token("HS512"), SECRET, JoseReason.ALGORITHM),
        (token("PS256"), SECRET, JoseReason.ALGORITHM),
        (token(secret="s" * 31), "s" * 31, JoseReason.KEY_UNUSABLE),
        (token(secret=""), "", JoseReason.KEY_UNUSABLE),
    ],
)
def test_other_token_is_refused(presented: Unverified, secret: str, reason: JoseReason) -> None:
    with pytest.raises(JoseRefused) as refused:
        mac.verify(presented, secret)
    assert refused.value.reason is reason


def test_door_of_published_keys_knows_no_secret() -> None:
    with pytest.raises(ValueError, match="algorithms"):
        JosePolicy(frozenset({"HS256"}))
