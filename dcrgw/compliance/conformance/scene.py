"""What one case knows while it is played: the tester, the bank, its statement, the clients that came to be."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dcrgw.compliance.conformance import hooks, signing
from dcrgw.compliance.conformance.filling import Lacking, Values
from dcrgw.compliance.conformance.pack import Case, Offer, Pack, Statement
from dcrgw.compliance.conformance.tester import Party, Tester, statement_claims
from dcrgw.tpp import credentials, requests
from dcrgw.tpp.authentication import METHODS
from dcrgw.tpp.client import Outgoing
from dcrgw.tpp.known_client import KnownClient

_WELL_KNOWN = re.compile(
    r"(?P<host>https?://[^/?#]+)(?P<before>(?:/[^?#]*)?)/\.well-known/[a-z0-9-]+(?P<after>(?:/[^?#]*)?)"
)
#: An attribute's type in a DN.
_TYPES = re.compile(r"(?:(?<=^)|(?<=[,+]))[A-Za-z][A-Za-z0-9-]*(?==)")
#: What a pack may refer to of the bank.
_TOLD = ("registration_endpoint", "token_endpoint", "issuer", "well_known")
#: A statement of the hook serves for so long, where the standard lets it serve more than once.
FRESH_S = 60.0


class Unusable(Exception):
    """What the bank said cannot be used as the standard means it. The message says what."""


@dataclass(slots=True)
class Bank:
    """What is known of the bank: its discovery document, empty where it has none; and the statement in use."""

    tester: Tester
    discovery: Mapping[str, Any] = field(default_factory=dict)
    statement: str | None = None
    statement_at: float = 0.0


@dataclass(slots=True)
class Actor:
    """A client of this case. `token` is the access token that it got last."""

    known: KnownClient
    token: str | None = None
    is_gone: bool = False


@dataclass(slots=True)
class Scene:
    """One case on stage. Its references are those of `values`."""

    pack: Pack
    bank: Bank
    case: Case
    values: Values
    actors: dict[str, Actor] = field(default_factory=dict)
    #: Every client that came to be, by its client_id: what is to be cleared away.
    born: dict[str, Actor] = field(default_factory=dict)
    last: Outgoing | None = None
    last_shown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def own(self) -> Party:
        """The tester's TPP."""
        return self.bank.tester.own

    @property
    def management(self) -> str:
        """By which token clients manage their registrations: as the tester says of the bank, else as the pack does."""
        return self.own.bank.management or self.pack.management

    def actor(self, name: str) -> Actor:
        """A client that an earlier step registered. Raises: Lacking."""
        if name not in self.actors:
            raise Lacking(f"the client {name!r}, whom no step registered")
        return self.actors[name]

    def entered(self, name: str, known: KnownClient) -> None:
        """A client has come to be; or it was there already, and the bank said so again."""
        actor = self.born.setdefault(known.client_id, Actor(known))
        # What the first answer gave may be left out of a repeated one.
        actor.known = KnownClient(known.registration_endpoint, {**actor.known.information, **known.information})
        self.actors[name] = actor
        self.told(name)

    def told(self, name: str) -> None:
        """Let references know what the bank said of a client last."""
        information = dict(self.actors[name].known.information)
        self.values.names.setdefault("clients", {})[name] = information
        if name == "client":
            self.values.names["client"] = information


def opened(pack: Pack, bank: Bank, case: Case, variables: Mapping[str, Any]) -> Scene:
    """A scene in which nothing has happened yet."""
    values = Values(time.time)
    own = bank.tester.own
    values.names = {
        **variables,
        "values": pack.values,
        "discovery": bank.discovery,
        "bank": {name: getattr(own.bank, name) for name in _TOLD if getattr(own.bank, name)} | _derived(own),
        "tpp": _party(own),
        "client": {},
        "clients": {},
        "sent": {},
    }
    return Scene(pack, bank, case, values)


async def stated(scene: Scene, wanted: Statement | None, *, is_used: bool) -> str | None:
    """The statement for a step. Raises: Lacking, HookFailed."""
    own = await _own_statement(scene, is_used)
    if wanted is None:
        return _remembered(scene, own)
    if own is None:
        raise Lacking("statement")
    changes = {"claims": wanted.claims, "without": wanted.without, "header": wanted.header}
    if wanted.made == "directory":
        return _remembered(scene, await hooks.statement(scene.bank.tester.hook, changes))
    header, claims = signing.parts(own)
    header = {**header, **wanted.header, **({"alg": "none"} if wanted.made == "unsigned" else {})}
    claims = {name: value for name, value in {**claims, **wanted.claims}.items() if name not in wanted.without}
    return _remembered(scene, _forged(own, header, claims, wanted.made))


