"""Everything that a TPP brings to a bank: its files, and where the bank is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcrgw.core.jose.signing import PrivateKey
from dcrgw.tpp.credentials import Transport
from dcrgw.tpp.requests import JOSE, Wish


class Incomplete(ValueError):
    """Something that the request needs was not given. The message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What requests are made of. Each needs a part only, and says what is missing."""

    registration_endpoint: str | None = None
    #: The token endpoint is learnt from the discovery document unless it is given.
    token_endpoint: str | None = None
    #: Learnt in the same way.
    pushed_endpoint: str | None = None
    authorization_endpoint: str | None = None
    introspection_endpoint: str | None = None
    revocation_endpoint: str | None = None
    jwks_uri: str | None = None
    issuer: str | None = None
    well_known: str | None = None
    transport: Transport = field(default_factory=Transport)
    server_ca: Path | None = None
    statement: Path | None = None
    signing_key: Path | None = None
    #: The signing key itself, for whoever sends many requests: opening one takes longer than signing.
    opened_key: PrivateKey | None = field(default=None, repr=False)
    kid: str | None = None
    alg: str | None = None
    wish: Wish = field(default_factory=Wish)
    media_type: str = JOSE
    #: Plain RFC 7591 JSON in place of a signed request.
    as_json: bool = False


#: Options that are members of a setup under the same name.
_SAME = (
    "registration_endpoint", "token_endpoint", "issuer", "well_known", "server_ca", "signing_key", "kid", "alg",
)  # fmt: skip


def from_options(options: Mapping[str, Any]) -> Setup:
    """The setup that the options of `dcrgw tpp`, or those that a sandbox knows, describe; any may be absent."""
    return Setup(
        **{name: options.get(name) for name in _SAME},
        transport=Transport(options.get("cert"), options.get("key"), options.get("pkcs12"), options.get("password")),
        statement=options.get("ssa"),
        wish=Wish(
            audience=options.get("audience"),
            redirect_uris=tuple(options.get("redirect_uri") or ()),
            scope=options.get("scope"),
            auth_method=options.get("auth_method"),
            claims=options.get("claims") or {},
        ),
        media_type=options.get("media_type") or JOSE,
        as_json=bool(options.get("as_json")),
    )
