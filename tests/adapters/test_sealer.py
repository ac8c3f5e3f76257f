from __future__ import annotations

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrgw.adapters.sealer import Sealer, sealing_key
from dcrgw.errors import Misconfigured

OLD = bytes(range(32))
NEW = bytes(range(100, 132))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    secret=st.text(st.characters(exclude_categories=["Cs"])), context=st.text(st.characters(exclude_categories=["Cs"]))
)
def test_sealed_secret_opens_to_itself(secret: str, context: str) -> None:
    sealer = Sealer([OLD])
    assert sealer.open(sealer.seal(secret, context), context) == secret


def test_same_secret_is_sealed_differently_each_time() -> None:
    sealer = Sealer([OLD])
    assert sealer.seal("secret", "c") != sealer.seal("secret", "c")


def test_secret_moved_to_another_row_does_not_open() -> None:
    sealer = Sealer([OLD])
    sealed = sealer.seal("secret", "client_secret:uk:one")
    with pytest.raises(Misconfigured):
        sealer.open(sealed, "client_secret:uk:two")


@given(position=st.integers(min_value=0), flip=st.integers(min_value=1, max_value=255))
def test_altered_box_does_not_open(position: int, flip: int) -> None:
    sealer = Sealer([OLD])
    head, _, box = sealer.seal("secret", "c").rpartition(".")
    altered = bytearray(base64.urlsafe_b64decode(box + "=" * (-len(box) % 4)))
    altered[position % len(altered)] ^= flip
    with pytest.raises(Misconfigured):
        sealer.open(f"{head}.{base64.urlsafe_b64encode(altered).decode().rstrip('=')}", "c")


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured):
        Sealer([OLD]).open(text, "c")


def test_rotation_seals_with_the_first_key_and_opens_with_all() -> None:
    sealed_before = Sealer([OLD]).seal("secret", "c")
    rotated = Sealer([NEW, OLD])
    assert rotated.open(sealed_before, "c") == "secret"
    assert Sealer([NEW]).open(rotated.seal("secret", "c"), "c") == "secret"
    with pytest.raises(Misconfigured):
        Sealer([NEW]).open(sealed_before, "c")


def test_whose_key_is_away_is_known_before_it_is_opened() -> None:
    sealed = Sealer([bytes(range(32))]).seal("a secret", "row 1")
    assert Sealer([bytes(range(1, 33)), bytes(range(32))]).has_key_of(sealed)
    assert not Sealer([bytes(range(1, 33))]).has_key_of(sealed)


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(Misconfigured):
        Sealer([]).seal("secret", "c")


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_key_of_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(Misconfigured):
        Sealer([bytes(range(length))])


def test_configured_key_is_read_from_hex_and_base64url() -> None:
    key = os.urandom(32)
    assert sealing_key(key.hex()) == key
    assert sealing_key(key.hex().upper() + "\n") == key
    encoded = base64.urlsafe_b64encode(key).decode()
    assert sealing_key(encoded) == key
    assert sealing_key(encoded.rstrip("=")) == key


@pytest.mark.parametrize(
    "text", ["", "secret", "00" * 32, "ab" * 31, "ab" * 33, "A" * 43, "passwordpassword" * 4, "é" * 64]
)
def test_weak_or_malformed_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        sealing_key(text)
    assert len(text) < 2 or text not in str(refused.value)
