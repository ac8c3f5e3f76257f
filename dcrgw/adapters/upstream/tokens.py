"""Who says what an access token of an authorization server (AS) is good for: the AS when asked, or its keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

from cachetools import TTLCache

from dcrgw.adapters.flights import Flights
from dcrgw.adapters.upstream.discovery import Discovery
from dcrgw.adapters.upstream.refusals import members_of, refusal
from dcrgw.adapters.upstream.way import Question, Way
from dcrgw.core.authorization.credentials import basic
from dcrgw.core.authorization.tokens import AccessToken, token_hash
from dcrgw.core.jose import reader, verification
from dcrgw.core.jose.algorithms import ALGORITHMS
from dcrgw.core.jose.keys import KeySet, KeySetUnusable, key_set
from dcrgw.core.jose.reader import JosePolicy
from dcrgw.core.jose.reasons import JoseReason, JoseRefused
from dcrgw.core.upstream.tokens import claimed, introspected
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.ports.clock import Clock

_MOST = 10_000
#: A revoked token is remembered at least this long; access tokens live shorter.
_REVOKED_S = 86_400.0
_POLICY = JosePolicy(algorithms=frozenset(ALGORITHMS), types=frozenset({"at+jwt"}))
_KEYS_S = 300.0
_COOL_DOWN_S = 30.0
_LEEWAY_S = 10


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """`url` is where tokens are asked for where the discovery document does not say (Hydra's administration)."""

    market: str
    issuer: str
    cache_s: float
    audience: str
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    url: str | None = None


class Judge(Protocol):
    """Finds out anew what a token is good for."""

    async def judge(self, token: str) -> AccessToken | None:
        """Its word now. Raises: Unavailable, Misconfigured."""
        ...

    async def close(self) -> None:
        """Stop asking."""
        ...


class _Unknown:
    """Nothing is kept of a token; None is a word on it."""


_UNKNOWN = _Unknown()


class JudgedTokens:
    """Keeps each word on a token for a short while. A token that was revoked here is good for nothing at once."""

    def __init__(
        self,
        judge: Judge,
        *,
        cache_s: float,
        clock: Clock,
        monotonic: Callable[[], float],
    ) -> None:
        self._judge, self._clock = judge, clock
        self._kept: TTLCache[str, AccessToken | _Unknown | None] = TTLCache(_MOST, cache_s, timer=monotonic)
        self._revoked: TTLCache[str, None] = TTLCache(_MOST, _REVOKED_S, timer=monotonic)

    async def judged(self, token: str) -> AccessToken | None:
        """What it is good for; None where that is nothing. Raises: Unavailable, Misconfigured."""
        key = token_hash(token)
        found = self._kept.get(key, _UNKNOWN)
        if isinstance(found, _Unknown):
            found = self._kept[key] = await self._judge.judge(token)
        # Looked at after the question: it may have been revoked while that was under way.
        if key in self._revoked or found is None or self._clock.now() >= found.expires_at:
            return None
        return found

    def forget(self, token: str) -> None:
        """It was revoked."""
        key = token_hash(token)
        self._kept.pop(key, None)
        self._revoked[key] = None

    async def close(self) -> None:
        """Stop asking."""
        await self._judge.close()


class Introspection:
    """Asks the AS (RFC 7662), as the gateway's own client there."""

    def __init__(self, way: Way, discovery: Discovery, settings: TokenSettings, clock: Clock) -> None:
        self._way, self._discovery, self._settings, self._clock = way, discovery, settings, clock

    async def judge(self, token: str) -> AccessToken | None:
        """Its word now."""
        settings, dependency = self._settings, self._way.dependency
        metadata = await self._discovery.current()
        url = settings.url or metadata.places.get("introspection_endpoint")
        if url is None:
            raise Misconfigured(f"{dependency}: it has no introspection_endpoint; set upstream.management_tokens")
        form = {"token": token, "token_type_hint": "access_token"}
        fields = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "application/json"),
            ("Accept-Encoding", "identity"),
        ]
        if settings.client_id is not None and settings.client_secret is not None:
            fields.append(("Authorization", basic(settings.client_id, settings.client_secret)))
        elif settings.client_id is not None:
            form["client_id"] = settings.client_id
        answer = await self._way.ask(Question("POST", url, tuple(fields), urlencode(form).encode("ascii")))
        if answer.status != 200:
            raise refusal(dependency, "POST introspection", answer, credential="upstream.introspection_client_secret")
        said = members_of(dependency, "POST introspection", answer)
        return introspected(said, token, market=settings.market, issuer=settings.issuer, at=self._clock.now())

    async def close(self) -> None:
        """Nothing is under way that nobody waits for."""


class PublishedKeys:
    """Proves tokens (RFC 9068) by the keys that the AS publishes."""

    def __init__(
        self, way: Way, discovery: Discovery, settings: TokenSettings, clock: Clock, monotonic: Callable[[], float]
    ) -> None:
        self._way, self._discovery, self._settings, self._clock = way, discovery, settings, clock
        self._monotonic = monotonic
        self._keys: KeySet | None = None
        self._kept_at = 0.0
        self._flights: Flights[str, KeySet] = Flights()

    async def judge(self, token: str) -> AccessToken | None:
        """What its claims say, if they are proven."""
        settings = self._settings
        try:
            unverified = reader.read(token, _POLICY)
        except JoseRefused:
            return None
        # RFC 9068 §4: the type is what keeps an ID token from passing for an access token.
        if unverified.header.typ != "at+jwt" or not await self._is_proven(unverified):
            return None
        try:
            claims = reader.claims(unverified.payload)
        except JoseRefused:
            return None
        return claimed(
            claims,
            token,
            market=settings.market,
            issuer=settings.issuer,
            audience=settings.audience,
            at=self._clock.now(),
            leeway_s=_LEEWAY_S,
        )

    async def close(self) -> None:
        """End a question for keys."""
        await self._flights.close()

    async def _is_proven(self, token: reader.Unverified) -> bool:
        keys = await self._current(_KEYS_S)
        try:
            verification.verify(token, keys, _POLICY)
        except JoseRefused as refused:
            if refused.reason is not JoseReason.KEY_UNKNOWN:
                return False
        else:
            return True
        # A key that came since; asked for at most once in a while, since strangers choose the kid.
        keys = await self._current(_COOL_DOWN_S)
        try:
            verification.verify(token, keys, _POLICY)
        except JoseRefused:
            return False
        return True

    async def _current(self, age_s: float) -> KeySet:
        if self._keys is None or self._monotonic() - self._kept_at >= age_s:
            return await self._flights.join("keys", self._fetch)
        return self._keys

    async def _fetch(self) -> KeySet:
        url = (await self._discovery.current()).places.get("jwks_uri")
        if url is None:
            raise Misconfigured(f"{self._way.dependency}: it has no jwks_uri; set upstream.management_tokens")
        asked_at = self._monotonic()
        answer = await self._way.ask(Question("GET", url, (("Accept-Encoding", "identity"),)))
        if answer.status != 200:
            raise refusal(self._way.dependency, "GET jwks", answer, credential="what proves the gateway")
        try:
            self._keys, self._kept_at = key_set(answer.body, source=url), asked_at
        except KeySetUnusable as unusable:
            raise Unavailable(self._way.dependency, f"its key set {unusable}") from None
        return self._keys
