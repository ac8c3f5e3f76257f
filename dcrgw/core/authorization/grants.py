"""What an authenticated client may have at the token endpoint: by its own right, for a code, for a refresh token."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from dcrgw.core.authorization import details, scopes
from dcrgw.core.authorization import grant_gates as gates
from dcrgw.core.authorization.details import Details
from dcrgw.core.authorization.interaction import Code, Grant, RefreshToken
from dcrgw.core.authorization.server import AUTHORIZATION_CODE, REFRESH_TOKEN
from dcrgw.core.checks import Findings, Judgement
from dcrgw.core.jose import base64url
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient

#: RFC 7636 §4.1.
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an access token is to be good for. `grant` is the person's, None where the client acts for itself."""

    scope: tuple[str, ...]
    details: Details = ()
    grant: Grant | None = None


def grant_type(form: Mapping[str, str], client: RegisteredClient, market: Market) -> Judgement[str]:
    """The grant type of a token request: one that is offered, and registered by the client."""
    findings = Findings()
    wanted, offered = form.get("grant_type"), market.server.grant_types
    if not findings.settle(gates.GRANT_NAMED, None if wanted else "grant_type is missing"):
        return findings.judgement()
    known = wanted in offered
    if findings.settle(gates.GRANT_SUPPORTED, None if known else f"grant_type must be {' or '.join(offered)}"):
        registered = wanted in client.metadata.texts("grant_types")
        findings.settle(gates.GRANT_REGISTERED, None if registered else f"the client did not register {wanted}")
    return findings.judgement(wanted)


def own_right(form: Mapping[str, str], client: RegisteredClient, detail_types: Collection[str]) -> Judgement[Allowed]:
    """The client credentials grant (RFC 6749 §4.4). Scope and details are judged apart and granted together."""
    findings = Findings()
    scope = _own_scope(form.get("scope"), client.metadata.scopes, findings)
    asked = _details(form, client, detail_types, findings)
    return findings.judgement(Allowed(scope, asked or ()))


@dataclass(frozen=True, slots=True)
class ShownCode:
    """What a client shows for a code."""

    code: str
    redirect_uri: str
    verifier: str


def shown_code(form: Mapping[str, str]) -> Judgement[ShownCode]:
    """The code of a token request with its proofs, none believed yet."""
    findings = Findings()
    for name in ("code", "redirect_uri", "code_verifier"):
        if not form.get(name):
            findings.settle(gates.CODE_NAMED, f"{name} is missing")
    verifier = form.get("code_verifier", "")
    if verifier and not _VERIFIER.fullmatch(verifier):
        findings.settle(gates.CODE_NAMED, "code_verifier must have 43 to 128 unreserved characters")
    if findings.has_failed:
        return findings.judgement()
    findings.add(gates.CODE_NAMED.passed)
    return findings.judgement(ShownCode(form["code"], form["redirect_uri"], verifier))


def redeem(shown: ShownCode, code: Code | None, client: RegisteredClient, at: float) -> Judgement[Code]:
    """The code, if it is this client's, unused, current and proven. `at` is epoch seconds."""
    findings = Findings()
    own = code is not None and code.grant.client_id == client.client_id and code.grant.market == client.market
    if not findings.settle(gates.CODE_KNOWN, None if own else "the code is not one of this client's"):
        return findings.judgement()
    assert code is not None
    if not findings.settle(gates.CODE_UNUSED, "the code was used before" if code.is_used else None):
        return findings.judgement()
    findings.settle(gates.CODE_CURRENT, None if at < code.expires_at else "the code has expired")
    same = shown.redirect_uri == code.redirect_uri
    findings.settle(gates.CODE_REDIRECT, None if same else "redirect_uri is not that of the authorization request")
    proven = hmac.compare_digest(challenge(shown.verifier), code.code_challenge)
    findings.settle(gates.CODE_VERIFIER, None if proven else "code_verifier is not what the code_challenge was made of")
    return findings.judgement(code)


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    return base64url.encode(hashlib.sha256(verifier.encode()).digest())


def shown_refresh_token(form: Mapping[str, str]) -> Judgement[str]:
    """The refresh token of a token request, not believed yet."""
    findings = Findings()
    findings.settle(gates.REFRESH_NAMED, None if form.get("refresh_token") else "refresh_token is missing")
    return findings.judgement(form.get("refresh_token"))


