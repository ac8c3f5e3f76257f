"""What stays of a client whose registration has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata

#: What an auditor still asks of a client that is gone: who it was, and where it let codes and tokens go.
_KEPT: Final = frozenset({"client_name", "redirect_uris", "scope", "token_endpoint_auth_method"})


def remains(client: RegisteredClient) -> RegisteredClient:
    """The client as deleted: no secret, no token, and of its metadata only what an audit needs.

    Its ids, its software statement and its version stay: they tie the audit trail's rows together.
    """
    kept = {name: value for name, value in client.metadata.members.items() if name in _KEPT}
    return replace(
        client,
        status=ClientStatus.DELETED,
        metadata=ClientMetadata(kept),
        attributes={},
        secrets={},
        registration_access_token_hash=None,
    )
