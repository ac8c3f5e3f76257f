"""Reads, replaces and ends a registration (RFC 7592 §2, OB UK DCR /register/{ClientId})."""

from __future__ import annotations

import re

from dcrgw.tpp import registration
from dcrgw.tpp.client import Outgoing
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.prepared import Moment, Prepared
from dcrgw.tpp.setup import Incomplete, Setup

#: What may stand in an Authorization header (RFC 6750 §2.1): no line of it can become another header.
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def read(known: KnownClient, token: str, moment: Moment) -> Prepared:
    """GET: what is registered. Raises: Incomplete."""
    return _bare("GET", known, token, moment)


def delete(known: KnownClient, token: str, moment: Moment) -> Prepared:
    """DELETE: the end of the registration. Raises: Incomplete."""
    return _bare("DELETE", known, token, moment)


def update(setup: Setup, known: KnownClient, token: str, moment: Moment, *, if_match: str | None = None) -> Prepared:
    """PUT: a full request with what is registered, but for the setup's wishes.

    `if_match` is the ETag of the version that it may replace. Raises: Incomplete, CredentialsUnusable.
    """
    body = registration.compose(setup, moment, known)
    condition = {"If-Match": if_match} if if_match else {}
    outgoing = Outgoing(
        known.management_url,
        body.content,
        body.media_type,
        method="PUT",
        headers={**moment.headers, **condition},
        secret_headers=_bearer(token),
    )
    return Prepared(outgoing, body.shown)


def _bare(method: str, known: KnownClient, token: str, moment: Moment) -> Prepared:
    outgoing = Outgoing(known.management_url, method=method, headers=moment.headers, secret_headers=_bearer(token))
    return Prepared(outgoing, {"request": {"method": method, "url": known.management_url}})


def is_bearer(token: str) -> bool:
    """Whether a token can stand in an Authorization header."""
    return _B64TOKEN.fullmatch(token) is not None


def _bearer(token: str) -> dict[str, str]:
    if not is_bearer(token):
        raise Incomplete("the token is none that can be sent (RFC 6750 section 2.1)")
    return {"Authorization": f"Bearer {token}"}
