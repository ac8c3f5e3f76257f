"""NumericDate claims (RFC 7519 §2): seconds since the epoch, judged against one given time."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite

#: A "date" beyond this is in milliseconds, as several senders have it (the year 5138 in seconds).
_NOT_SECONDS = 100_000_000_000


def numeric_date(value: object) -> float | None:
    """The date, None for what is none: absent, a string, a boolean, NaN or infinity."""
    if type(value) is int or (type(value) is float and isfinite(value)):
        return value
    return None


@dataclass(frozen=True, slots=True)
class Window:
    """The time of judgement and how far clocks may differ, both in seconds. Bounds are inclusive."""

    at: float
    leeway_s: float

    def not_future(self, name: str, value: object) -> str | None:
        """Why a date that must lie behind us does not, None when it does."""
        date = numeric_date(value)
        if date is None:
            return _no_date(name, value)
        if date > _NOT_SECONDS:
            return f"{name} is not in seconds since 1970"
        if date > self.at + self.leeway_s:
            return f"{name} is {_seconds(date - self.at)} in the future"
        return None

    def not_past(self, name: str, value: object) -> str | None:
        """Why a date that must lie before us does not, None when it does."""
        date = numeric_date(value)
        if date is None:
            return _no_date(name, value)
        if date > _NOT_SECONDS:
            return f"{name} is not in seconds since 1970"
        if date < self.at - self.leeway_s:
            return f"{name} is {_seconds(self.at - date)} in the past"
        return None

    def not_older(self, name: str, value: object, age_s: int) -> str | None:
        """Why a date is older than `age_s`, None when it is not."""
        date = numeric_date(value)
        if date is None:
            return _no_date(name, value)
        if date < self.at - age_s - self.leeway_s:
            return f"{name} is older than {age_s} seconds"
        return None


def _seconds(distance: float) -> str:
    """So that a caller whose clock is wrong sees by how much."""
    return f"{ceil(distance)} seconds"


def _no_date(name: str, value: object) -> str:
    return f"{name} is missing" if value is None else f"{name} must be a number of seconds since 1970"
