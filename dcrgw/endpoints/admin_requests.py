"""What an administrator's request asks for: strictly read, bounded, and never from a browser."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from dcrgw.core.checks import gate
from dcrgw.core.registration.client import ClientStatus
from dcrgw.core.strict_json import JsonRefused, loads_object
from dcrgw.edge.faults import not_found, too_large
from dcrgw.errors import ErrorCode
from dcrgw.ports.registry import ClientQuery

_CODE = ErrorCode.INVALID_REQUEST

HOST = gate("admin.host", "Host names this listener", spec="RFC 9110 §7.2", code=_CODE, status=421)
BROWSER = gate(
    "admin.browser", "No browser sends the request for another site", spec="Fetch §3.2 (Origin)", code=_CODE, status=403
)
QUERY = gate("admin.query", "Query members are known, single and within bounds", spec="docs/operations.md", code=_CODE)
BODY = gate("admin.body", "The body is empty, or a JSON object with a reason", spec="docs/operations.md", code=_CODE)

LARGEST_PAGE = 500
_LONGEST_VALUE = 200
_LONGEST_REASON = 500
_LARGEST_REASON_BYTES = 8192
_SEARCH = frozenset({"market", "status", "org_id", "software_id", "text", "after", "limit"})
_PLACE = re.compile(
    r"/clients(?:/(?P<market>[A-Za-z0-9][A-Za-z0-9._-]{0,63})/(?P<client_id>[A-Za-z0-9._-]{1,36})(?:/(?P<verb>[a-z-]+))?)?"
)
_AFTER = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})/([A-Za-z0-9._-]{1,36})")


@dataclass(frozen=True, slots=True)
class AdminPlace:
    """/clients; /clients/{market}/{client_id}; the same with a verb behind it."""

    client: tuple[str, str] | None
    verb: str | None


def screen(request: web.BaseRequest, hosts: Collection[str]) -> None:
    """Raises: Rejected for another host's request, which DNS rebinding would be, and for a browser's."""
    found = request.headers.getall("Host", [])
    if len(found) != 1 or _without_port(found[0]).lower() not in hosts:
        raise HOST.rejection("Host names another server")
    # No browser is a client here: whatever page sends one, it acts with rights that are not the page's.
    if "Origin" in request.headers or "Sec-Fetch-Site" in request.headers:
        raise BROWSER.rejection("requests of browsers are not taken")


def place_of(request: web.BaseRequest) -> AdminPlace:
    """Where the request points. Raises: HttpFault for what is nowhere, and for every escaped path."""
    found = _PLACE.fullmatch(request.raw_path.partition("?")[0])
    if found is None:
        raise not_found()
    client = (found["market"], found["client_id"]) if found["market"] else None
    return AdminPlace(client, found["verb"])


def search_of(request: web.BaseRequest) -> ClientQuery:
    """The search of GET /clients."""
    given = query_of(request, _SEARCH)
    status, after = given.get("status"), given.get("after")
    if status is not None and status not in set(ClientStatus):
        raise QUERY.rejection(f"status is none of {', '.join(ClientStatus)}")
    place = _AFTER.fullmatch(after) if after is not None else None
    if after is not None and place is None:
        raise QUERY.rejection("after is not market/client_id")
    return ClientQuery(
        market=given.get("market"),
        status=status,
        org_id=given.get("org_id"),
        software_id=given.get("software_id"),
        text=given.get("text"),
        after=(place[1], place[2]) if place else None,
        limit=limit_in(given),
    )


def waiver_of(request: web.BaseRequest) -> tuple[bool, str]:
    """Whether a change is to serve whatever recorded decisions say, and why."""
    given = query_of(request, {"anyway", "reason"})
    if given.get("anyway", "true") != "true" or ("reason" in given and "anyway" not in given):
        raise QUERY.rejection("anyway is true or not there, and a reason goes with it")
    return "anyway" in given, given.get("reason", "")


def limit_of(request: web.BaseRequest) -> int:
    """How many audit rows a history is to have."""
    return limit_in(query_of(request, {"limit"}))


def no_query(request: web.BaseRequest) -> None:
    """Raises: Rejected for a query where none means anything."""
    query_of(request, ())


async def reason_of(request: web.BaseRequest) -> str:
    """Why the operator does it: `reason` of a JSON body, where there is one. A form or plain text is none."""
    body = await request.read()
    if not body:
        return ""
    if len(body) > _LARGEST_REASON_BYTES:
        raise too_large(_LARGEST_REASON_BYTES)
    if request.content_type != "application/json":
        raise BODY.rejection("Content-Type is not application/json")
    try:
        given: dict[str, Any] = loads_object(body)
    except JsonRefused as refused:
        raise BODY.rejection(f"the body {refused}") from refused
    reason = given.pop("reason", "")
    if given or not isinstance(reason, str) or len(reason) > _LONGEST_REASON:
        raise BODY.rejection(f"the body may hold reason, a text of at most {_LONGEST_REASON} characters, and no more")
    return reason


def query_of(request: web.BaseRequest, known: Collection[str]) -> dict[str, str]:
    """The query's members. Raises: Rejected for an unknown, repeated, empty or overlong one."""
    raw = request.raw_path.partition("?")[2]
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, strict_parsing=bool(raw), max_num_fields=16, errors="strict")
    except ValueError:
        raise QUERY.rejection("the query is malformed") from None
    given = dict(pairs)
    if len(given) != len(pairs):
        raise QUERY.rejection("a query member is there twice")
    if not given.keys() <= set(known):
        raise QUERY.rejection(f"the query has members beside {', '.join(sorted(known)) or 'none'}")
    if any(not 0 < len(value) <= _LONGEST_VALUE for value in given.values()):
        raise QUERY.rejection(f"a query member is empty or longer than {_LONGEST_VALUE} characters")
    return given


def limit_in(given: Mapping[str, str]) -> int:
    """The `limit` among query members. Raises: Rejected."""
    text = given.get("limit")
    if text is None:
        return 100
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= LARGEST_PAGE:
        raise QUERY.rejection(f"limit is not a number from 1 to {LARGEST_PAGE}")
    return int(text)


def _without_port(host: str) -> str:
    return re.sub(r":[0-9]{1,5}\Z", "", host).strip("[]")
