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


_STEPS: Mapping[int, Callable[[Content], Content]] = {1: _from_1}
