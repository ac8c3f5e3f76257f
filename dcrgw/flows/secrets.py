"""What a client is given to keep: its secret, and the token by which it manages itself."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.ports.tokens import Randomness

CLIENT_SECRET = "client_secret"
#: Sealed beside the hash that proves it, only so that a repeated request gets the first answer again.
REGISTRATION_TOKEN = "registration_access_token"

_SECRET_METHODS = frozenset({"client_secret_basic", "client_secret_post", "client_secret_jwt"})


def secrets_of(metadata: ClientMetadata, kept: Mapping[str, str], randomness: Randomness) -> dict[str, str]:
    """What a client with this metadata has: `kept`, with a client_secret just where its method needs one.

    A secret outlives a change between methods that use it, and ends with the first that does not.
    """
    secrets = {name: value for name, value in kept.items() if name != CLIENT_SECRET}
    if metadata.text("token_endpoint_auth_method") in _SECRET_METHODS:
        secrets[CLIENT_SECRET] = kept.get(CLIENT_SECRET) or randomness.client_secret()
    return secrets
