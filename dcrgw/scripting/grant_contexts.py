"""What scripts about tokens and grants see: introspection, and one element of authorization_details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from dcrgw.core.languages import chosen
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
    """One element of authorization_details. It is the call's own copy: changing it changes nothing."""

    def __init__(self, detail: Mapping[str, JsonValue], index: int = 0) -> None:
        self._told = detail
        #: Its place in the array.
        self.index = index

    @cached_property
    def json(self) -> JsonObject:
        """All its members."""
        return JsonObject(copied_object(self._told))

    @property
    def type(self) -> str:
        """Its type, as it was sent."""
        told = self._told.get("type")
        return told if isinstance(told, str) else ""

    def getType(self) -> str:
        """type."""
        return self.type

    def getJsonObject(self) -> JsonObject:
        """json."""
        return self.json


class AuthzDetailContext(ScriptContext):
    """One element of authorization_details with what stands around it."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        #: What `fault` noted.
        self.faults: list[JsonValue] = []

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

    @cached_property
    def granted(self) -> AuthzDetail | None:
        """In narrowsDetail: what was granted, of the same type."""
        found = self._facts.get("granted")
        return AuthzDetail(found) if isinstance(found, dict) else None

    @property
    def languages(self) -> tuple[str, ...]:
        """In getUiRepresentation: the person's languages (BCP 47), best first."""
        found = self._facts.get("languages")
        return tuple(str(each) for each in found) if isinstance(found, list) else ()

    def in_words(self, texts: Mapping[str, str]) -> str:
        """Of one text in several languages, such as `{"en": ..., "pt": ...}`, the person's; else the first."""
        return texts[chosen(tuple(texts), self.languages)]

    def fault(self, pointer: str, description: str) -> None:
        """Note what is wrong and go on, so that the TPP hears of everything at once.

        `pointer` is a JSON pointer (RFC 6901) within the element, such as /instructedAmount/currency; empty: all of it.
        Once there is a fault the element is refused, whatever the method returns. Values do not belong in it.
        """
        if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
            raise ValueError("a fault's pointer is empty or begins with /")
        self.faults.append([pointer, str(description)])

    def getAuthzDetail(self) -> AuthzDetail:
        """detail."""
        return self.detail

    def getClient(self) -> Record:
        """client."""
        return self.client
