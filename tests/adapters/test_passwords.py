"""Password hashes: what is taken, and what a file may not ask for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.adapters.passwords import COST, Cost, hashed, is_password, parse

CHEAP = Cost(4, 8, 1)


def test_a_written_hash_still_knows_its_password() -> None:
    kept = parse(str(hashed("correct horse", CHEAP)))
    assert is_password("correct horse", kept)
    assert not is_password("Correct horse", kept)


def test_equal_passwords_have_different_hashes() -> None:
    assert str(hashed("same", CHEAP)) != str(hashed("same", CHEAP))


def test_a_password_typed_on_another_keyboard_is_the_same() -> None:
    assert is_password("cafe\u0301", hashed("caf\u00e9", CHEAP))


@pytest.mark.parametrize("password", ["", "x" * 1001])
def test_no_hash_opens_to_nothing_or_to_too_much(password: str) -> None:
    assert not is_password(password, hashed(password, CHEAP))
    assert not is_password(password, hashed("", CHEAP))


def test_a_hash_is_not_shown() -> None:
    kept = hashed("secret", CHEAP)
    assert kept.hash.hex() not in repr(kept)
    assert repr(kept.hash) not in repr(kept)


def test_new_hashes_cost_what_is_advised() -> None:
    assert COST.memory_bytes >= 32 * 1024 * 1024
    assert (2**COST.ln) * COST.r * COST.p >= 2**15 * 8 * 3


@pytest.mark.parametrize("cost", ["ln=30,r=8,p=1", "ln=0,r=8,p=1", "ln=15,r=0,p=1", "ln=15,r=8,p=0", "ln=15,r=8,p=99"])
def test_a_cost_that_stops_the_gateway_or_guards_nothing_is_refused(cost: str) -> None:
    salt, digest = str(hashed("x", CHEAP)).split("$")[3:]
    with pytest.raises(ValueError, match="cost"):
        parse(f"$scrypt${cost}${salt}${digest}")


@settings(max_examples=50)
@given(st.text(max_size=120))
def test_other_text_is_no_hash_and_is_not_echoed(text: str) -> None:
    with pytest.raises(ValueError, match="scrypt") as refused:
        parse(text)
    assert str(refused.value) == "is no scrypt hash: make one with `dcrgw customers`"
