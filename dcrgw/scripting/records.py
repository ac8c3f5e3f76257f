"""Objects that the gateway only passes on to a script: people, sessions, grants, as `one.x`, `one.getX()` or a dict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dcrgw.core.strict_json import JsonValue
from dcrgw.scripting.members import accessor, copied


class Record(dict[str, JsonValue]):
    """Members under three spellings: `record["user_id"]`, `record.user_id`, `record.getUserId()`; setters alike.

    A member that is absent reads as None by a getter, and is an AttributeError as an attribute.
    """

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        if name.startswith("_") or (access := accessor(name)) is None:
            raise AttributeError(f"there is no {name}")
        return self._accessor(*access)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = copied(value)

    def _accessor(self, verb: str, member: str) -> Callable[..., Any]:
        # camelCase members keep their own spelling: getUserId reads userId where there is one.
        first, *rest = member.split("_")
        camel = first + "".join(word.capitalize() for word in rest)
        name = camel if camel in self else member
        if verb == "get":
            return lambda: self.get(name)
        return lambda value: self.__setattr__(name, value)


class Person(Record):
    """A person's entry. What a script changes comes back as values."""

    def getAttribute(self, name: str) -> JsonValue:
        """One attribute, the first value of several; None when absent."""
        value = self.get(name)
        return (value[0] if value else None) if isinstance(value, list) else value

    def getAttributeValues(self, name: str) -> list[JsonValue]:
        """All values of an attribute."""
        value = self.get(name)
        return value if isinstance(value, list) else [] if value is None else [value]

    def setAttribute(self, name: str, value: Any) -> None:
        """Set one attribute; None takes it out."""
        if value is None:
            self.pop(name, None)
        else:
            self[name] = copied(value)
