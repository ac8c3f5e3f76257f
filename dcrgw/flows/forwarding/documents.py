"""What everybody may read of a market with an authorization server (AS) behind: its document and its keys."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.market import Market
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream import answers, discovery
from dcrgw.core.upstream.answers import AnswerRefused
from dcrgw.errors import Unavailable
from dcrgw.ports import Ports
from dcrgw.ports.upstream import Asked

_KEYS = "jwks_uri"


async def document(market: Market, ports: Ports) -> Mapping[str, JsonValue]:
    """The discovery document. Raises: Unavailable, Misconfigured."""
    theirs = await ports.upstream.discovery(market.name)
    return discovery.document(market, theirs, detail_types=ports.details.types(market.name))


async def keys(market: Market, ports: Ports) -> Mapping[str, JsonValue]:
    """The AS's published keys. Raises: Unavailable, also where it publishes what nobody may; Misconfigured."""
    told = await ports.upstream.forward(market.name, Asked(_KEYS, "GET", (("Accept", "application/json"),)))
    try:
        return answers.keys(told.status, told.body)
    except AnswerRefused as refused:
        raise Unavailable(f"upstream.{market.name}", f"its {_KEYS} {refused}") from None
