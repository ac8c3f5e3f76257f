"""Older bundles in the present shape: one step a version, on plain JSON.

A field that a value gets later needs a default that means what was so before it was there, or a line in a step here.
The bundles under tests/compliance/golden are of every version: they tell when either was forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Content = dict[str, Any]


def upgraded(content: Content, version: int, present: int) -> Content:
    """The content of a bundle of `version` as the present version has it."""
    for step in range(version, present):
        content = _STEPS[step](content)
    return content


def _from_1(content: Content) -> Content:
    """Version 2 tells how long things took."""
    return {**content, "timings": []}


#: Version -> ports, and methods of ports, that came with it. An older recording never asked them: there was none of it.
_CAME_WITH: Mapping[int, frozenset[str]] = {
    2: frozenset(
        {
            "grants", "customers", "details", "signer", "http", "scripts.modify_response",
            "scripts.is_certificate_valid", "scripts.keys", "scripts.generate_id", "scripts.modify_introspection",
        }
    ),
}  # fmt: skip


def unknown_to(version: int) -> frozenset[str]:
    """The ports and methods that there were not yet at a version."""
    return frozenset(name for since, names in _CAME_WITH.items() if since > version for name in names)


_STEPS: Mapping[int, Callable[[Content], Content]] = {1: _from_1}
