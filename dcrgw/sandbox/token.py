"""The token URL: client credentials for a bank, by its transport certificate and a private_key_jwt assertion."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPES = frozenset({"ASPSPReadAccess", "TPPReadAccess", "AuthoritiesReadAccess"})
TOKEN_LIFE_S = 300
#: The longest life of an assertion, and how far clocks may differ.
ASSERTION_LIFE_S = 3600
LEEWAY_S = 10


class TokenRefused(Exception):
    """An OAuth error answer (RFC 6749 §5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.status = 401 if error == "invalid_client" else 400
        self.body = {"error": error, "error_description": description}
