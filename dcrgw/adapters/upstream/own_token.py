"""The gateway's own access token at an authorization server (AS), for the AS's administration."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from dcrgw.adapters.flights import Flights
from dcrgw.adapters.upstream.discovery import Discovery
from dcrgw.adapters.upstream.refusals import members_of, refusal
from dcrgw.adapters.upstream.way import Question, Way
from dcrgw.core.authorization.credentials import basic
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import Misconfigured, Unavailable

#: RFC 6750 §2.1 b64token: nothing else may enter a header.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,16384}=*")
_UNSAID_S = 60.0
_LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True)
class OwnClient:
    """The gateway's client there; without a secret its transport certificate speaks for it."""

    client_id: str
    secret: str | None = field(repr=False)


class OwnToken:
    """Keeps one token and asks for the next, once, however many wait for it."""

    def __init__(self, way: Way, discovery: Discovery, client: OwnClient, clock: Callable[[], float]) -> None:
        self._way, self._discovery, self._client, self._clock = way, discovery, client, clock
        self._value: str | None = None
        self._good_until = 0.0
        self._flights: Flights[str, str] = Flights()

    async def current(self) -> str:
        """A token that is good for a while. Raises: Unavailable, Misconfigured."""
        if self._value is not None and self._clock() < self._good_until:
            return self._value
        return await self._flights.join("token", self._renew)

    def drop(self, token: str) -> None:
        """Forget a token that was refused, unless it was replaced meanwhile."""
        if self._value == token:
            self._value = None

    async def close(self) -> None:
        """End a question under way."""
        await self._flights.close()

    async def _renew(self) -> str:
        url = (await self._discovery.current()).places.get("token_endpoint")
        if url is None:
            raise Misconfigured(f"{self._way.dependency}: it has no token_endpoint")
        asked_at, form = self._clock(), {"grant_type": "client_credentials"}
        fields = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "application/json"),
            ("Accept-Encoding", "identity"),
        ]
        if self._client.secret is None:
            form["client_id"] = self._client.client_id
        else:
            fields.append(("Authorization", basic(self._client.client_id, self._client.secret)))
        answer = await self._way.ask(Question("POST", url, tuple(fields), urlencode(form).encode("ascii")))
        if answer.status in (400, 401, 403):
            # What is refused here is nobody's but ours, whatever OAuth calls it.
            raise Misconfigured(
                f"{self._way.dependency}: it answered {answer.status} to the gateway's own token request; look at"
                " upstream.admin_client_id, its secret and whether it may ask for client_credentials"
            )
        if answer.status != 200:
            raise refusal(self._way.dependency, "POST token", answer, credential="upstream.admin_client_secret")
        said = members_of(self._way.dependency, "POST token", answer)
        token, kind = said.get("access_token"), said.get("token_type", "Bearer")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token) or str(kind).lower() != "bearer":
            raise Unavailable(self._way.dependency, "its answer to POST token holds no bearer token")
        self._value, self._good_until = token, asked_at + _used_s(said.get("expires_in"))
        return token


def _used_s(lives_s: JsonValue) -> float:
    """How long to use a token: less than it lives, so that it does not expire on its way."""
    if isinstance(lives_s, bool) or not isinstance(lives_s, (int, float)):
        return _UNSAID_S
    return min(lives_s - min(30.0, lives_s / 4), _LONGEST_S)
