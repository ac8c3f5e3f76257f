"""What others answer, read whole and no further than a bound."""

from __future__ import annotations

import aiohttp

from dcrgw.adapters.fetch_failures import FetchFailed, FetchReason


async def whole_body(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The body of an answer. Raises: FetchFailed for one of more than `most` bytes, before all of it was read."""
    if (answer.content_length or 0) > most:
        raise _too_long(most)
    read = bytearray()
    async for piece in answer.content.iter_any():
        read += piece
        if len(read) > most:
            raise _too_long(most)
    return bytes(read)


def _too_long(most: int) -> FetchFailed:
    return FetchFailed(FetchReason.SIZE, f"the answer is longer than {most} bytes")
