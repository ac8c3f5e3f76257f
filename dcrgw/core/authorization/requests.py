"""An authorization request, judged: first whether its answer may go to its redirect_uri, then all the rest at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dcrgw.core.authorization import details, scopes
from dcrgw.core.authorization import request_gates as gates
from dcrgw.core.authorization.details import Details
from dcrgw.core.authorization.interaction import AuthorizationRequest, PushedRequest, SingleUse
from dcrgw.core.authorization.server import AUTHORIZATION_CODE, Use
from dcrgw.core.checks import Findings, Judgement
from dcrgw.core.market import Market
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.strict_json import JsonValue

#: RFC 9126 §2.2: under this name requests are pushed; nothing else is ever looked up, nor fetched.
REQUEST_URI = "urn:ietf:params:oauth:request_uri:"
RESPONSE_TYPE = "code"
RESPONSE_MODES = ("query",)
CHALLENGE_METHODS = ("S256",)
PROMPTS = ("none", "login", "consent", "select_account")

_LONGEST_TEXT = 512
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_LOCALES = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,6}")
_MOST_LOCALES = 10


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


def pushed(found: PushedRequest | None, client: RegisteredClient, at: float) -> Judgement[PushedRequest]:
    """The request that was pushed, if this client did, and may still ask for it. `at` is epoch seconds."""
    findings = Findings()
    own = found is not None and found.request.client_id == client.client_id and at < found.expires_at
    if not findings.settle(gates.REQUEST_URI, None if own else "request_uri is unknown, used up or expired"):
        return findings.judgement()
    assert found is not None
    findings.settle(gates.CURRENT, None if _is_current(found.request, client) else "the client's registration changed")
    return findings.judgement(found)


def _is_current(request: AuthorizationRequest, client: RegisteredClient) -> bool:
    metadata = client.metadata
    types = {each.type for each in request.details}
    return (
        request.redirect_uri in metadata.redirect_uris
        and set(request.scope) <= set(metadata.scopes)
        and types <= set(metadata.texts("authorization_details_types"))
        and AUTHORIZATION_CODE in metadata.texts("grant_types")
    )


def addressed(brought: Brought, client: RegisteredClient) -> Judgement[str]:
    """Where the answer may go. Until this holds nothing is sent there, no error either (RFC 6749 §10.15)."""
    # DIVERGENCE: RFC 6749 §3.1.2.3 lets a client with one redirect URI leave it out; here nothing is guessed.
    findings = Findings()
    uri = brought.parameters.get("redirect_uri")
    if uri is None:
        findings.settle(gates.REDIRECT_URI, "redirect_uri is missing")
    else:
        held = uri in client.metadata.redirect_uris
        findings.settle(gates.REDIRECT_URI, None if held else "redirect_uri is none that the client registered")
    return findings.judgement(uri if isinstance(uri, str) else None)


def judge(
    brought: Brought, redirect_uri: str, client: RegisteredClient, market: Market, detail_types: Collection[str]
) -> Judgement[AuthorizationRequest]:
    """The request, with every fault at once. `redirect_uri` is proven; `detail_types` are the market's."""
    findings = Findings()
    asked = {name: value for name, value in brought.parameters.items() if isinstance(value, str)}
    _judge_way(brought, client, market, findings)
    code = asked.get("response_type") == RESPONSE_TYPE
    findings.settle(gates.RESPONSE_TYPE, None if code else f"response_type must be {RESPONSE_TYPE}")
    findings.settle(gates.REGISTERED, _registration_fault(client))
    query = asked.get("response_mode", "query") in RESPONSE_MODES
    findings.settle(gates.RESPONSE_MODE, None if query else "response_mode must be query")
    _judge_challenge(asked, findings)
    _judge_texts(asked, findings)
    found = _details(brought.parameters.get("authorization_details"), client, detail_types, findings)
    scope = _scope(asked.get("scope"), client, "authorization_details" in brought.parameters, findings)
    prompt = _prompt(asked.get("prompt"), findings)
    max_age = _max_age(asked.get("max_age"), findings)
    return findings.judgement(
        AuthorizationRequest(
            market=market.name,
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            scope=scope,
            code_challenge=asked.get("code_challenge", ""),
            state=asked.get("state"),
            nonce=asked.get("nonce"),
            prompt=prompt,
            max_age=max_age,
            ui_locales=_locales(asked.get("ui_locales", "")),
            login_hint=asked.get("login_hint"),
            details=found,
            once=brought.once,
        )
    )


