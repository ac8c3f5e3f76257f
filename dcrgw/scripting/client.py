"""What a script changes: the client as it will be stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dcrgw.core.strict_json import JsonValue
from dcrgw.scripting.members import accessor, copied, copied_object, is_member


class BankAttributes(dict[str, JsonValue]):
    """The bank's own attributes of a client: kept with it, never shown to the TPP. A dict with the seeds' setters."""

    def setRunIntrospectionScriptBeforeJwtCreation(self, value: bool) -> None:
        """Let the introspection scripts shape JWT access tokens."""
        self["run_introspection_script_before_jwt_creation"] = value

    def setIntrospectionScripts(self, names: list[str]) -> None:
        """Which introspection scripts run for this client."""
        self["introspection_scripts"] = list(names)

    def getIntrospectionScripts(self) -> list[JsonValue]:
        """The same to read, or to append to."""
        scripts = self.setdefault("introspection_scripts", [])
        if not isinstance(scripts, list):
            raise TypeError("introspection_scripts is not a list")
        return scripts


class Client:
    """The client as it will be stored: metadata as `client.jwks_uri`, `client.getJwksUri()` or
    `client.setJwksUri(...)` (None removes a member), the bank's own in `client.attributes`, and `client.client_id`.
    """

    client_id: str
    attributes: BankAttributes

    def __init__(self, client_id: str, metadata: Mapping[str, JsonValue], attributes: Mapping[str, JsonValue]) -> None:
        members = copied_object(metadata)
        own = BankAttributes(copied_object(attributes))
        # Past __setattr__, which takes names of metadata only.
        vars(self).update(_members=members, client_id=client_id, attributes=own)

    @property
    def metadata(self) -> dict[str, JsonValue]:
        """All members by their wire names; changes to this dict count."""
        members: dict[str, JsonValue] = vars(self)["_members"]
        return members

    def setClientId(self, client_id: str) -> None:
        """Choose the client_id, on creation only."""
        self.client_id = client_id

    def getClientId(self) -> str:
        """The client_id as it stands."""
        return self.client_id

    def getAttributes(self) -> BankAttributes:
        """The bank's own attributes."""
        return self.attributes

    def setDn(self, dn: str) -> None:
        """Recorded as the attribute `dn`; there is no LDAP tree here, so it moves nothing."""
        self.attributes["dn"] = dn

    def setTrustedClient(self, value: bool) -> None:
        """Consent is not asked by the authorization server (the bank's own consent page does)."""
        self.attributes["trusted"] = value

    def setPersistClientAuthorizations(self, value: bool) -> None:
        """Whether a consent once given is remembered."""
        self.attributes["persist_client_authorizations"] = value

    def setAccessTokenAsJwt(self, value: bool) -> None:
        """Access tokens of this client are JWTs."""
        self.attributes["access_token_as_jwt"] = value

    def setScopes(self, scopes: list[str]) -> None:
        """The scopes by name (the seeds took their DNs)."""
        self.metadata["scope"] = " ".join(scopes)

    def getScopes(self) -> list[str]:
        """The scopes by name."""
        return str(self.metadata.get("scope") or "").split()

    def getAuthenticationMethod(self) -> JsonValue:
        """token_endpoint_auth_method."""
        return self.metadata.get("token_endpoint_auth_method")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if is_member(name, self.metadata):
            return self.metadata.get(name)
        if (access := accessor(name)) and is_member(access[1], self.metadata):
            return self._accessor(*access)
        raise AttributeError(f"a client has no {name}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "client_id":
            vars(self)["client_id"] = value
        elif is_member(name, self.metadata):
            self._set(name, value)
        else:
            raise AttributeError(f"a client has no {name}; the bank's own go into client.attributes")

    def _accessor(self, verb: str, member: str) -> Callable[..., Any]:
        if verb == "get":
            return lambda: self.metadata.get(member)
        return lambda value: self._set(member, value)

    def _set(self, member: str, value: Any) -> None:
        if value is None:
            self.metadata.pop(member, None)
        else:
            self.metadata[member] = copied(value)
