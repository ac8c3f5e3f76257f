"""A recorded registration as a case against any bank: its faults kept, its identity the tester's.

What the recording's TPP was is replaced by what the tester is (software_id, keys, statement, redirect URIs, subject),
times keep their distances, and everything else is asked as it was. So a bank has to refuse it for the same reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from dcrgw.compliance.bundle import Bundle
from dcrgw.compliance.conformance import hooks, signing
from dcrgw.compliance.conformance.filling import Lacking
from dcrgw.compliance.conformance.pack import Case
from dcrgw.compliance.conformance.scene import Bank
from dcrgw.compliance.conformance.signing import parts
from dcrgw.compliance.conformance.tester import Party
from dcrgw.core import strict_json
from dcrgw.core.checks import CATALOGUE
from dcrgw.tpp import credentials

#: Claims of a statement that say whose it is, or when it was made: a fresh one has its own.
_OWN = (
    "iss", "iat", "exp", "nbf", "jti", "software_id", "software_client_id", "org_id", "legal_entity_id", "sub",
)  # fmt: skip
_ADDRESSES = ("redirect", "jwks", "_uri")
_SUBJECTS = ("tls_client_auth_subject_dn", "tls_client_auth_dn")
_TIMES = ("iat", "exp", "nbf")
#: Stages whose fault is not in the request: the certificate's, the directory's, or the registry's of that bank.
_ELSEWHERE = ("tls.", "identity.", "proxy.", "standing.", "registry.")


class NotLive(ValueError):
    """The bundle cannot be sent to a bank. The message says why."""


@dataclass(slots=True)
class Restated:
    """A recorded request in the tester's name, and what could not be brought along."""

    body: str
    media_type: str
    notes: list[str] = field(default_factory=list)


def case_of(bundle: Bundle, restated: Restated) -> tuple[Case, Mapping[str, Any]]:
    """The case that sends the request, and the values that it refers to. Raises: NotLive."""
    status, error, clause = answered(bundle)
    wanted: dict[str, Any] = {"status": [status]}
    if error:
        wanted |= {"body": "json", "errors": [error]}
    case = {
        "id": "recorded",
        "title": f"The recorded decision: {bundle.decided.decision}, {status} {error}".rstrip(),
        "clause": clause,
        "steps": [{"do": "register", "body": "${body}", "media_type": "${media_type}", "expect": [wanted]}],
    }
    return Case.model_validate(case), {"body": restated.body, "media_type": restated.media_type}


def answered(bundle: Bundle) -> tuple[int, str, str]:
    """Status, OAuth error and clause with which the recorded decision was answered. Raises: NotLive."""
    if bundle.operation != "create":
        raise NotLive(f"only registrations are sent to a bank, and this is of the operation {bundle.operation}")
    if bundle.decided.decision in ("registered", "repeated"):
        return 201, "", "RFC 7591 section 3.2.1"
    failed = next((check for check, verdict, _, _ in bundle.decided.findings if verdict == "failed"), None)
    if failed is not None and failed.startswith(_ELSEWHERE):
        raise NotLive(f"it was refused by {failed}, whose reason is not in the request")
    gate = CATALOGUE.get(failed or "")
    if bundle.decided.decision != "refused" or gate is None:
        raise NotLive(f"the recorded decision is {bundle.decided.decision}, which is no answer about the request")
    return gate.status, str(bundle.market.error_codes.get(gate.id, gate.code)), gate.spec


async def restate(bundle: Bundle, bank: Bank, now: float) -> Restated:
    """The recorded request, made again by the tester. Raises: NotLive, Lacking, HookFailed, CredentialsUnusable."""
    own, arrival = bank.tester.own, bundle.arrival
    media_type, text = arrival.media_type or "", arrival.body.decode("utf-8", "replace").strip()
    header, claims = parts(text)
    is_signed = bool(header)
    if not is_signed:
        claims = _members(arrival.body)
    if not claims or _has_failed(bundle, "request.jws.", "request.shape.", "http."):
        # Broken before anybody is named in it: as it came.
        return Restated(text, media_type, ["sent as recorded, since it cannot be read or its form is at fault"])
    restated = Restated("", media_type)
    recorded = parts(str(claims.get("software_statement", "")))[1]
    statement = await _statement(bundle, bank, str(claims.get("software_statement", "")), now, restated.notes)
    fresh = parts(statement)[1] if statement else {}
    renamed = _renamed(bundle, own, claims, recorded, fresh)
    if statement and "software_statement" in claims:
        renamed["software_statement"] = statement
    restated.body = _signed(own, header, _later(renamed, now - bundle.at)) if is_signed else json.dumps(renamed)
    return restated


