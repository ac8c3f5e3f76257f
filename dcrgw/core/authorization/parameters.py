"""What an authorization request asks for, parameter by parameter, with every fault at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from dcrgw.core.authorization import details, response_types, scopes
from dcrgw.core.authorization import request_gates as gates
from dcrgw.core.authorization.details import Details
from dcrgw.core.authorization.interaction import AuthorizationRequest, Return
from dcrgw.core.authorization.requests import LONGEST_TEXT, Brought, is_text
from dcrgw.core.authorization.server import AUTHORIZATION_CODE, Use
from dcrgw.core.checks import Findings, Judgement
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.strict_json import JsonValue

CHALLENGE_METHODS = ("S256",)
PROMPTS = ("none", "login", "consent", "select_account")

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_LOCALES = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,6}")
_MOST_LOCALES = 10


def judge(
    brought: Brought, to: Return, client: RegisteredClient, market: Market, detail_types: Collection[str]
) -> Judgement[AuthorizationRequest]:
    """The request, with every fault at once. `to` is proven; `detail_types` are the market's."""
    findings = Findings()
    asked = {name: value for name, value in brought.parameters.items() if isinstance(value, str)}
    _judge_way(brought, client, market, findings)
    response_type = _response_type(asked, client, market, findings)
    _judge_challenge(asked, findings)
    _judge_texts(asked, findings)
    found = _details(brought.parameters.get("authorization_details"), client, detail_types, findings)
    scope = _scope(asked.get("scope"), client, "authorization_details" in brought.parameters, findings)
    _judge_id_token(response_type, asked, scope, findings)
    prompt = _prompt(asked.get("prompt"), findings)
    max_age = _max_age(asked.get("max_age"), findings)
    return findings.judgement(
        AuthorizationRequest(
            market=market.name,
            client_id=client.client_id,
            redirect_uri=to.redirect_uri,
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
            response_type=response_type,
        )
    )


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


def _response_type(asked: Mapping[str, str], client: RegisteredClient, market: Market, findings: Findings) -> str:
    """The type, as we name it, with the one mode that it has."""
    wanted, offered = response_types.spelled(asked.get("response_type", "")), response_types.offered(market)
    known = wanted in offered
    findings.settle(gates.RESPONSE_TYPE, None if known else f"response_type must be {' or '.join(offered)}")
    if known:
        findings.settle(gates.REGISTERED, _registration_fault(wanted, client))
        mode = response_types.MODES[wanted]
        right = asked.get("response_mode", mode) == mode
        findings.settle(gates.RESPONSE_MODE, None if right else f"response_mode of {wanted} must be {mode}")
    return wanted


def _registration_fault(response_type: str, client: RegisteredClient) -> str | None:
    if AUTHORIZATION_CODE not in client.metadata.texts("grant_types"):
        return "the client did not register the grant type authorization_code"
    if response_type not in client.metadata.texts("response_types"):
        return f"the client did not register the response type {response_type}"
    return None


def _judge_id_token(response_type: str, asked: Mapping[str, str], scope: tuple[str, ...], findings: Findings) -> None:
    """An ID token beside the code needs what it is about, and what ties it to this browser."""
    if not response_types.wants_id_token(response_type):
        findings.add(gates.OPENID.skipped("no ID token is asked for"))
        findings.add(gates.NONCE.skipped("no ID token is asked for"))
        return
    findings.settle(gates.OPENID, None if "openid" in scope else "scope must hold openid for an ID token")
    findings.settle(gates.NONCE, None if "nonce" in asked else "nonce is missing")


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
    wrong = [name for name in ("state", "nonce", "login_hint") if name in asked and not is_text(asked[name])]
    said = f"{wrong[0]} must have 1 to {LONGEST_TEXT} printable characters" if wrong else None
    findings.settle(gates.TEXTS, said)


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
