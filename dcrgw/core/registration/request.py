"""Registration requests: opened, then proven by the software's own key, then judged by their claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from dcrgw.core import strict_json
from dcrgw.core.checks import Findings, Judgement
from dcrgw.core.jose.keys import KeySet
from dcrgw.core.jose.proving import SharedSecret, policy_of, prove
from dcrgw.core.jose.reader import ReadPolicy, Unverified, claims, read
from dcrgw.core.jose.reasons import JoseRefused
from dcrgw.core.market import Market
from dcrgw.core.registration import metadata, tokens
from dcrgw.core.registration import statement as statements
from dcrgw.core.registration.dates import Window, numeric_date
from dcrgw.core.registration.envelope import Envelope, Form
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.registration.profile import Profile
from dcrgw.core.registration.request_checks import (
    JSON_OBJECT,
    MEDIA_TYPE,
    OF_SIGNED_REQUESTS,
    STATEMENT,
    judge_origin,
    judge_software_id,
    judge_times,
)
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.values import lean

__all__ = ["Envelope", "Form", "RegistrationRequest", "jose_policy", "open", "verify"]

MAX_REQUEST_BYTES = 131_072


@lean
@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """A request that is proven as far as its form can be. The JSON form has no iss, aud, times, jti, kid and alg."""

    iss: str | None
    aud: tuple[str, ...]
    iat: float | None
    exp: float | None
    jti: str | None
    software_id: str | None
    software_statement: str | None = field(repr=False)
    #: As asked: known members of their types, no defaults yet.
    metadata: ClientMetadata
    kid: str | None
    alg: str | None
    claims: Mapping[str, JsonValue] = field(repr=False)
    #: RFC 7638 thumbprint of the key that signed it, None where nothing is signed.
    signer: str | None = None


def jose_policy(profile: Profile) -> ReadPolicy:
    """Which tokens may be requests in this profile. Raises: ValueError where requests are not signed."""
    return _jose_policy(profile.request.algorithms, profile.request.types, MAX_REQUEST_BYTES)


_jose_policy = lru_cache(maxsize=64)(policy_of)


def open(body: bytes, media_type: str | None, profile: Profile) -> Judgement[Envelope]:  # noqa: A001 - request.open
    """The parts of a request body; nothing is proven yet, and nothing outside was asked.

    `media_type` is the Content-Type as sent; its parameters, a charset too, say nothing about these bytes.
    """
    findings = Findings()
    essence = (media_type or "").partition(";")[0].strip().lower()
    if essence in profile.request.jws_media_types:
        form = Form.JWS
    elif essence in profile.request.json_media_types:
        form = Form.JSON
    else:
        taken = sorted(profile.request.jws_media_types | profile.request.json_media_types)
        findings.settle(MEDIA_TYPE, f"Content-Type must be {' or '.join(taken)}")
        return findings.judgement()
    findings.settle(MEDIA_TYPE, None)
    opened = _token(body, profile, findings) if form is Form.JWS else _object(body, findings)
    if opened is None:
        return findings.judgement()
    token, found = opened
    statement = _statement(found, profile, findings)
    return findings.judgement(Envelope(form, token, found, statement))


_Opened = tuple[Unverified | None, dict[str, JsonValue]]


def _token(body: bytes, profile: Profile, findings: Findings) -> _Opened | None:
    try:
        token = read(body, jose_policy(profile))
        found = claims(token.payload)
    except JoseRefused as fault:
        findings.add(tokens.REQUEST.refused(fault))
        return None
    findings.add(JSON_OBJECT.skipped("the request is a signed token"))
    return token, found


def _object(body: bytes, findings: Findings) -> _Opened | None:
    try:
        found = strict_json.loads_object(body)
    except strict_json.JsonRefused as error:
        findings.settle(JSON_OBJECT, f"the body {error}")
        return None
    findings.settle(JSON_OBJECT, None)
    return None, found


def _statement(found: Mapping[str, JsonValue], profile: Profile, findings: Findings) -> Unverified | None:
    presented = found.get("software_statement")
    if "software_statement" not in found:
        findings.settle(STATEMENT, "software_statement is missing" if profile.statement.required else None)
        return None
    if not isinstance(presented, str) or not presented:
        findings.settle(STATEMENT, "software_statement must be a string: a compact JWS")
        return None
    findings.settle(STATEMENT, None)
    try:
        return read(presented, statements.jose_policy(profile))
    except JoseRefused as fault:
        findings.add(tokens.STATEMENT.refused(fault))
        return None


def verify(
    envelope: Envelope,
    keys: KeySet | SharedSecret | None,
    profile: Profile,
    market: Market,
    statement: SoftwareStatement | None,
    at: float,
) -> Judgement[RegistrationRequest]:
    """The request, proven by the software's keys where it is signed, with its claims and its metadata judged.

    `keys` are those that the verified statement names; None in the JSON form. `at` is epoch seconds.
    """
    findings = Findings()
    found = envelope.unverified_claims
    if envelope.token is None:
        _note_unsigned(findings)
    elif not _is_signed(envelope.token, keys, profile, findings):
        return findings.judgement()
    else:
        judge_origin(found, profile, market, statement, findings)
        judge_times(found, Window(at, market.leeway_s), profile.request, findings)
    judge_software_id(found, statement, findings)
    asked = metadata.read(found, profile)
    findings.take(asked.findings)
    if asked.value is None:
        return findings.judgement()
    return findings.judgement(_request(envelope, asked.value, keys))


def _note_unsigned(findings: Findings) -> None:
    tokens.REQUEST.note_skipped(findings, "the request is not signed")
    findings.skipped(OF_SIGNED_REQUESTS, "the request is not signed")


def _is_signed(token: Unverified, keys: KeySet | SharedSecret | None, profile: Profile, findings: Findings) -> bool:
    try:
        prove(token, keys or KeySet({}), jose_policy(profile))
    except JoseRefused as fault:
        findings.add(tokens.REQUEST.refused(fault))
        return False
    tokens.REQUEST.note_passed(findings)
    return True


def _request(envelope: Envelope, asked: ClientMetadata, keys: KeySet | SharedSecret | None) -> RegistrationRequest:
    found = envelope.unverified_claims
    software_id = found.get("software_id")
    if envelope.token is None:
        return RegistrationRequest(
            iss=None,
            aud=(),
            iat=None,
            exp=None,
            jti=None,
            software_id=software_id if isinstance(software_id, str) else None,
            software_statement=envelope.software_statement,
            metadata=asked,
            kid=None,
            alg=None,
            claims=found,
        )
    iss, jti, aud = found.get("iss"), found.get("jti"), found.get("aud")
    return RegistrationRequest(
        iss=iss if isinstance(iss, str) else None,
        aud=tuple(a for a in (aud if isinstance(aud, list) else [aud]) if isinstance(a, str)),
        iat=numeric_date(found.get("iat")),
        exp=numeric_date(found.get("exp")),
        jti=jti if isinstance(jti, str) else None,
        software_id=software_id if isinstance(software_id, str) else None,
        software_statement=envelope.software_statement,
        metadata=asked,
        kid=envelope.token.header.kid,
        alg=envelope.token.header.alg,
        claims=found,
        signer=keys.signer(envelope.token.header.kid, envelope.token.header.alg) if isinstance(keys, KeySet) else None,
    )
