"""What scripts about tokens and grants see: introspection, and one element of authorization_details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from dcrgw.core.strict_json import JsonValue
from dcrgw.scripting.json_object import JsonObject
from dcrgw.scripting.members import copied_object
from dcrgw.scripting.records import Record
from dcrgw.scripting.script_context import ScriptContext


class IntrospectionContext(ScriptContext):
    """An introspection, as modifyResponse sees it: `client` the token's, `grant` what the token stands for."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.transfers_into_jwt = True

    @cached_property
    def client(self) -> Record:
        """The token's client: client_id, metadata's members, `attributes`."""
        return Record(copied_object(self.object_of("client")))

    @cached_property
    def grant(self) -> Record:
        """What the token stands for: scope, subject, authorization_details …"""
        return Record(copied_object(self.object_of("grant")))

    def setTranferIntrospectionPropertiesIntoJwtClaims(self, value: bool) -> None:
        """False: what the script adds stays in the introspection answer and does not enter a JWT access token."""
        if not isinstance(value, bool):
            raise TypeError("setTranferIntrospectionPropertiesIntoJwtClaims takes True or False")
        self.transfers_into_jwt = value

    #: Spelled as in Janssen above, and right.
    setTransferIntrospectionPropertiesIntoJwtClaims = setTranferIntrospectionPropertiesIntoJwtClaims

    def isTranferIntrospectionPropertiesIntoJwtClaims(self) -> bool:
        """Whether they do."""
        return self.transfers_into_jwt

    def getClient(self) -> Record:
        """client."""
        return self.client

    def getTokenGrant(self) -> Record:
        """grant."""
        return self.grant

    getGrant = getTokenGrant


class AuthzDetail:
    """One element of authorization_details. What a script does to `json` comes back, and is judged again."""

    def __init__(self, detail: Mapping[str, JsonValue], index: int = 0) -> None:
        self.json = JsonObject(copied_object(detail))
        #: Its place in the array.
        self.index = index

    @property
    def type(self) -> str:
        """Its type."""
        return self.json.optString("type")

    def getType(self) -> str:
        """type."""
        return self.type

    def getJsonObject(self) -> JsonObject:
        """json."""
        return self.json


class AuthzDetailContext(ScriptContext):
    """One element of authorization_details with what stands around it."""

    @cached_property
    def detail(self) -> AuthzDetail:
        """The element that is judged."""
        index = self._facts.get("index")
        return AuthzDetail(self.object_of("detail"), index if isinstance(index, int) else 0)

    @property
    def index(self) -> int:
        """Its place in the array."""
        return self.detail.index

    @cached_property
    def siblings(self) -> tuple[AuthzDetail, ...]:
        """All elements of the request, this one among them, in order. Changing them changes nothing."""
        found = self._facts.get("siblings")
        items: Sequence[JsonValue] = found if isinstance(found, list) else ()
        return tuple(AuthzDetail(item, i) for i, item in enumerate(items) if isinstance(item, dict))

    @cached_property
    def client(self) -> Record:
        """The client that asks: client_id, metadata's members, `attributes`."""
        return Record(copied_object(self.object_of("client")))

    def getAuthzDetail(self) -> AuthzDetail:
        """detail."""
        return self.detail

    def getClient(self) -> Record:
        """client."""
        return self.client
