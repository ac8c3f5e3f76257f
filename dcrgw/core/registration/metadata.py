"""Client metadata: the members a registration may carry, each with its JSON type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcrgw.core.strict_json import JsonValue


@dataclass(frozen=True, slots=True)
class ClientMetadata:
    """Typed members by their wire names (RFC 7591 §2, OIDC Registration §2, RFC 8705 §2, OB UK DCR); never mutated.

    Only known members of the right JSON type are in it; language-tagged ones (`client_name#ja`) are kept.
    """

    members: Mapping[str, JsonValue]

    def text(self, name: str) -> str | None:
        """A string member, None when absent."""
        value = self.members.get(name)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """A list-of-strings member, empty when absent."""
        value = self.members.get(name)
        return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        """redirect_uris, empty when absent."""
        return self.texts("redirect_uris")

    @property
    def scopes(self) -> tuple[str, ...]:
        """The words of `scope`, in order."""
        return tuple((self.text("scope") or "").split(" ")) if self.text("scope") else ()
