"""What scripts about people see: consent, claims, scopes, password grants."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from dcrgw.scripting.http_request import parameters_of
from dcrgw.scripting.json_object import JsonObject
from dcrgw.scripting.members import copied_object
from dcrgw.scripting.records import Person, Record
from dcrgw.scripting.script_context import ScriptContext


class PersonContext(ScriptContext):
    """Consent, claims gathering, scopes and password grants: who is asked, for which client, in which session.

    Facts: `user`, `client`, `session`, `parameters` (name to values), `claims`; the script's own notes between steps
    are `context.attributes`.
    """

    @cached_property
    def user(self) -> Person | None:
        """The person; None where nobody is known yet."""
        found = self._facts.get("user")
        return Person(copied_object(found)) if isinstance(found, dict) else None

    @cached_property
    def client(self) -> Record:
        """The client."""
        return Record(copied_object(self.object_of("client")))

    @cached_property
    def session(self) -> Record:
        """The session."""
        return Record(copied_object(self.object_of("session")))

    @cached_property
    def attributes(self) -> Record:
        """What the script keeps from step to step."""
        return Record(copied_object(self.object_of("attributes")))

    @cached_property
    def claims(self) -> JsonObject:
        """Claims gathered, or to be added."""
        return JsonObject(copied_object(self.object_of("claims")))

    @cached_property
    def request_parameters(self) -> dict[str, list[str]]:
        """Form and query parameters."""
        return parameters_of(self.object_of("parameters"))

    def setUser(self, user: Mapping[str, Any] | None) -> None:
        """Who the person is; None takes an authentication back."""
        vars(self)["user"] = None if user is None else Person(copied_object(user))

    def getUser(self) -> Person | None:
        """user."""
        return self.user

    def getClient(self) -> Record:
        """client."""
        return self.client

    def getSessionState(self) -> Record:
        """session."""
        return self.session

    def getRequestParameters(self) -> dict[str, list[str]]:
        """request_parameters."""
        return self.request_parameters

    def getClaims(self) -> JsonObject:
        """claims."""
        return self.claims

    def addClaim(self, name: str, value: Any) -> None:
        """Add a claim."""
        self.claims.put(name, value)

    putClaim = addClaim


class PasswordCredentialsContext(PersonContext):
    """A password grant after the built-in authentication; `user` is None where that failed."""
