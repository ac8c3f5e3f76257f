"""Points in time, as commands take them."""

from __future__ import annotations

import re
import time
from datetime import datetime

import click

_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Moment(click.ParamType[float]):
    """RFC 3339 with an offset, epoch seconds, or how long ago: 90s, 15m, 6h, 30d. Gives epoch seconds."""

    name = "time"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value)
        ago = _AGO.fullmatch(text)
        if ago:
            return time.time() - int(ago[1]) * _UNITS[ago[2]]
        if re.fullmatch(r"[0-9]{1,11}(\.[0-9]+)?", text):
            return float(text)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is no time like 2026-11-22T12:00:00+00:00, 6h ago, or epoch seconds", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{text!r} has no offset: add Z or +00:00", param, ctx)
        return moment.timestamp()
