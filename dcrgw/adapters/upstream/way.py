"""The one way to the authorization server (AS) of a market: its connections, its deadlines, its caps.

Every request goes out once. A server that closed a kept connection may have done what it was asked before it did, so
only questions without effect (GET, HEAD) are put again; what became of another nobody knows, which is `Unavailable`.
The address is the operator's own word, so unlike `Fetcher` it may be anywhere. Nothing else differs in care: TLS is
proven, no redirect is followed, no proxy of the environment is asked, no cookie is kept, all answers are bounded.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
from aiohttp.typedefs import LooseHeaders
from multidict import CIMultiDict
from yarl import URL

from dcrgw.adapters.bounded import whole_body
from dcrgw.adapters.breaker import Breaker
from dcrgw.adapters.fetch_failures import FetchFailed, FetchReason, failure_of
from dcrgw.adapters.resolver import BoundedResolver
from dcrgw.core.upstream.fields import Fields, end_to_end, replaced
from dcrgw.errors import Misconfigured, Unavailable
from dcrgw.ports.upstream import NotReached

_HEADER_BYTES = 8190
_HEADERS = 100
#: Below the 5 s after which Node closes an idle connection: one that is closing is one that loses requests.
_KEPT_S = 4.0
_SAFE = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """`total_s` covers a whole exchange that is judged; a page may take `idle_s` between two pieces."""

    total_s: float = 10.0
    idle_s: float = 30.0
    max_bytes: int = 262_144
    connections: int = 100


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `url` is the operator's or was mapped by `core.upstream.places`."""

    method: str
    url: str
    fields: Fields = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer, whatever its status. `fields` without those of the connection."""

    status: int
    fields: Fields = field(repr=False)
    body: bytes = field(repr=False)

    def field(self, name: str) -> str:
        """The first field of this name (lower case); empty where there is none."""
        return next((value for each, value in self.fields if each.lower() == name), "")

    @property
    def content_type(self) -> str:
        """Lower case, without parameters."""
        return self.field("content-type").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer whose body comes piece by piece, as fast as it is taken."""

    status: int
    fields: Fields = field(repr=False)
    pieces: AsyncIterator[bytes] = field(repr=False)
    length: int | None = None


#: Hears of every question what it shows of the AS: None where it answered, else what was wrong.
Hear = Callable[[str | None], None]


