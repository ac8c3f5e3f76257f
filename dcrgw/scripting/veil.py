"""What a script says, without the values that nobody is to see."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.scripting.prepared import hidden_values

REMOVED = "[redacted]"
#: A shorter value is no secret, and taking it out would leave nothing to read.
_SHORTEST = 4


class Veil:
    """Takes the values of a script's hidden properties out of texts: of its log, of its traces."""

    def __init__(self, entry: ScriptEntry, properties: Mapping[str, str]) -> None:
        hidden = hidden_values(entry, properties)
        spellings = {spelt for value in hidden for spelt in (value, value.strip(), repr(value)[1:-1])}
        # The longest first: one may be a part of another.
        self._values = sorted((each for each in spellings if len(each) >= _SHORTEST), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without them."""
        for value in self._values:
            text = text.replace(value, REMOVED)
        return text
