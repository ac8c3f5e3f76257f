"""A recorded request in the tester's name: its faults kept, its identity the tester's.

What the recording's TPP was is replaced by what the tester is (software_id, keys, statement, redirect URIs, subject),
times keep their distances, and everything else is asked as it was. So a bank has to refuse it for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from dcrgw.compliance.bundle import Bundle
from dcrgw.compliance.conformance import hooks
from dcrgw.compliance.conformance.scene import Bank
from dcrgw.compliance.conformance.signing import parts
from dcrgw.compliance.conformance.tester import Party
from dcrgw.core import strict_json
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.tpp import credentials

#: Claims of a statement that say whose it is, or when it was made: a fresh one has its own.
_OWN = (
    "iss", "iat", "exp", "nbf", "jti", "software_id", "software_client_id", "org_id", "legal_entity_id", "sub",
)  # fmt: skip
_ADDRESSES = ("redirect", "jwks", "_uri")
_SUBJECTS = ("tls_client_auth_subject_dn", "tls_client_auth_dn")
_TIMES = ("iat", "exp", "nbf")


@dataclass(frozen=True, slots=True)
class Ordered:
    """A statement of the tester that says what the recorded one said: claims of its own, and those that it lacks."""

    claims: Mapping[str, Any]
    without: tuple[str, ...]


@dataclass(slots=True)
class Restated:
    """A recorded request in the tester's name, and what could not be brought along.

    Either `body`, sent as it is, or `claims` with the `header` of their signature, None for plain JSON.
    """

    media_type: str
    body: str | None = None
    header: Mapping[str, Any] | None = None
    alg: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    #: Claims that the client of the case has to fill in: what the bank said of it.
    of_the_client: Mapping[str, str] = field(default_factory=dict)
    #: What the statement says that the hook is asked for when the request is sent.
    ordered: Ordered | None = None
    notes: list[str] = field(default_factory=list)


def clients(bundle: Bundle) -> list[RegisteredClient]:
    """The clients that the registry told of when the decision was made."""
    answers = (entry.answer for entry in bundle.journal if entry.port == "registry.client")
    return [answer for answer in answers if isinstance(answer, RegisteredClient)]


async def restate(bundle: Bundle, bank: Bank, now: float) -> Restated:
    """The recorded request, made again by the tester. Raises: HookFailed, CredentialsUnusable."""
    arrival = bundle.arrival
    media_type, text = arrival.media_type or "", arrival.body.decode("utf-8", "replace").strip()
    header, claims = parts(text)
    claims = claims if header else _members(arrival.body)
    if bundle.operation in ("read", "delete"):
        return Restated(media_type)
    if not claims or _has_failed(bundle, "request.jws.", "request.shape.", "http."):
        # Broken before anybody is named in it: as it came.
        note = "sent as recorded, since it cannot be read or its form is at fault"
        return Restated(media_type, text, notes=[note])
    restated = Restated(media_type, of_the_client=_of_the_client(bundle, claims))
    if arrival.if_match:
        restated.notes.append("If-Match was left out: versions are each bank's own")
    renamed = await _in_the_tester_s_name(bundle, bank, claims, now, restated)
    if header:
        own = bank.tester.own
        restated.alg = _alg(own, header)
        kid = {"kid": own.table.kid} if "kid" in header else {}
        restated.header = {**header, "alg": restated.alg, **kid}
    restated.claims = _later(renamed, now - bundle.at) if header else renamed
    return restated


async def _in_the_tester_s_name(
    bundle: Bundle, bank: Bank, claims: Mapping[str, Any], now: float, restated: Restated
) -> dict[str, Any]:
    """The claims with the tester's names and statement; `restated` learns what is to be ordered, and notes."""
    recorded, own, hook = str(claims.get("software_statement", "")), bank.tester.own, bank.tester.hook
    can_order = hooks.can(hook, hooks.STATEMENTS)
    plain = await hooks.statement(hook, {}) if can_order else own.statement
    fresh = parts(plain)[1] if plain else {}
    renamed = _renamed(bundle, own, claims, parts(recorded)[1], fresh)
    if "jti" in renamed and not _has_failed(bundle, "request.jti."):
        renamed["jti"] = str(uuid4())
    if _has_failed(bundle, "statement.jws."):
        restated.notes.append("the software statement is the recorded one, since its signature or form is at fault")
    elif recorded and can_order:
        restated.ordered = _ordered(bundle, recorded, fresh, now)
    elif recorded:
        restated.notes.append("the software statement is the tester's own as it is: no hook makes one to order")
        renamed["software_statement"] = plain or recorded
    return renamed