class Way:
    """Connections to one AS. Close it when its generation of configuration ends.

    `dependency` names the AS in failures, `ours` are the fields that every request carries (proof, proxy facts).
    """

    def __init__(
        self,
        dependency: str,
        *,
        ssl_context: ssl.SSLContext,
        bounds: Bounds,
        clock: Callable[[], float],
        ours: Fields = (),
    ) -> None:
        if not ssl_context.check_hostname or ssl_context.verify_mode is not ssl.CERT_REQUIRED:
            raise Misconfigured("an outgoing TLS context must verify the server's certificate and its name")
        self.dependency = dependency
        self._ssl = ssl_context
        self._bounds = bounds
        self._ours = ours
        self._clock = clock
        self._breaker = Breaker(clock=clock, tolerated=5, first_pause_s=1.0, longest_pause_s=10.0)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._hear: Hear = _nobody

    def tell(self, hear: Hear) -> None:
        """Let somebody hear what comes of every question from now on."""
        self._hear = hear

    async def ask(self, question: Question) -> Answer:
        """The whole answer, whatever its status. Raises: Unavailable."""
        asked_at = self._admit()
        try:
            async with asyncio.timeout(self._bounds.total_s):
                answer = await self._send(question)
                # Anything but a whole answer closes the connection: what else is in it is not worth reading.
                try:
                    body = await whole_body(answer, self._bounds.max_bytes)
                except BaseException:
                    answer.close()
                    raise
                answer.release()
        except BaseException as error:
            failure = self._failed(question, error, asked_at)
        else:
            self._succeeded(answer)
            return Answer(answer.status, _fields(answer), body)
        # Raised outside the handler: aiohttp's exceptions hold the request's headers, and ours must not lead there.
        raise failure

    @asynccontextmanager
    async def open(self, question: Question) -> AsyncIterator[Opened]:
        """An answer that is passed on as it comes. Raises: Unavailable, also while its pieces are read.

        Who leaves before the last piece closes the connection.
        """
        answer = await self._opened(question)
        try:
            yield Opened(answer.status, _fields(answer), self._pieces(question, answer), answer.content_length)
        finally:
            # Closes what is not at its end, and gives back what is.
            if answer.content.at_eof():
                answer.release()
            else:
                answer.close()

    async def close(self) -> None:
        """Close every connection. Questions under way fail, and so do later ones."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _opened(self, question: Question) -> aiohttp.ClientResponse:
        asked_at = self._admit()
        try:
            async with asyncio.timeout(self._bounds.total_s):
                answer = await self._send(question)
        except BaseException as error:
            failure = self._failed(question, error, asked_at)
        else:
            self._succeeded(answer)
            return answer
        raise failure

    async def _pieces(self, question: Question, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(self._bounds.idle_s):
                    piece = await answer.content.readany()
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                failure = self._unavailable(question, failure_of(error, []))
            else:
                if not piece:
                    return
                yield piece
                continue
            raise failure

    async def _send(self, question: Question) -> aiohttp.ClientResponse:
        fields: LooseHeaders = CIMultiDict(replaced(end_to_end(question.fields), self._ours))
        return await self._open_session().request(
            question.method,
            # encoded=True: what was configured or named is what is asked, byte for byte.
            URL(question.url, encoded=True),
            headers=fields,
            data=question.body or None,
            allow_redirects=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )

    def _admit(self) -> float:
        """When it is asked."""
        wait_s = self._breaker.admit()
        if wait_s > 0:
            reason = f"not asked for {wait_s:.0f} s after: {self._breaker.last_error}"
            raise NotReached(self.dependency, reason, retry_after_s=max(1, round(wait_s)))
        return self._clock()

    def _succeeded(self, answer: aiohttp.ClientResponse) -> None:
        self._breaker.succeeded()
        self._hear(None if answer.status < 500 else f"it answers {answer.status}")

    def _failed(self, question: Question, error: BaseException, asked_at: float) -> Unavailable:
        """What to raise for an exchange that came to nothing. Raises: what is no failure of the AS."""
        if isinstance(error, FetchFailed):
            failure = error
        elif isinstance(error, (aiohttp.ClientError, TimeoutError, OSError, ValueError)):
            failure = failure_of(error, [])
        else:
            self._breaker.abandoned()
            raise error
        # An AS that answered others meanwhile is there. One client (its own keys may be slow) does not speak for it.
        answered_at = self._breaker.last_success_at
        if failure.reason is FetchReason.SIZE or (answered_at is not None and answered_at > asked_at):
            self._breaker.abandoned()
        else:
            self._breaker.failed(str(failure))
            self._hear(str(failure))
        # Without a connection nothing was asked of it.
        never = isinstance(error, aiohttp.ClientConnectorError)
        return self._unavailable(question, failure, NotReached if never else Unavailable)

    def _unavailable(
        self, question: Question, failure: FetchFailed, kind: type[Unavailable] = Unavailable
    ) -> Unavailable:
        # The path without its query: a query may hold what is the customer's.
        asked = f"{question.method} {question.url.partition('?')[0]}"
        return kind(self.dependency, f"{asked}: {failure}{_WHAT_TO_DO.get(failure.reason, '')}")

    def _open_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise FetchFailed(FetchReason.CONNECT, "the way was closed")
        # Made at the first question, since a connector belongs to the running loop.
        if self._session is None:
            connector = aiohttp.TCPConnector(
                ssl=self._ssl,
                resolver=BoundedResolver(),
                limit=self._bounds.connections,
                keepalive_timeout=_KEPT_S,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
                max_headers=_HEADERS,
                middlewares=(_once,),
            )
        return self._session


class _Cut(aiohttp.ClientConnectionError):
    """The connection ended under a request that must not be put twice."""


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keeps aiohttp from putting a PUT or DELETE again after a cut connection, as it does with all idempotent ones.

    They are not: a PUT makes many servers rotate the registration access token, so that its repetition is refused.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        if request.method in _SAFE:
            raise
        # Outside of the handler's exception for the same reason as above.
    raise _Cut


_WHAT_TO_DO = {
    FetchReason.DNS: "; look at upstream.url",
    FetchReason.CONNECT: "; see whether it runs",
    FetchReason.TLS: "; look at upstream.trust_keystore and at the name in its certificate",
    FetchReason.TIMEOUT: "; see whether it is overloaded, or set upstream.total_s",
    FetchReason.SIZE: "; see whether it is meant, or set upstream.max_bytes",
}


def _nobody(_: str | None) -> None:
    """Hears nothing."""


def _fields(answer: aiohttp.ClientResponse) -> Fields:
    return end_to_end((name.decode("ascii"), value.decode("latin-1")) for name, value in answer.raw_headers)


def origin_of(url: str) -> str:
    """`https://host:port` of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
