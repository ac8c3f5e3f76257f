"""Who asks at the authorization endpoint, in which way, and whether an answer may go to the redirect_uri.

What is asked for is judged after that, by `parameters`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from dcrgw.core.authorization import request_gates as gates
from dcrgw.core.authorization import response_types
from dcrgw.core.authorization.interaction import AskedRequest, AuthorizationRequest, PushedRequest, Return, SingleUse
from dcrgw.core.authorization.server import AUTHORIZATION_CODE
from dcrgw.core.checks import Findings, Judgement
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.strict_json import JsonValue

#: RFC 9126 §2.2: under this name requests are pushed; nothing else is ever looked up, nor fetched.
REQUEST_URI = "urn:ietf:params:oauth:request_uri:"
#: Of a state, a nonce, a login_hint.
LONGEST_TEXT = 512


@dataclass(frozen=True, slots=True)
class Brought:
    """The parameters of a request with the way in which they came. Those of an object have their JSON types."""

    parameters: Mapping[str, JsonValue]
    is_pushed: bool = False
    is_signed: bool = False
    #: What must not come again, of a request object.
    once: SingleUse | None = None


def known(client: RegisteredClient | None) -> Judgement[RegisteredClient]:
    """The client that a request at the authorization endpoint names, if it is active."""
    findings = Findings()
    active = client is not None and client.status is ClientStatus.ACTIVE
    findings.settle(gates.CLIENT, None if active else "the request names no client that is active here")
    return findings.judgement(client)


def single_way(parameters: Mapping[str, str]) -> Judgement[Mapping[str, str]]:
    """The same parameters, if they do not ask in two ways."""
    findings = Findings()
    both = "request" in parameters and "request_uri" in parameters
    findings.settle(gates.ONE_WAY, "request and request_uri exclude each other" if both else None)
    return findings.judgement(parameters)


def pushable(form: Mapping[str, str]) -> Judgement[Mapping[str, str]]:
    """The same form, if it may be pushed: a pushed request is not another one's name."""
    findings = Findings()
    findings.settle(gates.NO_REQUEST_URI, "request_uri must not be pushed" if "request_uri" in form else None)
    return findings.judgement(form)


P = TypeVar("P", PushedRequest, AskedRequest)


def pushed(found: P | None, client: RegisteredClient, at: float) -> Judgement[P]:
    """The request that was pushed, if this client did, and may still ask for it. `at` is epoch seconds."""
    findings = Findings()
    own = found is not None and found.request.client_id == client.client_id and at < found.expires_at
    if not findings.settle(gates.REQUEST_URI, None if own else "request_uri is unknown, used up or expired"):
        return findings.judgement()
    assert found is not None
    findings.take(current(found.request, client).findings)
    return findings.judgement(found)


def current(request: AuthorizationRequest, client: RegisteredClient) -> Judgement[AuthorizationRequest]:
    """A request that was taken before, if the client as it is now may still ask for it, and hear of it there."""
    findings, metadata = Findings(), client.metadata
    held = (
        request.redirect_uri in metadata.redirect_uris
        and request.response_type in metadata.texts("response_types")
        and AUTHORIZATION_CODE in metadata.texts("grant_types")
        and set(request.scope) <= set(metadata.scopes)
        and {each.type for each in request.details} <= set(metadata.texts("authorization_details_types"))
    )
    findings.settle(gates.CURRENT, None if held else "the client's registration changed")
    return findings.judgement(request)


def addressed(brought: Brought, client: RegisteredClient) -> Judgement[Return]:
    """Where the answer may go. Until this holds nothing is sent there, no error either (RFC 6749 §10.15)."""
    # DIVERGENCE: RFC 6749 §3.1.2.3 lets a client with one redirect URI leave it out; here nothing is guessed.
    findings, asked = Findings(), brought.parameters
    uri, state = asked.get("redirect_uri"), asked.get("state")
    said = "redirect_uri is missing" if uri is None else "redirect_uri is none that the client registered"
    held = isinstance(uri, str) and uri in client.metadata.redirect_uris
    findings.settle(gates.REDIRECT_URI, None if held else said)
    if not isinstance(uri, str):
        return findings.judgement()
    # Only a state that a good request could have is given back.
    returned = state if isinstance(state, str) and is_text(state) else None
    fragment = response_types.in_fragment(asked.get("response_type"), asked.get("response_mode"))
    return findings.judgement(Return(uri, returned, fragment))


def is_text(value: str) -> bool:
    """Whether a state, a nonce or a login_hint may be that."""
    return 0 < len(value) <= LONGEST_TEXT and value.isprintable()
