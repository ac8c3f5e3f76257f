"""A JSON object as the seeds' scripts handle it: a dict with the methods of Java's JSONObject."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dcrgw.core.strict_json import JsonValue


class JsonObject(dict[str, JsonValue]):
    """A dict, so that `json["a"] = 1` and `json.get("a")` (None when absent) work too."""

    def put(self, name: str, value: Any) -> JsonObject:
        """Set a member; None takes it out, as in Java."""
        if value is None:
            self.pop(name, None)
        else:
            self[name] = value
        return self

    def has(self, name: str) -> bool:
        """Whether there is a member of this name."""
        return name in self

    def isNull(self, name: str) -> bool:
        """Whether the member is absent or null."""
        return self.get(name) is None

    def remove(self, name: str) -> JsonValue:
        """Take a member out; its value, None when there was none."""
        return self.pop(name, None)

    def opt(self, name: str, default: Any = None) -> JsonValue:
        """A member's value, or `default`."""
        value = self.get(name)
        return default if value is None else value

    def optString(self, name: str, default: str = "") -> str:
        """A member as text, `default` when it is absent."""
        return text_of(self.get(name), default)

    def optBoolean(self, name: str, default: bool = False) -> bool:
        """A member that is true or false, else `default`."""
        value = self.get(name)
        return value if isinstance(value, bool) else default

    def optInt(self, name: str, default: int = 0) -> int:
        """A member that is a number, as a whole one, else `default`."""
        value = self.get(name)
        return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default

    def optJSONObject(self, name: str) -> JsonObject | None:
        """A member that is an object; changes to it count."""
        value = self.get(name)
        if isinstance(value, dict) and not isinstance(value, JsonObject):
            self[name] = value = JsonObject(value)
        return value if isinstance(value, JsonObject) else None

    def optJSONArray(self, name: str) -> list[JsonValue] | None:
        """A member that is a list; changes to it count."""
        value = self.get(name)
        return value if isinstance(value, list) else None

    def getString(self, name: str) -> str:
        """A member that must be text. Raises: KeyError, TypeError."""
        value = self[name]
        if not isinstance(value, str):
            raise TypeError(f"{name} is not text")
        return value

    def getBoolean(self, name: str) -> bool:
        """A member that must be true or false. Raises: KeyError, TypeError."""
        value = self[name]
        if not isinstance(value, bool):
            raise TypeError(f"{name} is neither true nor false")
        return value

    def getInt(self, name: str) -> int:
        """A member that must be a whole number. Raises: KeyError, TypeError."""
        value = self[name]
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{name} is not a whole number")
        return value

    getLong = getInt

    def getJSONObject(self, name: str) -> JsonObject:
        """A member that must be an object; changes to it count. Raises: TypeError."""
        found = self.optJSONObject(name)
        if found is None:
            raise TypeError(f"{name} is not an object")
        return found

    def getJSONArray(self, name: str) -> list[JsonValue]:
        """A member that must be a list; changes to it count. Raises: TypeError."""
        found = self.optJSONArray(name)
        if found is None:
            raise TypeError(f"{name} is not a list")
        return found

    def append(self, name: str, value: Any) -> JsonObject:
        """Add to a list member, which begins with the first."""
        present = self.setdefault(name, [])
        if not isinstance(present, list):
            raise TypeError(f"{name} is not a list")
        present.append(value)
        return self

    accumulate = append

    def keySet(self) -> Iterable[str]:
        """The members' names."""
        return self.keys()

    def length(self) -> int:
        """How many members there are."""
        return len(self)


def text_of(value: JsonValue, default: str = "") -> str:
    """A value as text: as it is where it is text, `default` where it is null."""
    if value is None:
        return default
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
