"""docs/faults.md as data: what the page promises is what the tests play."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PAGE = (Path(__file__).parents[2] / "docs/faults.md").read_text()


class Outage(NamedTuple):
    """One cell of the first table."""

    endpoint: str
    had: str
    mode: str
    status: int


class Change(NamedTuple):
    """One line of another table. `check` is empty where the wire names none."""

    name: str
    status: int
    check: str


def outages() -> list[Outage]:
    """Every cell of the table of outages."""
    head, *lines = rows("Outages")
    return [
        Outage(endpoint, had, mode, int(status))
        for endpoint, had, *cells in lines
        for mode, status in zip(head[2:], cells, strict=True)
    ]


def changes(section: str) -> list[Change]:
    """Every line of a section's table."""
    return [Change(name, int(status), check) for name, status, check in rows(section)[1:]]


def rows(section: str) -> list[list[str]]:
    """The cells of a section's table, its head first, without code marks."""
    return list(_rows(PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]))


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.replace("`", "")[1:-1].split("|")]
