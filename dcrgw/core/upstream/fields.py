"""Header fields on their way through: what belongs to one connection goes no further (RFC 9110 §7.6.1)."""

from __future__ import annotations

from collections.abc import Iterable

Fields = tuple[tuple[str, str], ...]

#: Of the connection, or of the message's length, which each hop says anew.
_OF_THE_HOP = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def end_to_end(fields: Iterable[tuple[str, str]]) -> Fields:
    """The fields without those of the connection and those that its Connection field names."""
    every = tuple(fields)
    named = {
        option.strip().lower() for name, value in every if name.lower() == "connection" for option in value.split(",")
    }
    return tuple((name, value) for name, value in every if name.lower() not in _OF_THE_HOP | named)


def replaced(fields: Iterable[tuple[str, str]], ours: Iterable[tuple[str, str]]) -> Fields:
    """The fields with ours in place of any of the same name, however it was spelled."""
    added = tuple(ours)
    names = {_spelled(name) for name, _ in added}
    return (*((name, value) for name, value in fields if _spelled(name) not in names), *added)


def _spelled(name: str) -> str:
    # Servers that hand header fields to programs as variables (CGI, WSGI, PHP) take _ and - for the same.
    return name.lower().replace("_", "-")