def refresh(token: RefreshToken | None, client: RegisteredClient, at: float) -> Judgement[RefreshToken]:
    """The refresh token, if it is this client's, current and not rotated out. `at` is epoch seconds."""
    findings = Findings()
    own = token is not None and token.grant.client_id == client.client_id and token.grant.market == client.market
    if not findings.settle(gates.REFRESH_KNOWN, None if own else "the refresh token is not one of this client's"):
        return findings.judgement()
    assert token is not None
    findings.settle(gates.REFRESH_UNUSED, "the refresh token was used before" if token.is_used else None)
    findings.settle(gates.REFRESH_CURRENT, None if at < token.expires_at else "the refresh token has expired")
    return findings.judgement(token)


def of_grant(
    form: Mapping[str, str], grant: Grant, client: RegisteredClient, detail_types: Collection[str]
) -> Judgement[tuple[Allowed, Details]]:
    """What a request asks for of a grant: as granted where it asks for nothing.

    The second value are the granted details that are left: those asked for must be among them, or less of them.
    """
    findings = Findings()
    left = _left_of(grant, client, detail_types)
    if not findings.settle(gates.GRANT_LEFT, None if left.scope or left.details else "nothing of the grant is left"):
        return findings.judgement()
    asked, scope = form.get("scope"), left.scope
    # RFC 6749 §4.1.3 has no scope for a code: what comes all the same is not looked at.
    if asked is not None and form.get("grant_type") == REFRESH_TOKEN:
        scope = scopes.within(asked, scope, findings, narrows=True)
    wanted = _details(form, client, detail_types, findings)
    if wanted is None:
        return findings.judgement((replace(left, scope=scope), left.details))
    return findings.judgement((Allowed(scope, wanted, grant), left.details))


def narrowing(form: Mapping[str, str], grant: Grant, allowed: Allowed, left: Details) -> Judgement[Mapping[str, str]]:
    """What to add to a form so that another server gives no more of its grant than is `allowed`.

    That server has the grant as a person gave it, and gives all of it to who does not ask for less. Of the scope of a
    refresh token it takes less (RFC 6749 §6). Not every one takes less of details, so the client has to ask for that.
    """
    findings = Findings()
    given_up = next((index for index, each in enumerate(grant.details) if each not in left), None)
    if given_up is not None and "authorization_details" not in form:
        where = f"authorization_details[{given_up}] of the grant has a type that the client, or the market, gave up"
        findings.settle(gates.GRANT_WHOLE, f"{where}: {_NAME_THE_REST if left else _ANEW}")
    is_less = not set(grant.scope) <= set(allowed.scope)
    if is_less and (form.get("grant_type") != REFRESH_TOKEN or not allowed.scope):
        findings.settle(gates.GRANT_WHOLE, f"scope: the grant has a word that the client gave up; {_ANEW}")
    if not findings.has_failed:
        findings.add(gates.GRANT_WHOLE.passed)
    return findings.judgement({"scope": " ".join(allowed.scope)} if is_less and "scope" not in form else {})


_NAME_THE_REST = "name in authorization_details what is asked for of the others"
_ANEW = "have the customer grant anew what is still registered"


def _left_of(grant: Grant, client: RegisteredClient, detail_types: Collection[str]) -> Allowed:
    """A client that registered for less since then gets no more than that, nor what the market takes no more."""
    types = set(client.metadata.texts("authorization_details_types")) & set(detail_types)
    scope = tuple(word for word in grant.scope if word in client.metadata.scopes)
    return Allowed(scope, tuple(each for each in grant.details if each.type in types), grant)


def gets_refresh_token(client: RegisteredClient, market: Market) -> bool:
    """Whether a code is worth a refresh token: the market offers them, and the client registered for them."""
    offered = {AUTHORIZATION_CODE, REFRESH_TOKEN} <= set(market.server.grant_types)
    return offered and REFRESH_TOKEN in client.metadata.texts("grant_types")


def _details(
    form: Mapping[str, str], client: RegisteredClient, detail_types: Collection[str], findings: Findings
) -> Details | None:
    """The details that a form asks for; None where it asks for none."""
    text = form.get("authorization_details")
    if text is None:
        return None
    value = details.parsed(text)
    findings.take(value.findings)
    if value.value is None:
        return ()
    judged = details.judge(value.value, client, detail_types)
    findings.take(judged.findings)
    return judged.value or ()


def _own_scope(asked: str | None, registered: tuple[str, ...], findings: Findings) -> tuple[str, ...]:
    """The scope asked for, in its order; the registered one where none is asked for."""
    if asked is None:
        # RFC 6749 §3.3 wants a default or a refusal. openid is about a person, and here is none
        # (OpenID Connect Core 1.0 §3.1.2.1); who asks for it gets it, since some TPPs always do.
        findings.add(scopes.FORM.skipped("no scope is asked for"))
        findings.add(scopes.REGISTERED.passed)
        return tuple(scope for scope in registered if scope != "openid")
    return scopes.within(asked, registered, findings)
