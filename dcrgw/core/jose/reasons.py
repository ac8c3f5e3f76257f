"""Why the JOSE door says no: one reason for each kind of refusal, and the one exception it ever raises."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class JoseReason(StrEnum):
    """What is wrong with a token; the values are the last part of check ids such as `statement.jws.signature`."""

    SIZE = "size"
    PARTS = "parts"
    BASE64URL = "base64url"
    HEADER_JSON = "header_json"
    HEADER_MEMBER = "header_member"
    ALGORITHM = "algorithm"
    TYPE = "type"
    KID = "kid"
    KEY_UNKNOWN = "key_unknown"
    KEY_UNUSABLE = "key_unusable"
    KEY_ALGORITHM = "key_algorithm"
    SIGNATURE_FORM = "signature_form"
    SIGNATURE = "signature"
    PAYLOAD_JSON = "payload_json"


#: The rule behind each reason, one sentence each, in the order in which the door looks.
REASONS: Mapping[JoseReason, str] = MappingProxyType(
    {
        JoseReason.SIZE: "The token and its header are no longer than the limits.",
        JoseReason.PARTS: "The token is a compact JWS of three parts, and neither encrypted nor JSON-serialised.",
        JoseReason.BASE64URL: "Each part is base64url without padding, white space or stray bits.",
        JoseReason.HEADER_JSON: "The header is a strict JSON object: UTF-8, no member twice, no unbounded number.",
        JoseReason.HEADER_MEMBER: "The header brings no key (jwk, jku, x5u, x5c), and no crit, b64, zip or nested JWT.",
        JoseReason.ALGORITHM: "The header's alg is a signature algorithm that the market takes.",
        JoseReason.TYPE: "The header's typ is absent or one that the market takes.",
        JoseReason.KID: "The header names its key by a kid of 1 to 256 characters.",
        JoseReason.KEY_UNKNOWN: "The key set publishes a key of the header's kid.",
        JoseReason.KEY_UNUSABLE: "The key of the header's kid is strong, meant for signatures and alone of its name.",
        JoseReason.KEY_ALGORITHM: "The key of the header's kid is one for the header's alg.",
        JoseReason.SIGNATURE_FORM: "The signature has exactly the form and length of its algorithm and key.",
        JoseReason.SIGNATURE: "The signature was made by the key over these bytes.",
        JoseReason.PAYLOAD_JSON: "The payload is a strict JSON object: UTF-8, no member twice, no unbounded number.",
    }
)


class JoseRefused(Exception):
    """The door's one exception. `description` is public: it names the field and the rule, never the input."""

    def __init__(self, reason: JoseReason, description: str) -> None:
        self.reason = reason
        self.description = description
        super().__init__(f"{reason}: {description}")