def offered(scene_or_bank: Scene | Bank, offer: Offer) -> list[Any]:
    """The usual values that the bank offers too; all usual ones where its document does not say.

    Raises: Lacking where it offers none of them.
    """
    bank = scene_or_bank.bank if isinstance(scene_or_bank, Scene) else scene_or_bank
    said = bank.discovery.get(offer.offered)
    found = [value for value in offer.usual if not isinstance(said, list) or value in said]
    if offer.offered == "token_endpoint_auth_methods_supported":
        found = [method for method in found if _can_follow(bank.tester.own, method)]
    if not found:
        raise Lacking(f"discovery.{offer.offered} with one of {', '.join(map(str, offer.usual))}")
    return found if offer.take == "all" else found[:1]


def has(bank: Bank, need: str) -> bool:
    """Whether tester and bank have what a case needs."""
    own, tester = bank.tester.own, bank.tester
    kind, _, name = need.partition(".")
    if kind == "discovery":
        return bool(bank.discovery) if not name else bank.discovery.get(name) not in (None, [], "")
    if kind == "hook":
        return hooks.can(tester.hook, name)
    return {
        "statement": own.table.statement is not None or hooks.can(tester.hook, hooks.STATEMENTS),
        "signing_key": own.table.signing_key is not None,
        "transport": own.transport.is_given,
        "initial_access_token": own.bank.initial_access_token is not None,
        "other": tester.other is not None or bool(tester.hook and tester.hook.other),
        "other_signing_key": tester.other is not None and tester.other.table.signing_key is not None,
    }.get(need, False)


def _can_follow(own: Party, method: Any) -> bool:
    if method == "private_key_jwt":
        return own.table.signing_key is not None and own.table.kid is not None
    return method in METHODS and (method != "tls_client_auth" or own.transport.is_given)


async def _own_statement(scene: Scene, is_used: bool) -> str | None:
    bank = scene.bank
    is_old = time.time() - bank.statement_at > FRESH_S or (is_used and scene.pack.single_use_statements)
    if hooks.can(bank.tester.hook, hooks.STATEMENTS) and (bank.statement is None or is_old):
        bank.statement, bank.statement_at = await hooks.statement(bank.tester.hook, {}), time.time()
    return bank.statement or scene.own.statement


def _remembered(scene: Scene, statement: str | None) -> str | None:
    claims = statement_claims(statement) if statement else {}
    scene.values.names |= {"statement": statement, "ssa": claims}
    said = {
        "software_id": claims.get("software_id"),
        "org_id": claims.get("org_id"),
        "redirect_uris": claims.get("software_redirect_uris") or claims.get("redirect_uris"),
    }
    tpp = scene.values.names["tpp"]
    scene.values.names["tpp"] = {**{name: value for name, value in said.items() if value}, **tpp}
    return statement


def _forged(own: str, header: Mapping[str, Any], claims: Mapping[str, Any], made: str) -> str:
    if made == "tampered":
        # The signature is that of the genuine one.
        changed = signing.token(
            signing.Order(header, {**claims, "org_name": "Changed"}, signing.stranger(True), "PS256")
        )
        return ".".join((*changed.split(".")[:2], own.rpartition(".")[2]))
    by = "none" if made == "unsigned" else "stranger"
    is_rsa = str(header.get("alg", ""))[:2] != "ES"
    key = signing.stranger(is_rsa)
    return signing.token(signing.Order(header, claims, key, str(header.get("alg")), by))


def _party(party: Party) -> dict[str, Any]:
    table = party.table
    certificate = credentials.certificate(party.transport)
    subject = table.subject_dn or (credentials.subject_dn(certificate) if certificate else None)
    found = {
        "software_id": table.software_id,
        "org_id": table.org_id,
        "redirect_uris": list(table.redirect_uris) or None,
        "redirect_uri": next(iter(table.redirect_uris), None),
        "scope": table.scope or (party.statement and _scope(party.statement)),
        "kid": table.kid,
        "alg": party.alg,
        "subject_dn": subject,
        # The same name, by other spellings of its types (RFC 4514 §3).
        "subject_dn_in_small_letters": subject and _TYPES.sub(lambda found: found[0].lower(), subject),
        "jwk": signing.public_jwk(party.key, table.kid or "", party.alg) if party.key else None,
    }
    return {name: value for name, value in found.items() if value}


def _scope(statement: str) -> str | None:
    claims = statement_claims(statement)
    said = requests.metadata(requests.statement(statement), requests.Wish(), alg="PS256", subject_dn=None)
    return str(said["scope"]) if claims else None


def _derived(own: Party) -> dict[str, Any]:
    """What follows from what is known of the bank."""
    audience, issuers = own.bank.audience or own.bank.issuer, issuers_of(own.bank.well_known or "")
    return ({"audience": audience} if audience else {}) | ({"issuers_of_address": issuers} if issuers else {})


def issuers_of(address: str) -> list[str]:
    """The issuers whose document may stand at a discovery URL, of OpenID Connect or of RFC 8414 §3.1."""
    found = _WELL_KNOWN.fullmatch(address)
    if found is None:
        return []
    # OpenID Connect appends to the issuer's path, RFC 8414 puts its own before it; a slash at the end is the issuer's.
    issuer = found["host"] + (found["before"] or "") + (found["after"] or "")
    return [issuer, f"{issuer}/"]
