"""Our own access token at a directory: private_key_jwt over mutual TLS (RFC 7523 §2.2, RFC 8705)."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from dcrgw.adapters.directory.endpoint import Endpoint, EndpointTrouble, Trouble, refusal
from dcrgw.adapters.directory.settings import OpenBankingDirectory
from dcrgw.adapters.fetcher import Fetched
from dcrgw.adapters.flights import Flights
from dcrgw.core import strict_json
from dcrgw.core.jose import signing
from dcrgw.errors import Misconfigured

_ASSERTION_LIFETIME_S = 300
_LONGEST_S = 3600.0
#: For a token that says nothing of its lifetime.
_UNSAID_S = 60.0
#: RFC 6750 §2.1 b64token: nothing else may enter a header.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,16384}=*")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token that may be used until `good_until` (monotonic seconds)."""

    value: str = field(repr=False)
    good_until: float


class AccessTokens:
    """Keeps one token and fetches the next, once, however many requests wait for it."""

    def __init__(
        self,
        directory: OpenBankingDirectory,
        endpoint: Endpoint,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._endpoint = endpoint
        self._now = now
        self._clock = clock
        self._token: AccessToken | None = None
        self._flights: Flights[str, AccessToken] = Flights()

    async def current(self) -> AccessToken:
        """A token that is good for a while. Raises: Unavailable."""
        token = self._token
        if token is not None and self._clock() < token.good_until:
            return token
        return await self._flights.join("token", self._renew)

    def drop(self, token: AccessToken) -> None:
        """Forget a token that was refused, unless it was replaced meanwhile."""
        if self._token is token:
            self._token = None

    async def close(self) -> None:
        """End a request under way."""
        await self._flights.close()

    async def _renew(self) -> AccessToken:
        self._token = await self._endpoint.ask(self.ask)
        return self._token

    async def ask(self) -> AccessToken:
        """A token asked for now, past what is kept and past the breaker. Raises: FetchFailed, EndpointTrouble."""
        directory = self._directory
        asked_at = self._clock()
        form = {
            "grant_type": "client_credentials",
            "client_id": directory.client_id,
            "scope": " ".join(directory.scopes),
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            # In a thread: an RSA signature takes about a millisecond.
            "client_assertion": await asyncio.to_thread(self._assertion),
        }
        answer = await directory.fetcher.post_form(directory.token_url, form, hosts=None)
        if answer.status != 200:
            raise _token_refusal(answer, self._now())
        value, lifetime_s = _read(answer)
        return AccessToken(value, asked_at + lifetime_s)

    def _assertion(self) -> str:
        directory = self._directory
        issued_at = int(self._now())
        claims = {
            "iss": directory.client_id,
            "sub": directory.client_id,
            "aud": directory.audience,
            # The Open Banking directory wants the scope inside the assertion too.
            "scope": " ".join(directory.scopes),
            "jti": str(uuid.uuid4()),
            "iat": issued_at,
            "exp": issued_at + _ASSERTION_LIFETIME_S,
        }
        try:
            return signing.sign(claims, key=directory.signing_key, alg=directory.signing_alg, kid=directory.key_id)
        except ValueError as error:
            raise Misconfigured(f"the signing key for the directory {directory.name} signs nothing: {error}") from None


def _token_refusal(answer: Fetched, now: float) -> EndpointTrouble:
    """RFC 6749 §5.2: which 4xx says that it is our own credential."""
    if answer.status in (401, 403):
        return EndpointTrouble(Trouble.OWN_CREDENTIAL_REFUSED, f"answered {answer.status}")
    if answer.status != 400:
        return refusal(answer, now)
    try:
        said = strict_json.loads_object(answer.body).get("error")
    except strict_json.JsonRefused:
        said = None
    if said in ("invalid_client", "unauthorized_client", "invalid_grant", "invalid_scope"):
        return EndpointTrouble(Trouble.OWN_CREDENTIAL_REFUSED, f"answered 400 {said}")
    return EndpointTrouble(Trouble.BROKEN, "answered 400")


def _read(answer: Fetched) -> tuple[str, float]:
    """The token and for how long to use it: less than it lives, so that it does not expire on its way."""
    try:
        members = strict_json.loads_object(answer.body)
    except strict_json.JsonRefused as error:
        raise EndpointTrouble(Trouble.UNREADABLE, f"the token answer {error}") from None
    token, kind = members.get("access_token"), members.get("token_type", "Bearer")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise EndpointTrouble(Trouble.UNREADABLE, "the token answer has no access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise EndpointTrouble(Trouble.UNREADABLE, "the token is no bearer token")
    lives_s = _lifetime(members.get("expires_in"))
    if lives_s <= 0:
        raise EndpointTrouble(Trouble.UNREADABLE, "the token has expired already")
    return token, min(lives_s - min(30.0, lives_s / 4), _LONGEST_S)


def _lifetime(said: strict_json.JsonValue) -> float:
    if isinstance(said, str) and said.isascii() and said.isdigit():
        return float(said[:9])
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        return _UNSAID_S
    return float(min(said, 10**9))
