"""Where a bank's endpoints are, by its own word (OpenID Connect Discovery 1.0 §4, RFC 8414 §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dcrgw.tpp.client import Answer, Outgoing
from dcrgw.tpp.prepared import Moment, Prepared
from dcrgw.tpp.setup import Incomplete, Setup

_PATH = "/.well-known/openid-configuration"


class DiscoveryFailed(ValueError):
    """The bank's discovery document is no help. The message says why."""


def prepare(setup: Setup, moment: Moment) -> Prepared:
    """The request for the discovery document. Raises: Incomplete."""
    url = setup.well_known or (setup.issuer.rstrip("/") + _PATH if setup.issuer else None)
    if url is None:
        raise Incomplete("--issuer or --token-endpoint is needed")
    return Prepared(Outgoing(url, method="GET", headers=moment.headers), {})


def learnt(setup: Setup, answer: Answer) -> Setup:
    """The setup with what the document adds; what was given stays. Raises: DiscoveryFailed."""
    members = answer.members
    issuer, endpoint = _text(members, "issuer"), _text(_aliases(members), "token_endpoint")
    if answer.status != 200 or endpoint is None:
        raise DiscoveryFailed(f"the discovery document was answered {answer.status} and names no token_endpoint")
    # Another issuer's document may be a mix-up, or an attack (OpenID Connect Discovery 1.0 §4.3).
    if setup.issuer is not None and issuer != setup.issuer:
        raise DiscoveryFailed(f"the discovery document is not that of {setup.issuer}: its issuer differs")
    known = _aliases(members)
    return replace(
        setup,
        token_endpoint=setup.token_endpoint or endpoint,
        pushed_endpoint=_text(known, "pushed_authorization_request_endpoint"),
        authorization_endpoint=_text(known, "authorization_endpoint"),
        introspection_endpoint=_text(known, "introspection_endpoint"),
        revocation_endpoint=_text(known, "revocation_endpoint"),
        jwks_uri=_text(members, "jwks_uri"),
        issuer=issuer,
    )


def _aliases(members: Mapping[str, Any]) -> Mapping[str, Any]:
    """The endpoints for clients with certificates: an alias goes before the plain name (RFC 8705 §5)."""
    aliases = members.get("mtls_endpoint_aliases")
    return {**members, **aliases} if isinstance(aliases, dict) else members


def _text(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) and value else None
