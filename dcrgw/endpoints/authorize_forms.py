"""A form of ours that comes back: from this browser, from this page, for this interaction."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp import web

from dcrgw.core.authorization import person
from dcrgw.core.checks import gate
from dcrgw.core.market import Market
from dcrgw.errors import ErrorCode
from dcrgw.flows.interacting import Redirect, Ticket

ORIGIN = gate(
    "interaction.form.origin",
    "The form was sent by a page of ours: Origin and Sec-Fetch-Site say so.",
    spec="RFC 9700 §4.7; W3C Fetch Metadata §2.3",
    code=ErrorCode.INVALID_REQUEST,
    status=403,
)
TOKEN = gate(
    "interaction.form.token",
    "The form is one that this browser was given for this step of this interaction.",
    spec="RFC 9700 §4.7",
    code=ErrorCode.INVALID_REQUEST,
    status=403,
)
#: The name of the form's own field.
FIELD = "form"

#: `__Host-`: Secure, for this host alone and all of its paths, so that no neighbour can plant one.
_COOKIE = "__Host-dcrgw-"
#: Names and keys as we give them. What else stands in a Cookie header was put there by somebody else.
_NAME = re.compile(re.escape(_COOKIE) + r"[A-Za-z0-9_-]{1,64}")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MOST_TICKETS = 16
#: How long a browser keeps the key of an interaction that is answered.
_AFTERWARDS_S = 60


def ticket_of(request: web.BaseRequest, id: str) -> Ticket:
    """The interaction of the address with the key of its cookie. Raises: Rejected without one."""
    key = request.cookies.get(_COOKIE + id, "")
    if not _KEY.fullmatch(key):
        raise person.OPEN.rejection("the browser shows no key of this interaction")
    return Ticket(id, key)


def give_ticket(response: web.Response, ticket: Ticket, life_s: int) -> None:
    """Let the browser keep the ticket's key. Each interaction has its own, so that two tabs do not meet."""
    response.set_cookie(
        _COOKIE + ticket.id, ticket.key, max_age=life_s, path="/", secure=True, httponly=True, samesite="Lax"
    )


def leave(redirect: Redirect, ended: Ticket | None = None) -> web.Response:
    """To the client. 303: a browser may not send our form's fields along (RFC 9700 §4.12)."""
    response = web.Response(status=303, headers={"Location": redirect.url, "Referrer-Policy": "no-referrer"})
    if ended is not None:
        # Not taken away at once, for the second of two clicks. A browser that keeps pages whole for its back button
        # lets go of one whose cookies change, and asks us again.
        give_ticket(response, ended, _AFTERWARDS_S)
    return response


def forget_older(request: web.BaseRequest, response: web.Response, id: str) -> None:
    """Let the browser drop all but the last tickets that it has, so that they never outgrow a request's headers.

    A site that sends its visitor here over and over would else lock them out of this host. Browsers name the cookies
    of one path in the order in which they came (RFC 6265 §5.4).
    """
    others = [name for name in request.cookies if _NAME.fullmatch(name) and name != _COOKIE + id]
    for name in others[: max(0, len(others) + 1 - _MOST_TICKETS)]:
        response.del_cookie(name, path="/", secure=True, httponly=True, samesite="Lax")


def form_token(ticket: Ticket, step: str) -> str:
    """What a form of a step holds. It ends with the ticket's key, which a sign-in replaces."""
    digest = hmac.digest(ticket.key.encode(), f"dcrgw form\0{ticket.id}\0{step}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def settle_origin(request: web.BaseRequest, market: Market) -> None:
    """Raises: Rejected for a form that no page of ours sent, or of which nobody says who sent it."""
    site, origin = request.headers.getall("Sec-Fetch-Site", []), request.headers.getall("Origin", [])
    issuer = urlsplit(market.issuer)
    ours = f"{issuer.scheme}://{issuer.netloc}".lower()
    if not _all_are("same-origin", site) or not _all_are(ours, origin) or not (site or origin):
        raise ORIGIN.rejection("the form comes from another site")


def settle_token(shown: str, ticket: Ticket, step: str) -> None:
    """Raises: Rejected for a form of another browser, step, interaction, or of before the sign-in."""
    if not hmac.compare_digest(shown.encode(), form_token(ticket, step).encode()):
        raise TOKEN.rejection("the form is not the current one")


def _all_are(expected: str, values: Iterable[str]) -> bool:
    return all(value.strip().lower() == expected for value in values)
