"""What all pages for people share: one template to extend, and text of strangers that stays text."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **values: Any) -> str:
    """A page that extends `page.html`, which wants `title`, `verdicts` to filter by, and perhaps `totals` of each."""
    return _environment().get_template(template).render(totals=values.pop("totals", None), **values)


@cache
def _environment() -> Environment:
    # autoescape for every file: all that a page holds was written by strangers.
    environment = Environment(
        loader=PackageLoader("dcrgw.compliance"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["pretty"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False, default=str)
    environment.filters["visible"] = visible
    return environment


def visible(text: object) -> str:
    """Text without what hides or turns other text: controls and bidirectional marks are shown as U+FFFD."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in str(text))