def _signed(own: Party, header: Mapping[str, Any], claims: dict[str, Any]) -> str:
    if own.key is None:
        raise Lacking("signing_key")
    if "jti" in claims:
        claims["jti"] = str(uuid4())
    alg = str(header.get("alg", own.alg))
    alg = alg if alg[:2] == own.alg[:2] or alg == "RS256" else own.alg
    head = {**header, "alg": alg, **({"kid": own.table.kid} if "kid" in header else {})}
    return signing.token(signing.Order(head, claims, own.key, alg))


async def _statement(bundle: Bundle, bank: Bank, recorded: str, now: float, notes: list[str]) -> str | None:
    """A fresh statement of the tester that says what the recorded one said beside its names and times."""
    hook, own = bank.tester.hook, bank.tester.own
    if _has_failed(bundle, "statement.jws."):
        notes.append("the software statement is the recorded one, since its signature or form is at fault")
        return recorded
    if not recorded or not hooks.can(hook, hooks.STATEMENTS):
        if recorded:
            notes.append("the software statement is the tester's own as it is: no hook makes one like the recorded")
        return own.statement
    plain = await hooks.statement(hook, {})
    said, fresh = parts(recorded)[1], parts(plain)[1]
    changes = {name: value for name, value in said.items() if _is_carried(name) and fresh.get(name) != value}
    changes |= {name: value for name, value in _later(said, now - bundle.at).items() if name in _TIMES}
    if not any(said.get("iss") in each.issuers for each in bundle.market.directories.values()):
        changes["iss"] = said.get("iss")
    gone = [name for name in fresh if name not in said and not _is_address(name)]
    return await hooks.statement(hook, {"claims": changes, "without": gone})


def _renamed(
    bundle: Bundle,
    own: Party,
    claims: Mapping[str, Any],
    recorded: Mapping[str, Any],
    fresh: Mapping[str, Any],
) -> dict[str, Any]:
    """The claims with the tester's names where the recorded TPP's own stood; wrong ones stay wrong."""
    renamed = dict(claims)
    for name, of in (("iss", "software_id"), ("software_id", "software_id")):
        if name in claims and claims[name] == recorded.get(of):
            renamed[name] = own.table.software_id or fresh.get(of)
    audiences = {*bundle.market.request_audiences, bundle.market.issuer}
    if claims.get("aud") in audiences:
        renamed["aud"] = own.bank.audience or own.bank.issuer
    listed = _addresses(recorded)
    uris = claims.get("redirect_uris")
    theirs = list(own.table.redirect_uris) or _addresses(fresh)
    if isinstance(uris, list) and theirs:
        renamed["redirect_uris"] = [theirs[listed.index(u) % len(theirs)] if u in listed else u for u in uris]
    if "jwks_uri" in claims and claims["jwks_uri"] in recorded.values():
        renamed["jwks_uri"] = fresh.get("software_jwks_uri") or fresh.get("jwks_uri")
    for name in _SUBJECTS:
        if name in claims and not _has_failed(bundle, "rules.tls_client_auth."):
            renamed[name] = own.table.subject_dn or _subject(own) or claims[name]
    return renamed


def _later(claims: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """The same with its times moved; what is no number stays."""
    moved = {
        name: int(claims[name] + seconds)
        for name in _TIMES
        if isinstance(claims.get(name), int | float) and not isinstance(claims[name], bool)
    }
    return {**claims, **moved}


def _has_failed(bundle: Bundle, *prefixes: str) -> bool:
    return any(verdict == "failed" and check.startswith(prefixes) for check, verdict, _, _ in bundle.decided.findings)


def _is_carried(name: str) -> bool:
    return name not in _OWN and not _is_address(name)


def _is_address(name: str) -> bool:
    return any(part in name for part in _ADDRESSES)


def _addresses(statement: Mapping[str, Any]) -> list[Any]:
    found = statement.get("software_redirect_uris") or statement.get("redirect_uris")
    return found if isinstance(found, list) else []


def _subject(own: Party) -> str | None:
    certificate = credentials.certificate(own.transport)
    return credentials.subject_dn(certificate) if certificate else None


def _members(body: bytes) -> dict[str, Any]:
    try:
        return dict(strict_json.loads_object(body))
    except strict_json.JsonRefused:
        return {}
