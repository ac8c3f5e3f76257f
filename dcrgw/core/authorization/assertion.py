"""The claims of a client assertion, once its signature is proven (RFC 7523 §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcrgw.core.authorization import gates
from dcrgw.core.authorization.endpoints import pushed_endpoint, token_endpoint
from dcrgw.core.checks import Findings
from dcrgw.core.market import Market
from dcrgw.core.registration.dates import Window, numeric_date
from dcrgw.core.strict_json import JsonValue

MAX_LIFETIME_S = 3600
MAX_JTI_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion that may serve once: its `jti` must not come again before `expires_at` (epoch seconds)."""

    jti: str
    expires_at: float


def judge_claims(
    found: Mapping[str, JsonValue], client_id: str, market: Market, at: float, findings: Findings
) -> Assertion | None:
    """State every gate of the claims; the assertion where none failed. `at` is epoch seconds."""
    findings.settle(gates.ASSERTION_ISSUER, None if found.get("iss") == client_id else "iss is not the client_id")
    findings.settle(gates.ASSERTION_SUBJECT, None if found.get("sub") == client_id else "sub is not the client_id")
    findings.settle(gates.ASSERTION_AUDIENCE, _audience_fault(found.get("aud"), market))
    window = Window(at, market.leeway_s)
    exp, iat, jti = found.get("exp"), found.get("iat"), found.get("jti")
    findings.settle(gates.ASSERTION_EXP, window.not_past("exp", exp))
    findings.settle(gates.ASSERTION_LIFETIME, _lifetime_fault(exp, iat, window))
    for entry, name in ((gates.ASSERTION_NBF, "nbf"), (gates.ASSERTION_IAT, "iat")):
        if name in found:
            findings.settle(entry, window.not_future(name, found[name]))
        else:
            findings.add(entry.skipped(f"the assertion has no {name}"))
    good = isinstance(jti, str) and 0 < len(jti) <= MAX_JTI_LENGTH
    findings.settle(gates.ASSERTION_JTI, None if good else f"jti must be a string of 1 to {MAX_JTI_LENGTH} characters")
    expires = numeric_date(exp)
    if findings.has_failed or not isinstance(jti, str) or expires is None:
        return None
    return Assertion(jti, expires + market.leeway_s)


def audiences(market: Market) -> frozenset[str]:
    """What an assertion's `aud` may name for us: the issuer, the token endpoint by either name, and where to push."""
    # Standards differ: RFC 7523 suggests the token endpoint, FAPI 2.0 the issuer alone, CDR takes both; RFC 9126 §2
    # wants that of pushed requests taken too.
    pushing = {pushed_endpoint(market)} if market.server.takes_pushed_requests else set()
    return frozenset({market.issuer, token_endpoint(market), f"{market.issuer}/token", *pushing})


def _audience_fault(aud: JsonValue, market: Market) -> str | None:
    named = aud if isinstance(aud, list) else [aud]
    ours = audiences(market)
    if any(isinstance(each, str) and each in ours for each in named):
        return None
    return "aud is neither the issuer nor the token endpoint"


def _lifetime_fault(exp: JsonValue, iat: JsonValue, window: Window) -> str | None:
    expires, issued = numeric_date(exp), numeric_date(iat)
    if expires is None:
        return "exp is no date"
    # Without iat the life is counted from now: what would have to be remembered for longer is not taken.
    begins = window.at + window.leeway_s if issued is None else min(issued, window.at + window.leeway_s)
    return None if expires - begins <= MAX_LIFETIME_S else f"exp is more than {MAX_LIFETIME_S} seconds ahead"
