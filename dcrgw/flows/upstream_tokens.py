"""Access tokens of the authorization server (AS) behind a market: good while both the gateway and the AS say so."""

from __future__ import annotations

from dataclasses import replace

from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.market import Market
from dcrgw.ports import Ports


async def access_token(token: str, market: Market, ports: Ports) -> AccessToken | None:
    """What a token is good for; None for one that was not released here, ended here, or is none to the AS any more.

    It is bound to the certificate over which it was released, whether the AS binds tokens or not. Who brings what was
    never released is answered without asking the AS. Raises: Unavailable, Misconfigured.
    """
    known = await ports.registry.access_token(token_hash(token))
    if known is None or known.market != market.name:
        return None
    found = await ports.upstream.access_token(market.name, token)
    if found is None or found.client_id != known.client_id:
        return None
    if found.x5t_s256 not in (None, known.x5t_s256):
        return None
    return replace(
        known,
        scope=tuple(word for word in found.scope if word in known.scope),
        expires_at=min(known.expires_at, found.expires_at),
        grant=known.grant or found.grant,
        sub=found.sub or known.sub,
    )
