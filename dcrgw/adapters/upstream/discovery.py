"""What an authorization server (AS) says of itself: fetched at the start, kept, and asked for again in time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dcrgw.adapters.flights import Flights
from dcrgw.adapters.upstream.way import Question, Way
from dcrgw.core import strict_json
from dcrgw.core.upstream.metadata import AsMetadata, ForeignIssuer, read
from dcrgw.errors import GatewayError, Misconfigured, Unavailable

_LIFETIME_S = 300.0
#: An AS that stays away this long may come back as another.
_STALE_S = 3600.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0

_FIELDS = (("Accept", "application/json"), ("Accept-Encoding", "identity"))

#: What is told to the operator's health: whether the document is there, and why not.
Tell = Callable[[bool, str], None]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Who the AS speaks for, and where it is: `url` without a trailing slash, and the paths below it that its own
    document does not tell."""

    issuer: str
    url: str
    paths: Mapping[str, str] = field(default_factory=dict)


class Discovery:
    """Keeps one AS's discovery document. Its issuer is the market's in every document that is given out.

    It hears what comes of all that the AS is asked on the same way: so health is told of trouble, and of its end, at
    once. Nothing is asked because of it: one TPP's question may be what the AS is silent to.
    """

    def __init__(self, way: Way, where: Whereabouts, *, clock: Callable[[], float], tell: Tell) -> None:
        self._way, self._where, self._clock, self._tell = way, where, clock, tell
        self._kept: AsMetadata | None = None
        self._kept_at = 0.0
        self._failure: GatewayError | None = None
        self._reason = ""
        #: Far back, so that whoever comes first may ask.
        self._asked_at = -math.inf
        self._failures = 0
        self._is_asking = False
        #: Others met trouble since the document was had.
        self._is_troubled = False
        way.tell(self._hear)
        self._flights: Flights[str, None] = Flights()

    async def start(self) -> None:
        """Ask for the first time, and go on asking.

        Raises: Misconfigured where another issuer answers. An AS that is not there is waited for.
        """
        await self.renew()
        if isinstance(self._failure, Misconfigured):
            raise self._failure
        self._flights.start("watch", self._watch)

    async def current(self) -> AsMetadata:
        """The document as known. Raises: Unavailable."""
        if self._usable() is None and self._clock() - self._asked_at >= self._pause_s():
            await self._flights.join("renew", self.renew)
        usable = self._usable()
        if usable is not None:
            return usable
        failure = self._failure
        if isinstance(failure, Unavailable):
            raise Unavailable(failure.dependency, failure.reason, retry_after_s=failure.retry_after_s)
        raise Unavailable(self._way.dependency, str(failure or "its discovery document is too old"))

    async def renew(self) -> None:
        """Ask now, and keep what comes if it is good; what is kept stays otherwise, but for another issuer's."""
        self._asked_at, self._is_asking = self._clock(), True
        try:
            found = await self._fetched()
        except Unavailable as failure:
            self._failed(failure, failure.reason)
        except Misconfigured as failure:
            # The one who answers there is not the one who was registered with: nothing is asked of it any more.
            self._kept = None
            self._failed(failure, str(failure))
        else:
            self._kept, self._kept_at, self._failure, self._failures = found, self._asked_at, None, 0
            self._is_troubled = False
            self._tell(True, "")
        finally:
            self._is_asking = False

    async def close(self) -> None:
        """Stop asking."""
        await self._flights.close()

    async def _fetched(self) -> AsMetadata:
        for url in self._urls:
            answer = await self._way.ask(Question("GET", url, _FIELDS))
            if answer.status == 200:
                return self._read(url, answer.body)
            if answer.status not in (404, 405):
                break
        raise Unavailable(
            self._way.dependency,
            f"answered {answer.status} when asked for {self._urls[0]}; see whether upstream.url is right, and whether"
            " it lets the gateway in",
        )

    @property
    def _urls(self) -> tuple[str, str]:
        """OpenID Connect Discovery 1.0 §4; RFC 8414 §3.1, for servers that know no OpenID Connect."""
        parts = urlsplit(self._where.url)
        plain = f"https://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}"
        return f"{self._where.url}/.well-known/openid-configuration", plain

    def _read(self, url: str, body: bytes) -> AsMetadata:
        where = self._where
        try:
            return read(body, issuer=where.issuer, url=where.url, paths=where.paths)
        except strict_json.JsonRefused as refused:
            raise Unavailable(self._way.dependency, f"the discovery document at {url} {refused}") from None
        except ForeignIssuer as foreign:
            raise Misconfigured(f"{self._way.dependency}: {foreign}") from None

    def _hear(self, trouble: str | None) -> None:
        if self._is_asking or self._usable() is None:
            return  # what comes of the document itself says more
        if trouble is not None:
            self._is_troubled = True
            self._tell(True, trouble)
        elif self._is_troubled:
            self._is_troubled = False
            # That the document cannot be had is over when it is had.
            self._tell(True, self._reason if self._failures else "")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._pause_s())
            await self._flights.join("renew", self.renew)

    def _pause_s(self) -> float:
        if not self._failures:
            return _LIFETIME_S
        return float(min(_FIRST_PAUSE_S * 2.0 ** min(self._failures - 1, 10), _LONGEST_PAUSE_S))

    def _failed(self, failure: GatewayError, reason: str) -> None:
        self._failure, self._reason, self._failures = failure, reason, self._failures + 1
        self._tell(self._usable() is not None, reason)

    def _usable(self) -> AsMetadata | None:
        return self._kept if self._clock() - self._kept_at < _STALE_S else None
