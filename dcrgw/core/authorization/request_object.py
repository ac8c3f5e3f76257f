"""A signed request object (RFC 9101): read, proven by the client's keys, then taken apart into parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcrgw.core.authorization import request_gates as gates
from dcrgw.core.authorization.interaction import SingleUse
from dcrgw.core.checks import Findings, Judgement
from dcrgw.core.jose import verification
from dcrgw.core.jose.algorithms import ALGORITHMS
from dcrgw.core.jose.keys import KeySet
from dcrgw.core.jose.reader import JosePolicy, ReadPolicy, Unverified, claims, read
from dcrgw.core.jose.reasons import JoseReason, JoseRefused
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.dates import Window, numeric_date
from dcrgw.core.strict_json import JsonValue

MAX_BYTES = 24_576
MAX_LIFETIME_S = 3600
MAX_JTI_LENGTH = 256
#: RFC 9101 §10.8: a typ of its own, so that no other JWT of the client passes for one; older clients send JWT or none.
TYPES = frozenset({"oauth-authz-req+jwt", "jwt"})

# Which algorithm is the client's own is judged with its keys.
_READABLE = ReadPolicy(frozenset(ALGORITHMS), TYPES, MAX_BYTES, kid_required=False)
#: Claims about the object itself, no parameters.
_ENVELOPE = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The parameters of a proven object, and what must not come again, where it names that."""

    parameters: Mapping[str, JsonValue]
    once: SingleUse | None


def unverified(text: str) -> Judgement[Unverified]:
    """The object, well-formed but nobody's yet. An encrypted or an unsigned one is refused."""
    findings = Findings()
    try:
        token = read(text, _READABLE)
    except JoseRefused as refused:
        findings.add(gates.OBJECT_JWS.refused(refused))
        return findings.judgement()
    # Nothing is stated as passed before the signature is.
    return findings.judgement(token)


def prove(token: Unverified, keys: KeySet, client: RegisteredClient, market: Market, at: float) -> Judgement[Unpacked]:
    """The parameters, if one of the client's keys signed them for us and now. `at` is epoch seconds."""
    findings = Findings()
    try:
        verification.verify(token, keys, _policy(client, market))
        found = claims(token.payload)
    except JoseRefused as refused:
        findings.add(gates.OBJECT_JWS.refused(refused))
        return findings.judgement()
    gates.OBJECT_JWS.note_passed(findings)
    once = _judge_envelope(found, client, market, at, findings)
    parameters = {name: value for name, value in found.items() if name not in _ENVELOPE}
    wrong = [name for name, value in parameters.items() if not _is_parameter(name, value)]
    findings.settle(
        gates.OBJECT_MEMBERS, "a parameter of the request object is of another JSON type" if wrong else None
    )
    return findings.judgement(Unpacked({name: _spelled(value) for name, value in parameters.items()}, once))


def _policy(client: RegisteredClient, market: Market) -> JosePolicy:
    """The client's own algorithm where it registered one; in any case one of the market's."""
    registered = client.metadata.text("request_object_signing_alg")
    algorithms = market.profile.metadata.signing_algorithms
    if registered is not None:
        algorithms &= {registered}
    if not algorithms:
        raise JoseRefused(JoseReason.ALGORITHM, "the client's registered algorithm is not one of the market's")
    return JosePolicy(algorithms, TYPES, MAX_BYTES, kid_required=False)


def _judge_envelope(
    found: Mapping[str, JsonValue], client: RegisteredClient, market: Market, at: float, findings: Findings
) -> SingleUse | None:
    nested = "request" in found or "request_uri" in found
    findings.settle(gates.OBJECT_NESTED, "the request object holds another request" if nested else None)
    findings.settle(gates.OBJECT_CLIENT, _client_fault(found, client.client_id))
    aud = found.get("aud")
    named = aud if isinstance(aud, list) else [aud]
    findings.settle(gates.OBJECT_AUDIENCE, None if market.issuer in named else "aud is not the issuer")
    # DIVERGENCE: RFC 9101 §4 leaves exp and nbf to the client; FAPI wants both, and an object without an end is none.
    window = Window(at, market.leeway_s)
    exp, nbf = found.get("exp"), found.get("nbf")
    findings.settle(gates.OBJECT_EXP, window.not_past("exp", exp))
    findings.settle(gates.OBJECT_NBF, _nbf_fault(exp, nbf, window))
    if "iat" in found:
        findings.settle(gates.OBJECT_IAT, window.not_future("iat", found["iat"]))
    else:
        findings.add(gates.OBJECT_IAT.skipped("the request object has no iat"))
    return _single_use(found, market, findings)


def _client_fault(found: Mapping[str, JsonValue], client_id: str) -> str | None:
    for name in ("iss", "client_id"):
        if found.get(name) != client_id:
            return f"{name} is not the client_id of the request"
    # RFC 9101 §10.8: with sub it could pass for a client assertion.
    return "sub is the client: that is an assertion, no request" if found.get("sub") == client_id else None


def _nbf_fault(exp: JsonValue, nbf: JsonValue, window: Window) -> str | None:
    fault = window.not_future("nbf", nbf) or window.not_older("nbf", nbf, MAX_LIFETIME_S)
    ends, begins = numeric_date(exp), numeric_date(nbf)
    if fault is None and ends is not None and begins is not None and ends - begins > MAX_LIFETIME_S:
        return f"exp is more than {MAX_LIFETIME_S} seconds after nbf"
    return fault


def _single_use(found: Mapping[str, JsonValue], market: Market, findings: Findings) -> SingleUse | None:
    if "jti" not in found:
        findings.add(gates.OBJECT_JTI.skipped("the request object has no jti"))
        return None
    jti, ends = found["jti"], numeric_date(found.get("exp"))
    good = isinstance(jti, str) and 0 < len(jti) <= MAX_JTI_LENGTH
    findings.settle(gates.OBJECT_JTI, None if good else f"jti must be a string of 1 to {MAX_JTI_LENGTH} characters")
    return SingleUse(jti, ends + market.leeway_s) if good and isinstance(jti, str) and ends is not None else None


def _is_parameter(name: str, value: JsonValue) -> bool:
    if name == "authorization_details":
        return isinstance(value, list)
    if name == "max_age" and type(value) is int:
        return True
    # claims (OpenID Connect Core 1.0 §5.5) and what we do not know may be anything: it is not looked at.
    return isinstance(value, str) or name not in _STRINGS


def _spelled(value: JsonValue) -> JsonValue:
    return str(value) if type(value) is int else value


_STRINGS = frozenset(
    {
        "response_type",
        "response_mode",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "prompt",
        "max_age",
        "code_challenge",
        "code_challenge_method",
        "ui_locales",
        "login_hint",
    }
)