def _alg(own: Party, header: Mapping[str, Any]) -> str:
    """The recorded algorithm where the tester's key can do it, so that a forbidden one stays forbidden."""
    alg = str(header.get("alg", own.alg))
    return alg if alg[:2] == own.alg[:2] or alg == "RS256" else own.alg


def _of_the_client(bundle: Bundle, claims: Mapping[str, Any]) -> dict[str, str]:
    """What an update says of its client: where it named the right one it does so again; what was wrong stays wrong."""
    if bundle.operation != "update":
        return {}
    found = {}
    if "client_id" in claims and claims["client_id"] == bundle.arrival.client_id:
        found["client_id"] = "${client.client_id}"
    secrets = {secret for client in clients(bundle) for secret in client.secrets.values()}
    if _is_among(claims.get("client_secret"), secrets):
        found["client_secret"] = "${client.client_secret}"
    return found


def _ordered(bundle: Bundle, recorded: str, fresh: Mapping[str, Any], now: float) -> Ordered:
    """What to order, so that a fresh statement of the tester says what the recorded one said beside its names."""
    said = parts(recorded)[1]
    kept = [name for name in said if _is_carried(name) or _has_failed(bundle, f"statement.{name}.")]
    changes = {name: said[name] for name in kept if fresh.get(name) != said[name]}
    # An update's statement is made after that of its client, as it was: unless its age is what was wrong with it.
    if bundle.operation == "create" or _has_failed(
        bundle, "statement.iat.", "statement.exp.", "statement.nbf.", "update."
    ):
        changes |= {name: value for name, value in _later(said, now - bundle.at).items() if name in _TIMES}
    if not any(_is_among(said.get("iss"), each.issuers) for each in bundle.market.directories.values()):
        changes["iss"] = said.get("iss")
    changes = {name: value for name, value in changes.items() if value is not None}
    return Ordered(changes, tuple(name for name in fresh if name not in said and not _is_address(name)))


def _renamed(
    bundle: Bundle,
    own: Party,
    claims: Mapping[str, Any],
    recorded: Mapping[str, Any],
    fresh: Mapping[str, Any],
) -> dict[str, Any]:
    """The claims with the tester's names where the recorded TPP's own stood; wrong ones stay wrong."""
    # An update may say again what the bank answered, and that holds the statement's claims.
    said_again = (name for name, value in claims.items() if name in fresh and value == recorded.get(name))
    renamed = dict(claims) | {name: fresh[name] for name in said_again if name not in _TIMES}
    for name in ("iss", "software_id"):
        if name in claims and claims[name] == recorded.get("software_id"):
            renamed[name] = own.table.software_id or fresh.get("software_id") or claims[name]
    audiences, ours = {*bundle.market.request_audiences, bundle.market.issuer}, own.bank.audience or own.bank.issuer
    match claims.get("aud"):
        case str(aud) if aud in audiences:
            renamed["aud"] = ours
        case list(several):
            renamed["aud"] = [ours if _is_among(each, audiences) else each for each in several]
    listed = _addresses(recorded)
    uris = claims.get("redirect_uris")
    theirs = list(own.table.redirect_uris) or _addresses(fresh)
    if isinstance(uris, list) and theirs:
        renamed["redirect_uris"] = [theirs[listed.index(u) % len(theirs)] if u in listed else u for u in uris]
    if "jwks_uri" in claims:
        same = [name for name, value in recorded.items() if value == claims["jwks_uri"] and name in fresh]
        renamed["jwks_uri"] = fresh[same[0]] if same else claims["jwks_uri"]
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


def _is_among(value: Any, names: Iterable[str]) -> bool:
    """A claim may be anything."""
    return isinstance(value, str) and value in names


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
