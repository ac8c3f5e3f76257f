"""How a client says who it is at the token endpoint, before anything of it is believed (RFC 6749 §2.3)."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote_plus

from dcrgw.core.authorization import form as forms
from dcrgw.core.authorization.gates import ASSERTION_JWS, ASSERTION_SUBJECT, ASSERTION_TYPE, BASIC, PRESENT, SINGLE
from dcrgw.core.checks import Findings, Judgement
from dcrgw.core.jose import mac
from dcrgw.core.jose.algorithms import ALGORITHMS
from dcrgw.core.jose.reader import ReadPolicy, Unverified, read, unverified_claims
from dcrgw.core.jose.reasons import JoseRefused

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_ASSERTION_BYTES = 16_384
#: `typ` beside an absent one: RFC 7519 §5.1, and what newer profiles of RFC 7523 ask for.
ASSERTION_TYPES = frozenset({"jwt", "client-authentication+jwt"})

# Which algorithm is the client's own is judged once it is known who the client is.
_READABLE = ReadPolicy(
    frozenset({*ALGORITHMS, mac.ALGORITHM}), ASSERTION_TYPES, MAX_ASSERTION_BYTES, kid_required=False
)
# ASCII: else a long s or a Kelvin sign would be letters of base64, in another case.
_BASIC = re.compile(r"basic +([A-Za-z0-9+/]+={0,2})", re.IGNORECASE | re.ASCII)


class Way(StrEnum):
    """A way to show who one is; the words are for descriptions."""

    BASIC = "the Authorization header"
    SECRET = "client_secret"
    ASSERTION = "client_assertion"
    CERTIFICATE = "the client certificate alone"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was shown. `client_id` is only claimed; `secret` or `assertion` is there where the way has one."""

    way: Way
    client_id: str
    secret: str | None = field(default=None, repr=False)
    assertion: Unverified | None = field(default=None, repr=False)


def present(form: Mapping[str, str], authorization: Sequence[str]) -> Judgement[Credentials]:
    """The one way in which the request authenticates, and the client that it claims to be.

    `form` are the body's parameters, `authorization` the Authorization headers as sent.
    """
    findings = Findings()
    shown = _shown(form, authorization)
    several = "a client authenticates in one way only; the request has " + " and ".join(shown)
    if not findings.settle(SINGLE, several if len(shown) > 1 or len(authorization) > 1 else None):
        return findings.judgement()
    way = shown[0] if shown else Way.CERTIFICATE
    found = {Way.BASIC: _basic, Way.SECRET: _secret, Way.ASSERTION: _assertion, Way.CERTIFICATE: _certificate}[way](
        form, authorization, findings
    )
    return findings.judgement(found)


def _shown(form: Mapping[str, str], authorization: Sequence[str]) -> list[Way]:
    assertion = "client_assertion" in form or "client_assertion_type" in form
    there = {Way.BASIC: bool(authorization), Way.SECRET: "client_secret" in form, Way.ASSERTION: assertion}
    return [way for way, is_there in there.items() if is_there]


def _basic(form: Mapping[str, str], authorization: Sequence[str], findings: Findings) -> Credentials | None:
    pair = basic_pair(authorization[0])
    if pair is None:
        findings.settle(BASIC, "the Authorization header is not Basic with a form-encoded id and secret")
        return None
    same = form.get("client_id", pair[0]) == pair[0]
    findings.settle(BASIC, None if same else "client_id is another one than the Authorization header's")
    return Credentials(Way.BASIC, pair[0], secret=pair[1])


def basic_pair(header: str) -> tuple[str, str] | None:
    """Id and secret of an Authorization header, None where it is no such one.

    Each is form-encoded, then they are joined and encoded as RFC 7617 has it (RFC 6749 §2.3.1).
    """
    match = _BASIC.fullmatch(header.strip(" "))
    if match is None or len(header) > MAX_ASSERTION_BYTES:
        return None
    try:
        client_id, colon, secret = b64decode(match[1], validate=True).partition(b":")
    except Error:
        return None
    pair = forms.decoded(client_id), forms.decoded(secret)
    return (pair[0], pair[1]) if colon and pair[0] and pair[1] else None


def basic(client_id: str, secret: str) -> str:
    """The Authorization header of a client by its secret: what `present` reads."""
    return "Basic " + b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()


def _secret(form: Mapping[str, str], _authorization: Sequence[str], findings: Findings) -> Credentials | None:
    client_id = form.get("client_id")
    if not findings.settle(PRESENT, None if client_id else "client_secret comes without client_id"):
        return None
    return Credentials(Way.SECRET, client_id or "", secret=form["client_secret"])


def _certificate(form: Mapping[str, str], _authorization: Sequence[str], findings: Findings) -> Credentials | None:
    # RFC 8705 §2: the client_id must be there, since a certificate alone does not name a client.
    client_id = form.get("client_id")
    if not findings.settle(PRESENT, None if client_id else "the request names no client"):
        return None
    return Credentials(Way.CERTIFICATE, client_id or "")


def _assertion(form: Mapping[str, str], _authorization: Sequence[str], findings: Findings) -> Credentials | None:
    kind = form.get("client_assertion_type")
    if not findings.settle(
        ASSERTION_TYPE, None if kind == JWT_BEARER else f"client_assertion_type must be {JWT_BEARER}"
    ):
        return None
    try:
        assertion = read(form.get("client_assertion", ""), _READABLE)
        claims = unverified_claims(assertion)
    except JoseRefused as refused:
        findings.add(ASSERTION_JWS.refused(refused))
        return None
    named = claims.get("sub")
    if not isinstance(named, str) or not named:
        findings.settle(ASSERTION_SUBJECT, "client_assertion: sub must be a string")
        return None
    if form.get("client_id", named) != named:
        # RFC 7521 §4.2: client_id is unnecessary, and must be the same client where it is there.
        findings.settle(ASSERTION_SUBJECT, "client_id is another one than the assertion's sub")
        return None
    findings.add(ASSERTION_TYPE.passed)
    return Credentials(Way.ASSERTION, named, assertion=assertion)
