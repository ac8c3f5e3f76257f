"""What an authorization endpoint answers with, and where in the redirect_uri (OAuth 2.0 Multiple Response Types)."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue

CODE = "code"
#: OpenID Connect Core 1.0 §3.3: the code, and an ID token that signs it (FAPI 1.0 Advanced §5.2.2).
CODE_ID_TOKEN = "code id_token"

#: Each type has the one mode that is its default (OAuth 2.0 Multiple Response Types §2.1, §5).
MODES: Mapping[str, str] = {CODE: "query", CODE_ID_TOKEN: "fragment"}


def spelled(text: str) -> str:
    """A type in the order in which we name it: the order of its words says nothing (RFC 6749 §3.1.1)."""
    words = sorted(text.split(" "))
    return next((known for known in MODES if sorted(known.split(" ")) == words), text)


def offered(market: Market) -> tuple[str, ...]:
    """The types that are served here: those that a registration may ask for."""
    return tuple(known for known in MODES if known in market.profile.metadata.response_types)


def wants_id_token(response_type: str) -> bool:
    """Whether an ID token comes with the answer."""
    return "id_token" in response_type.split(" ")


def in_fragment(response_type: JsonValue, response_mode: JsonValue) -> bool:
    """Where a client that asks so looks for its answer, also where what it asks for is refused.

    What may hold tokens never stands in a query, whatever mode is asked for.
    """
    words = response_type.split(" ") if isinstance(response_type, str) else []
    return response_mode == "fragment" or not {"id_token", "token"}.isdisjoint(words)
