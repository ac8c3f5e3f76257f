"""What a script reads: the registration request and the software statement in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.core.strict_json import JsonValue
from dcrgw.scripting.members import accessor, copied_object, is_member


class Claims(dict[str, JsonValue]):
    """A statement's claims: a dict with the seeds' getters."""

    def getClaim(self, name: str) -> JsonValue:
        """One claim as read, None when absent."""
        return self.get(name)

    def getClaimAsString(self, name: str) -> str | None:
        """One claim as text, None when absent."""
        value = self.get(name)
        return None if value is None else str(value)

    def getClaimAsStringList(self, name: str) -> list[str]:
        """One claim as a list of texts, empty when absent."""
        value = self.get(name)
        return [str(item) for item in value] if isinstance(value, list) else [] if value is None else [str(value)]


class Statement:
    """The software statement, verified before any script runs. `jws` is it as presented."""

    def __init__(self, statement: SoftwareStatement) -> None:
        self.jws = statement.jws
        self.software_id = statement.software_id
        self.org_id = statement.org_id
        self.software_roles = statement.software_roles
        self.claims = Claims(copied_object(statement.claims))

    def getClaims(self) -> Claims:
        """Its claims."""
        return self.claims

    def __str__(self) -> str:
        return self.jws


class RegisterRequest:
    """What the caller asked for: the request's metadata, readable as `request.redirect_uris` or
    `request.getRedirectUris()`. Changing it changes nothing: `context.client` is what will be stored.
    """

    def __init__(self, metadata: ClientMetadata, claims: Mapping[str, JsonValue]) -> None:
        self._members = copied_object(metadata.members)
        #: Every claim of the request as it arrived.
        self.claims = Claims(copied_object(claims))

    def getScope(self) -> list[str]:
        """The words of the requested scope (a list here, as in the seeds; `request.scope` is the text)."""
        return str(self._members.get("scope") or "").split()

    def getSoftwareStatement(self) -> str | None:
        """The statement as presented, None when there is none."""
        return self.claims.getClaimAsString("software_statement")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if is_member(name, self._members):
            return self._members.get(name)
        if (access := accessor(name)) and access[0] == "get" and is_member(access[1], self._members):
            return lambda: self._members.get(access[1])
        raise AttributeError(f"a registration request has no {name}")
