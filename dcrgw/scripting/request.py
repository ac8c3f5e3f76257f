"""What a script reads: the registration request, the software statement in it, and other signed tokens."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from dcrgw.core.strict_json import JsonValue
from dcrgw.scripting.json_object import text_of
from dcrgw.scripting.members import accessor, copied_object, is_member


class Claims(dict[str, JsonValue]):
    """A token's claims, or its header's members: a dict with the seeds' getters."""

    def getClaim(self, name: str) -> JsonValue:
        """One claim as read, None when absent."""
        return self.get(name)

    def getClaimAsString(self, name: str) -> str | None:
        """One claim as text, None when absent."""
        value = self.get(name)
        return None if value is None else text_of(value)

    def getClaimAsStringList(self, name: str) -> list[str]:
        """One claim as a list of texts, empty when absent."""
        value = self.get(name)
        return [str(item) for item in value] if isinstance(value, list) else [] if value is None else [str(value)]

    def getKeyId(self) -> str | None:
        """kid."""
        return self.getClaimAsString("kid")


class Jwt:
    """A signed token: its text (`jws`, `str(token)`), `claims` and `header`.

    `verified` is False where the gateway has yet to prove its signature: then nothing in it may be believed.
    """

    def __init__(self, jws: str, claims: Mapping[str, JsonValue], *, verified: bool) -> None:
        self.jws, self.verified = jws, verified
        self.claims = Claims(copied_object(claims))
        self.header = Claims(_part(jws, 0))

    @classmethod
    def unverified(cls, jws: str) -> Jwt:
        """A token as it came."""
        return cls(jws, _part(jws, 1), verified=False)

    def getClaims(self) -> Claims:
        """claims."""
        return self.claims

    def getHeader(self) -> Claims:
        """header."""
        return self.header

    def getEncoded(self) -> str:
        """jws."""
        return self.jws

    toString = getEncoded

    def __str__(self) -> str:
        return self.jws


class Statement(Jwt):
    """The software statement. `directory` is the configured directory that vouches for it, once it is verified."""

    def __init__(self, facts: Mapping[str, JsonValue]) -> None:
        claims = facts.get("claims")
        super().__init__(
            str(facts.get("jws") or ""),
            claims if isinstance(claims, dict) else {},
            verified=facts.get("verified") is True,
        )
        self.software_id = _text(facts.get("software_id"))
        self.org_id = _text(facts.get("org_id"))
        self.directory = _text(facts.get("directory"))
        roles = facts.get("software_roles")
        self.software_roles: frozenset[str] = frozenset(map(str, roles)) if isinstance(roles, list) else frozenset()


class RegisterRequest:
    """What the caller asked for: the request's metadata, readable as `request.redirect_uris` or
    `request.getRedirectUris()`. Changing it changes nothing: `context.client` is what will be stored.
    """

    def __init__(self, metadata: Mapping[str, JsonValue], claims: Mapping[str, JsonValue]) -> None:
        self._members = copied_object(metadata)
        #: Every claim of the request as it arrived.
        self.claims = Claims(copied_object(claims))

    def getScope(self) -> list[str]:
        """The words of the requested scope (a list here, as in the seeds; `request.scope` is the text)."""
        return str(self._members.get("scope") or "").split()

    def getSoftwareStatement(self) -> str | None:
        """The statement as presented, None when there is none."""
        return self.claims.getClaimAsString("software_statement")

    def getEvidence(self) -> str | None:
        """The attestation evidence as presented, None when there is none."""
        return self.claims.getClaimAsString("evidence")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if is_member(name, self._members):
            return self._members.get(name)
        if (access := accessor(name)) and access[0] == "get" and is_member(access[1], self._members):
            return lambda: self._members.get(access[1])
        raise AttributeError(f"a registration request has no {name}")


def _part(jws: str, index: int) -> dict[str, JsonValue]:
    """One part of a compact token as an object, empty where it is none: it was judged, or is about to be."""
    parts = jws.split(".")
    if len(parts) != 3:
        return {}
    try:
        value = json.loads(base64.urlsafe_b64decode(parts[index] + "=" * (-len(parts[index]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
