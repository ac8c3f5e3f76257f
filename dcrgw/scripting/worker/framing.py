"""The form of what goes up and down a worker's pipe: four bytes of length, then the message. Never a pickle.

Up it is JSON, read strictly, since a worker may say anything. Down it is marshal, which is read by nobody but a child
of the same interpreter, that runs what it is told anyway: for the 20 KB of a registration it costs a fifth of JSON.
"""

from __future__ import annotations

import json
import marshal
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from dcrgw.core import strict_json

#: The largest message down: a request is 128 KiB at most, and what is told of it a little more.
MAX_DOWN_BYTES = 4 * 1024 * 1024
#: The largest message up: a client, or an answer of the gateway's, with what a script adds to it.
MAX_UP_BYTES = 1024 * 1024
#: The most commas in one: ten times what a client could hold. Reading a million values would stop the gateway.
MOST_COMMAS = 20_000
#: How deep what a worker says may nest: metadata in an answer in a message.
_MAX_DEPTH = strict_json.MAX_DEPTH + 4

_LENGTH = struct.Struct(">I")
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, check_circular=False, separators=(",", ":")).encode


class FramingBroken(Exception):
    """What arrived is no message: too long, not JSON, or cut off. The channel is of no further use."""


def pack_up(message: Mapping[str, Any]) -> bytes:
    """A worker's message as bytes. Raises: ValueError, TypeError or RecursionError when it is not JSON, or too long."""
    body = _encode(message).encode()
    if body.count(b",") > MOST_COMMAS:
        raise ValueError("the message holds too many values")
    return _framed(body, MAX_UP_BYTES)


def pack_down(message: Mapping[str, Any]) -> bytes:
    """The gateway's message as bytes. Raises: as `pack_up`."""
    try:
        return _framed(marshal.dumps(dict(message)), MAX_DOWN_BYTES)
    except ValueError:
        # A subclass of text or of dict, as an inline script may have left one: what it is as JSON.
        return _framed(marshal.dumps(json.loads(_encode(message))), MAX_DOWN_BYTES)


def _framed(body: bytes, most: int) -> bytes:
    if len(body) > most:
        raise ValueError("the message is too long")
    return _LENGTH.pack(len(body)) + body


class Unpacking:
    """Bytes in, whole messages out; for the gateway, which believes nothing of what a worker sends."""

    def __init__(self) -> None:
        self._held = bytearray()

    def take(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Every message that is whole now. Raises: FramingBroken."""
        self._held += data
        while len(self._held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._held)
            if length > MAX_UP_BYTES:
                raise FramingBroken("a message is too long")
            end = _LENGTH.size + length
            if len(self._held) < end:
                return
            body = bytes(self._held[_LENGTH.size : end])
            del self._held[:end]
            if body.count(b",") > MOST_COMMAS:
                raise FramingBroken("a message holds too many values")
            try:
                yield strict_json.loads_object(body, max_depth=_MAX_DEPTH)
            except strict_json.JsonRefused as refused:
                raise FramingBroken(f"a message {refused}") from None


class Line:
    """The worker's end: it blocks, since a worker has nothing else to do."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one message. Raises: OSError, and as `pack_up` does."""
        self._end.sendall(pack_up(message))

    def receive(self) -> dict[str, Any] | None:
        """The next message, None when the gateway has hung up."""
        head = self._read(_LENGTH.size)
        body = self._read(_LENGTH.unpack(head)[0]) if head else None
        if body is None:
            return None
        message: dict[str, Any] = marshal.loads(body)  # noqa: S302 - from the gateway alone, see above
        return message

    def _read(self, count: int) -> bytes | None:
        data = self._end.recv(count)
        while data and len(data) < count:
            more = self._end.recv(count - len(data))
            if not more:
                return None
            data += more
        return data or None
