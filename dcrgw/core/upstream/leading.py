"""Where pages of the AS may send a browser: within the market, back to a client that asked, or where the bank says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from dcrgw.core.registration.client import ClientStatus, RegisteredClient, is_client_id

#: Of the clients whose requests a browser carries at the same time, in as many tabs.
_MOST = 8


def leads_back(url: str, client: RegisteredClient) -> bool:
    """Whether a URL is one of an active client's own redirect URIs, with an answer added to it and nothing else.

    Compared byte by byte, as the URIs themselves are (RFC 6749 §3.1.2.3).
    """
    if client.status is not ClientStatus.ACTIVE:
        return False
    own = (*client.metadata.redirect_uris, *client.metadata.texts("post_logout_redirect_uris"))
    return any(_extends(url, uri) for uri in own)


def _extends(url: str, uri: str) -> bool:
    rest = url[len(uri) :] if url.startswith(uri) else None
    if not rest:
        return rest is not None
    return rest[0] == "#" or rest[0] == ("&" if "?" in uri else "?")


def is_named(url: str, origins: Iterable[str]) -> bool:
    """Whether a URL is at one of these origins (`https://login.bank.example`)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower() in {each.lower().rstrip("/") for each in origins}


def carried(cookie: str) -> tuple[str, ...]:
    """The ids of the clients whose requests a browser says that it carries, last one first. Nothing is proven."""
    return tuple(each for each in re.split("~", cookie)[:_MOST] if is_client_id(each))


def carrying(client_id: str, cookie: str) -> str:
    """The same with one more."""
    return "~".join([client_id, *(each for each in carried(cookie) if each != client_id)][:_MOST])
