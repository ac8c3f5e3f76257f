"""A bank without scripts: for bundles made of files, and for recordings from before a kind of script was there."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.strict_json import JsonValue
from dcrgw.ports.scripts import (
    Capability,
    ClientCall,
    IntrospectionCall,
    IntrospectionOutcome,
    KeysCall,
    Occasion,
    ScriptCall,
    ScriptOutcome,
)


class NoScripts:
    """Implements `ports.scripts.Scripts`."""

    async def create_client(self, call: ScriptCall, ask: Capability) -> ScriptOutcome:
        """As it is."""
        return ScriptOutcome(call.metadata, call.client_id, False, call.attributes)

    async def update_client(self, call: ScriptCall, ask: Capability) -> ScriptOutcome:
        """As it is."""
        return await self.create_client(call, ask)

    async def modify_response(
        self, call: ClientCall, response: Mapping[str, JsonValue], ask: Capability
    ) -> Mapping[str, JsonValue] | None:
        """As it was."""
        return None

    async def is_certificate_valid(self, call: ClientCall, ask: Capability) -> bool | None:
        """No word on it."""
        return None

    async def keys(self, call: KeysCall, ask: Capability) -> str | None:
        """No word on it."""
        return None

    async def generate_id(self, occasion: Occasion, id_type: str, prefix: str = "") -> str | None:
        """The gateway's own."""
        return None

    async def modify_introspection(self, call: IntrospectionCall) -> IntrospectionOutcome:
        """As it is."""
        return IntrospectionOutcome(call.response, call.response)
