"""What the authorization server (AS) says of itself in its discovery document, read against the market's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from dcrgw.core import strict_json
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.places import PlaceRefused, place

#: What the gateway asks of an AS, or passes on to it.
ENDPOINTS = (
    "authorization_endpoint",
    "end_session_endpoint",
    "introspection_endpoint",
    "jwks_uri",
    "pushed_authorization_request_endpoint",
    "registration_endpoint",
    "revocation_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
)


_NO_PATHS: Mapping[str, str] = MappingProxyType({})


class ForeignIssuer(ValueError):
    """The document is another issuer's, or leads elsewhere. The message tells the operator what to set."""


@dataclass(frozen=True, slots=True)
class AsMetadata:
    """An AS's own words. `places` says by its name where the gateway reaches each endpoint that the AS has."""

    document: Mapping[str, JsonValue] = field(repr=False)
    places: Mapping[str, str]


def read(body: bytes, *, issuer: str, url: str, paths: Mapping[str, str] = _NO_PATHS) -> AsMetadata:
    """The discovery document of the AS that speaks for the market.

    `paths` are those below `url` of endpoints for which the document names a place that is not the AS's own.
    Raises: strict_json.JsonRefused for what is no such document at all, ForeignIssuer.
    Spec: OpenID Connect Discovery 1.0 §4.3; RFC 8414 §3.3 (the issuer is compared by text).
    """
    document = strict_json.loads_object(body)
    said = document.get("issuer")
    if not isinstance(said, str):
        raise strict_json.JsonRefused("names no issuer")
    if said != issuer:
        raise ForeignIssuer(
            f"it says that its issuer is {_shown(said)}, and the market's is {issuer}: set its issuer (public"
            " URL, host name) to the market's, which stays the gateway's"
        )
    places = {name: url + path for name, path in paths.items()}
    for name in ENDPOINTS:
        named = document.get(name)
        if named is None or name in paths:
            continue
        if not isinstance(named, str):
            raise strict_json.JsonRefused(f"has a {name} that is no text")
        try:
            places[name] = place(named, issuer.rstrip("/"), url)
        except PlaceRefused as refused:
            raise ForeignIssuer(
                f"its {name} {refused}: {_shown(named)}; mend that there, or tell where it is by upstream.endpoints"
            ) from None
    return AsMetadata(document, places)


def _shown(said: str) -> str:
    """A stranger's text as an operator may read it in a log: short, printable, in quotes."""
    return repr(said[:200].encode("ascii", "backslashreplace").decode("ascii"))