def state_of(brought: Brought) -> str | None:
    """The state to give back with an error: only one that a good request could have."""
    state = brought.parameters.get("state")
    return state if isinstance(state, str) and _is_text(state) else None


def _judge_way(brought: Brought, client: RegisteredClient, market: Market, findings: Findings) -> None:
    server, metadata = market.server, client.metadata.members
    must_push = server.pushed is Use.REQUIRED or metadata.get("require_pushed_authorization_requests") is True
    findings.settle(
        gates.PUSHED, "the request must be pushed (RFC 9126)" if must_push and not brought.is_pushed else None
    )
    must_sign = server.signed_requests is Use.REQUIRED or metadata.get("require_signed_request_object") is True
    if brought.is_signed:
        off = server.signed_requests is Use.OFF
        findings.settle(gates.SIGNED, "request objects are not taken here" if off else None)
    else:
        findings.settle(gates.SIGNED, "the request must be a signed request object" if must_sign else None)


def _registration_fault(client: RegisteredClient) -> str | None:
    if AUTHORIZATION_CODE not in client.metadata.texts("grant_types"):
        return "the client did not register the grant type authorization_code"
    if RESPONSE_TYPE not in client.metadata.texts("response_types"):
        return "the client did not register the response type code"
    return None


def _judge_challenge(asked: Mapping[str, str], findings: Findings) -> None:
    # DIVERGENCE: RFC 7636 §4.3 knows plain, and §4.4.1 servers that do without; neither is taken (RFC 9700 §2.1.1).
    shown = asked.get("code_challenge")
    good = shown is not None and _CHALLENGE.fullmatch(shown) is not None
    said = "code_challenge is missing" if shown is None else "code_challenge is no base64url of a SHA-256 digest"
    findings.settle(gates.CHALLENGE, None if good else said)
    # RFC 7636 §4.3: left out it would mean plain.
    strong = asked.get("code_challenge_method") in CHALLENGE_METHODS
    findings.settle(gates.METHOD, None if strong else "code_challenge_method must be S256")


def _judge_texts(asked: Mapping[str, str], findings: Findings) -> None:
    wrong = [name for name in ("state", "nonce", "login_hint") if name in asked and not _is_text(asked[name])]
    said = f"{wrong[0]} must have 1 to {_LONGEST_TEXT} printable characters" if wrong else None
    findings.settle(gates.TEXTS, said)


def _is_text(value: str) -> bool:
    return 0 < len(value) <= _LONGEST_TEXT and value.isprintable()


def _scope(asked: str | None, client: RegisteredClient, has_details: bool, findings: Findings) -> tuple[str, ...]:
    findings.settle(gates.ASKED, None if asked or has_details else "scope is missing")
    return scopes.within(asked, client.metadata.scopes, findings) if asked else ()


def _details(value: JsonValue, client: RegisteredClient, detail_types: Collection[str], findings: Findings) -> Details:
    """A parameter's text is JSON; in a request object the list itself stands (RFC 9396 §3)."""
    if value is None:
        return ()
    if isinstance(value, str):
        text = details.parsed(value)
        findings.take(text.findings)
        if text.value is None:
            return ()
        value = text.value
    judged = details.judge(value, client, detail_types)
    findings.take(judged.findings)
    return judged.value or ()


def _prompt(asked: str | None, findings: Findings) -> frozenset[str]:
    words = asked.split(" ") if asked else []
    good = all(word in PROMPTS for word in words) and not ("none" in words and len(words) > 1)
    findings.settle(gates.PROMPT, None if good else f"prompt must be none alone, or some of {', '.join(PROMPTS[1:])}")
    return frozenset(words)


def _max_age(asked: str | None, findings: Findings) -> int | None:
    good = asked is None or re.fullmatch(r"[0-9]{1,10}", asked) is not None
    findings.settle(gates.MAX_AGE, None if good else "max_age must be a whole number of seconds")
    return int(asked) if asked is not None and good else None


def _locales(asked: str) -> tuple[str, ...]:
    """Only a wish: what is no language is left out (OpenID Connect Core 1.0 §3.1.2.1)."""
    return tuple(tag for tag in asked.split(" ") if _LOCALES.fullmatch(tag))[:_MOST_LOCALES]
