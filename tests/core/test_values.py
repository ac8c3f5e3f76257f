"""A lean value is the frozen dataclass that it stands above, made another way."""

from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Generic, TypeVar

import pytest

from dcrgw.core.values import lean

T = TypeVar("T")


@lean
@dataclass(frozen=True, slots=True)
class Parcel(Generic[T]):
    sender: str
    content: T
    stamps: list[int] = field(default_factory=list)
    weight_g: int = 7
    notes: list[str] = field(default_factory=list, init=False, repr=False, compare=False)
    label: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.sender.upper())


def test_its_fields_hold_what_was_given_or_their_defaults() -> None:
    parcel = Parcel("anne", 3)
    assert (parcel.sender, parcel.content, parcel.stamps, parcel.weight_g, parcel.notes, parcel.label) == (
        *("anne", 3, [], 7, []),
        "ANNE",
    )
    assert type(parcel) is Parcel


def test_each_has_its_own_default_list() -> None:
    assert Parcel("anne", 1).stamps is not Parcel("anne", 1).stamps


def test_it_is_frozen_and_has_no_other_attributes() -> None:
    parcel = Parcel("anne", 3)
    with pytest.raises(FrozenInstanceError):
        parcel.weight_g = 8  # type: ignore[misc]
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        parcel.colour = "red"  # type: ignore[attr-defined]


def test_it_is_compared_replaced_and_shown_as_any_dataclass() -> None:
    parcel = Parcel("anne", 3, weight_g=9)
    assert replace(parcel, sender="bert") == Parcel("bert", 3, weight_g=9)
    assert repr(parcel).endswith("Parcel(sender='anne', content=3, stamps=[], weight_g=9)")


def test_a_missing_or_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError):
        Parcel("anne")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Parcel("anne", 1, colour="red")  # type: ignore[call-arg]
