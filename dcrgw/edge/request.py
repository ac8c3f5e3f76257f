"""The request as handlers see it: aiohttp's, with a body that is capped, invited and never decoded."""

from __future__ import annotations

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from dcrgw.edge.faults import SYNTAX, HttpFault, too_large


class Request(web.BaseRequest):
    """A request whose `read()` raises `HttpFault`, never aiohttp's own answers."""

    _invited = False
    #: Why it is only a stand-in for what was sent, which cannot be told as a request.
    fault: HttpFault | None = None

    async def read(self) -> bytes:
        """The whole body, as sent. Raises: HttpFault when it is too large, broken or late."""
        await self._invite()
        try:
            return await super().read()
        except web.HTTPRequestEntityTooLarge as error:
            raise too_large(self._client_max_size) from error
        except (RequestPayloadError, HttpProcessingError) as error:
            raise HttpFault(SYNTAX, "the body is not what its headers announce") from error
        except ConnectionError as error:
            raise HttpFault(SYNTAX, "the connection ended within the body") from error

    async def _invite(self) -> None:
        """Send 100 Continue once a handler wants the body: a refused request never sends one (RFC 9110 §10.1.1)."""
        if self._invited or self.version < HttpVersion11 or self.content.is_eof():
            return
        self._invited = True
        if self.headers.get("Expect", "").lower() == "100-continue":
            await self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # The final answer has not begun: what counts the bytes sent must not think so.
            self.writer.output_size = 0

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        # aiohttp fills in its name and version just before this hook.
        response.headers.pop("Server", None)
