"""Which header fields pass between the outside and the AS. What is not named here does not pass, in either way.

So nothing has to be known of what an AS may take for a certificate, a proof or a proxy's word: none of it gets through,
in whatever spelling (`Client_Cert`, `X-SSL-Client-Cert`, `X-Forwarded-Host`), nor what a Connection header names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dcrgw.core.checks import Findings, Judgement, gate
from dcrgw.errors import ErrorCode

Fields = tuple[tuple[str, str], ...]

ONCE = gate(
    "forward.headers.once",
    "A header field that has one value comes once.",
    spec="RFC 9110 §5.3",
    code=ErrorCode.INVALID_REQUEST,
)
UPGRADE = gate(
    "forward.headers.upgrade",
    "What is passed on stays HTTP: no WebSocket, no other protocol.",
    spec="RFC 9110 §7.8; RFC 6455 §4",
    code=ErrorCode.INVALID_REQUEST,
)

# DIVERGENCE: RFC 9110 §5.1 lets unknown fields pass; any of them could be a certificate or a proof to the AS.
#: What a TPP's program may add to a judged request: nothing that says who it is.
_OF_PROGRAMS = frozenset({"accept-language", "user-agent", "x-fapi-auth-date", "x-fapi-customer-ip-address"})
#: Fields of a browser that are lists, or that a browser may well send twice.
_LISTS = frozenset(
    {"accept", "accept-encoding", "accept-language", "cache-control", "cookie", "if-match", "if-none-match", "pragma"}
)
_SINGLE = frozenset(
    {
        "content-type",
        "dnt",
        "if-modified-since",
        "if-range",
        "if-unmodified-since",
        "origin",
        "range",
        "referer",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "sec-fetch-user",
        "sec-gpc",
        "upgrade-insecure-requests",
        "user-agent",
        "x-csrf-token",
        "x-requested-with",
        "x-xsrf-token",
    }
)
#: Of an answer for a browser. Location and Set-Cookie pass too, but are rewritten (`locations`, `cookies`).
_OF_ANSWERS = frozenset(
    {
        "accept-ranges",
        "access-control-allow-credentials",
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-max-age",
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-range",
        "content-security-policy",
        "content-security-policy-report-only",
        "content-type",
        "cross-origin-embedder-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "etag",
        "expires",
        "last-modified",
        "permissions-policy",
        "pragma",
        "referrer-policy",
        "retry-after",
        "vary",
        "www-authenticate",
        "x-frame-options",
        "x-robots-tag",
        "x-xss-protection",
    }
)
#: Printable ASCII and tabs. Bytes beyond have no agreed meaning (RFC 9110 §5.5), and what has none does not pass.
_VALUE = re.compile(r"[\t\x20-\x7e]*")


def of_program(headers: Iterable[tuple[str, str]]) -> Fields:
    """The fields of a judged request that go on as they are; of one that comes twice, none."""
    kept: dict[str, list[str]] = {}
    for name, value in headers:
        kept.setdefault(name.lower(), []).append(value)
    return tuple(
        (name, values[0])
        for name, values in kept.items()
        if name in _OF_PROGRAMS and len(values) == 1 and _VALUE.fullmatch(values[0])
    )


def of_browser(headers: Iterable[tuple[str, str]]) -> Judgement[Fields]:
    """The fields of a browser's request that go on as they are."""
    findings = Findings()
    sent = [(name.lower(), value) for name, value in headers]
    names = [name for name, _ in sent]
    findings.settle(UPGRADE, "another protocol than HTTP is asked for" if "upgrade" in names else None)
    twice = sorted(name for name in _SINGLE if names.count(name) > 1)
    findings.settle(ONCE, f"{twice[0]} comes more than once" if twice else None)
    passing = _LISTS | _SINGLE
    return findings.judgement(
        tuple((name, value) for name, value in sent if name in passing and _VALUE.fullmatch(value))
    )


def of_answer(headers: Iterable[tuple[str, str]]) -> Fields:
    """The fields of the AS's answer that go out as they are."""
    return tuple((name, value) for name, value in headers if name.lower() in _OF_ANSWERS and _VALUE.fullmatch(value))


def came_from(remote_address: str | None) -> Fields:
    """Where the request came from, told to the AS; nothing that the outside says of it is believed."""
    return () if remote_address is None else (("X-Forwarded-For", remote_address),)
