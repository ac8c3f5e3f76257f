"""`configurationAttributes`: a script's properties as its author sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

#: The property that holds the caller's certificate during a call; no script may be configured with it.
CERT_PROPERTY = "certProperty"
#: Names told of what was asked for in vain: a script may ask by what strangers send, for as long as it serves.
_MOST_MISSED = 100


@dataclass(frozen=True, slots=True)
class Property:
    """One property: `value1` is its name, `value2` its value (of certProperty both are the PEM).

    A value may be a password, so repr leaves both out.
    """

    value1: str = field(repr=False)
    value2: str = field(repr=False)

    def getValue1(self) -> str:
        """The seeds' way to read `value1`."""
        return self.value1

    def getValue2(self) -> str:
        """The seeds' way to read `value2`."""
        return self.value2


class ConfigurationAttributes(Mapping[str, Property]):
    """Properties by name: a read-only mapping with the seeds' `containsKey`. Never shared between calls."""

    def __init__(self, values: Mapping[str, str], certificate_pem: str | None = None) -> None:
        self._properties = {name: Property(name, value) for name, value in values.items()}
        if certificate_pem is not None:
            self._properties[CERT_PROPERTY] = Property(certificate_pem, certificate_pem)
        self._missed: dict[str, None] = {}

    @property
    def missed(self) -> tuple[str, ...]:
        """The first names that were asked for and are not set; looking with `in` asks for nothing."""
        return tuple(self._missed)

    def containsKey(self, name: str) -> bool:
        """Whether there is a property of this name."""
        return name in self._properties

    def __getitem__(self, name: str) -> Property:
        if name not in self._properties and isinstance(name, str) and len(self._missed) < _MOST_MISSED:
            self._missed[name] = None
        return self._properties[name]

    def __contains__(self, name: object) -> bool:
        return name in self._properties

    def __iter__(self) -> Iterator[str]:
        return iter(self._properties)

    def __len__(self) -> int:
        return len(self._properties)
