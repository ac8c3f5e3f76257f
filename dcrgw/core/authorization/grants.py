"""What an authenticated client is granted: the client credentials grant (RFC 6749 §4.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dcrgw.core.checks import Findings, Judgement, gate
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.errors import ErrorCode

CLIENT_CREDENTIALS = "client_credentials"
#: The grants of the token endpoint. Clients register for more: those are the bank's authorization server's.
GRANT_TYPES = (CLIENT_CREDENTIALS,)

GRANT_NAMED = gate(
    "token.grant.named", "The request names its grant_type.", spec="RFC 6749 §4.4.2", code=ErrorCode.INVALID_REQUEST
)
GRANT_SUPPORTED = gate(
    "token.grant.supported",
    "The token endpoint has the grant type.",
    spec="RFC 6749 §5.2",
    code=ErrorCode.UNSUPPORTED_GRANT_TYPE,
)
GRANT_REGISTERED = gate(
    "token.grant.registered",
    "The client registered the grant type.",
    spec="RFC 6749 §5.2; RFC 7591 §2, grant_types",
    code=ErrorCode.UNAUTHORIZED_CLIENT,
)
SCOPE_FORM = gate(
    "token.scope.form",
    "scope is words of scope characters with one blank between them.",
    spec="RFC 6749 §3.3",
    code=ErrorCode.INVALID_SCOPE,
)
SCOPE_REGISTERED = gate(
    "token.scope.registered",
    "Every scope is one that the client registered.",
    spec="RFC 6749 §3.3, §6; RFC 7591 §2, scope",
    code=ErrorCode.INVALID_SCOPE,
)

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")


@dataclass(frozen=True, slots=True)
class Grant:
    """What is granted, and for how long."""

    scope: tuple[str, ...]
    lifetime_s: int


def judge(form: Mapping[str, str], client: RegisteredClient, market: Market) -> Judgement[Grant]:
    """The grant that the parameters of a token request ask for, within what the client registered."""
    findings = Findings()
    wanted = form.get("grant_type")
    if not findings.settle(GRANT_NAMED, None if wanted else "grant_type is missing"):
        return findings.judgement()
    known = wanted in GRANT_TYPES
    if not findings.settle(GRANT_SUPPORTED, None if known else f"grant_type must be {' or '.join(GRANT_TYPES)}"):
        return findings.judgement()
    registered = wanted in client.metadata.texts("grant_types")
    findings.settle(GRANT_REGISTERED, None if registered else f"the client did not register {CLIENT_CREDENTIALS}")
    scope = _scope(form.get("scope"), client.metadata.scopes, findings)
    return findings.judgement(Grant(scope, market.access_token_lifetime_s))


def _scope(asked: str | None, registered: tuple[str, ...], findings: Findings) -> tuple[str, ...]:
    """The scope asked for, in its order; the registered one where none is asked for."""
    if asked is None:
        # RFC 6749 §3.3 wants a default or a refusal. openid is about a person, and here is none
        # (OpenID Connect Core 1.0 §3.1.2.1); who asks for it gets it, since some TPPs always do.
        findings.add(SCOPE_FORM.skipped("no scope is asked for"))
        findings.add(SCOPE_REGISTERED.passed)
        return tuple(scope for scope in registered if scope != "openid")
    if not findings.settle(
        SCOPE_FORM, None if _SCOPE.fullmatch(asked) else "scope must be words with one blank between"
    ):
        return ()
    words = tuple(dict.fromkeys(asked.split(" ")))
    beyond = [index for index, word in enumerate(words) if word not in registered]
    findings.settle(
        SCOPE_REGISTERED, f"scope: word {beyond[0] + 1} is not registered for the client" if beyond else None
    )
    return words
