"""Client metadata: read from a request's claims, then completed into what is registered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from dcrgw.core.checks import Findings, Gate, Judgement, gate
from dcrgw.core.registration.members import (
    CIBA_GRANT,
    CIBA_MEMBERS,
    ENCRYPTION_MEMBERS,
    MEMBERS,
    TLS_SUBJECT_MEMBERS,
    Holds,
    Kind,
    Member,
)
from dcrgw.core.registration.profile import MetadataProfile, Profile
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.core.registration.uris import https_fault
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode

__all__ = ["ClientMetadata", "effective", "read", "recheck"]

MAX_TAGGED_MEMBERS = 50
_DEFAULT_ENCODING = "A128CBC-HS256"


@dataclass(frozen=True, slots=True)
class ClientMetadata:
    """Typed members by their wire names (RFC 7591 §2, OIDC Registration §2, RFC 8705 §2, OB UK DCR); never mutated.

    Only known members of the right JSON type are in it; language-tagged ones (`client_name#ja`) are kept.
    Prose may hold any printable character, `<` too: whoever shows it escapes it.
    """

    members: Mapping[str, JsonValue]

    def text(self, name: str) -> str | None:
        """A string member, None when absent."""
        value = self.members.get(name)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """A list-of-strings member, empty when absent."""
        return tuple(_texts(self.members, name))

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        """redirect_uris, empty when absent."""
        return self.texts("redirect_uris")

    @property
    def scopes(self) -> tuple[str, ...]:
        """The words of `scope`, in order."""
        scope = self.text("scope")
        return tuple(scope.split(" ")) if scope else ()


TYPES = gate(
    "rules.metadata.types",
    "Every known member has its JSON type.",
    spec="RFC 7591 §2; OpenID Connect Registration 1.0 §2",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
SIZES = gate(
    "rules.metadata.sizes",
    "No member is empty, too long or of too many items.",
    spec="OB UK DCR, OBClientRegistrationRequest1; RFC 7591 §2",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
CHARACTERS = gate(
    "rules.metadata.characters",
    "No member holds a control character or one that turns the direction of writing.",
    spec="RFC 7591 §5",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
URLS = gate(
    "rules.metadata.urls",
    "Every URL member is an https URL with a host, without a user name and without a fragment.",
    spec="RFC 7591 §2, §5",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)
REDIRECT_TYPES = gate(
    "rules.redirect_uris.types",
    "redirect_uris is a list of strings.",
    spec="RFC 7591 §2",
    code=ErrorCode.INVALID_REDIRECT_URI,
)
WEBHOOKS = gate(
    "rules.webhook_uris.form",
    "webhook_uris are https URLs of at most 255 characters.",
    spec="Open Finance Brasil DCR, webhook_uris; RFC 7591 §5",
    code=ErrorCode.INVALID_WEBHOOK_URIS,
)
REDIRECT_SIZES = gate(
    "rules.redirect_uris.sizes",
    "redirect_uris are neither too many nor too long.",
    spec="OB UK DCR, redirect_uris; RFC 7591 §2",
    code=ErrorCode.INVALID_REDIRECT_URI,
)

_GATES = (TYPES, REDIRECT_TYPES, SIZES, REDIRECT_SIZES, CHARACTERS, URLS, WEBHOOKS)
#: C0, DEL, C1, line and paragraph separators, bidirectional marks, embeddings, overrides and isolates.
_REFUSED_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
#: BCP 47, by its letters only.
_TAGGED = re.compile(r"([a-z_]+)#([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4})")


def read(claims: Mapping[str, JsonValue], profile: Profile) -> Judgement[ClientMetadata]:
    """The metadata that a request asks for: the profile's members with their types; all others are dropped.

    client_id, client_secret, registration tokens and whatever else a server sets are among the dropped.
    """
    taken: dict[str, JsonValue] = {}
    tagged = 0
    for name, value in claims.items():
        member = MEMBERS.get(name) if name in profile.metadata.members else None
        if member is None:
            member = _tagged_member(name, profile) if "#" in name and tagged < MAX_TAGGED_MEMBERS else None
            if member is None:
                continue
            tagged += 1
        taken[name] = value
    for alias, name in profile.metadata.aliases.items():
        if alias in claims:
            taken[name] = claims[alias]
    if profile.metadata.scope_may_be_list and "scope" in taken:
        taken["scope"] = _one_string(taken["scope"])
    return recheck(ClientMetadata(taken), profile)


def _one_string(scope: JsonValue) -> JsonValue:
    """A list of words as the one string that it is registered as; anything else stays for its gates to judge."""
    if not isinstance(scope, list):
        return scope
    words = _texts({"scope": scope}, "scope")
    # A word that holds a blank would become two.
    return " ".join(words) if len(words) == len(scope) and not any(" " in word for word in words) else scope


def recheck(metadata: ClientMetadata, profile: Profile) -> Judgement[ClientMetadata]:
    """The same metadata, if every member is known and of its type and bounds.

    The rules take this for granted: where a member is of another type, they would find nothing to judge.
    """
    faults: dict[Gate, list[str]] = {}
    for name, value in metadata.members.items():
        member = MEMBERS.get(name) or _tagged(name)
        fault = (TYPES, f"{name} is no client metadata") if member is None else _fault(name, value, member, profile)
        if fault is not None:
            faults.setdefault(fault[0], []).append(fault[1])
    findings = Findings()
    if not faults:
        findings.passed(_GATES)
        return findings.judgement(metadata)
    for entry in _GATES:
        findings.settle(entry, "; ".join(faults[entry]) if entry in faults else None)
    return findings.judgement()


def _tagged_member(name: str, profile: Profile) -> Member | None:
    return _tagged(name) if name.partition("#")[0] in profile.metadata.members else None


def _tagged(name: str) -> Member | None:
    """The member that a language-tagged name is a translation of."""
    match = _TAGGED.fullmatch(name)
    member = MEMBERS.get(match[1]) if match else None
    return member if member is not None and member.tagged else None


#: What is wrong with the shape of members that have a wire code of their own.
_SHAPES = {Holds.REDIRECT: (REDIRECT_TYPES, REDIRECT_SIZES), Holds.WEBHOOK: (WEBHOOKS, WEBHOOKS)}


def _fault(name: str, value: JsonValue, member: Member, profile: Profile) -> tuple[Gate, str] | None:
    """The first gate that a member fails, and what to say."""
    types, sizes = _SHAPES.get(member.holds, (TYPES, SIZES))
    if not _is_of_kind(value, member.kind):
        return types, f"{name} must be {member.kind}"
    if isinstance(value, str):
        fault = _text_fault(name, value, member, profile)
        return fault and (fault[0] or sizes, f"{name} {fault[1]}")
    if not isinstance(value, list):
        return None
    if len(value) > member.max_items:
        return sizes, f"{name} must not have more than {member.max_items} items"
    for index, text in enumerate(value):
        fault = _text_fault(name, str(text), member, profile)
        if fault is not None:
            return fault[0] or sizes, f"{name}[{index}] {fault[1]}"
    return None


def _text_fault(name: str, text: str, member: Member, profile: Profile) -> tuple[Gate | None, str] | None:
    """The gate that one string fails, None for that of sizes, and what is wrong with it."""
    limit = _max_length(name, member, profile)
    if not 0 < len(text) <= limit:
        return None, f"must have 1 to {limit} characters"
    if member.holds is Holds.REDIRECT:
        return None
    # What is printable holds none of the refused characters, and most members are.
    if not text.isprintable() and _REFUSED_CHARACTERS.search(text):
        return CHARACTERS, "holds a control or bidirectional character"
    if member.holds is Holds.WEBHOOK:
        webhook_fault = https_fault(text)
        return (WEBHOOKS, webhook_fault) if webhook_fault else None
    if member.holds is Holds.URL and (fault := https_fault(text, fragment_allowed=name == "request_uris")):
        return URLS, fault
    return None


def _is_of_kind(value: JsonValue, kind: Kind) -> bool:
    # DIVERGENCE: RFC 7592 §2.2 lets a null stand for an omitted member; here it is of the wrong type.
    if kind is Kind.TEXT:
        return isinstance(value, str)
    if kind is Kind.TEXTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if kind is Kind.FLAG:
        return isinstance(value, bool)
    if kind is Kind.NUMBER:
        return type(value) is int and value >= 0
    return isinstance(value, dict)


def _max_length(name: str, member: Member, profile: Profile) -> int:
    if name == "redirect_uris":
        return profile.metadata.redirect_uri_max_length
    if name == "scope":
        return profile.metadata.scope_max_length
    return member.max_length


def effective(asked: ClientMetadata, statement: SoftwareStatement | None, profile: Profile) -> ClientMetadata:
    """What is registered: `asked`, completed by the profile's defaults and overruled by the statement.

    Spec: RFC 7591 §2 (defaults are registered and answered), §3.1.1 (the statement takes precedence).
    """
    rules = profile.metadata
    members = dict(asked.members)
    _overrule(members, statement, profile)
    _settle_scope(members, statement, rules)
    _settle_responses(members, rules)
    for name, value in rules.defaults.items():
        members.setdefault(name, cast(JsonValue, value))
    if statement is not None and statement.software_redirect_uris and rules.redirect_uris_default_to_statement:
        members.setdefault("redirect_uris", list(statement.software_redirect_uris))
    _respell(members, "application_type", rules.application_type_spellings)
    if members.get("token_endpoint_auth_method") == "client_secret_jwt":
        _respell(members, "token_endpoint_auth_signing_alg", rules.secret_algorithm_spellings)
    _default_encodings(members, rules)
    # What has no meaning with the chosen method or grant is not registered: a subject DN sent with
    # private_key_jwt was never compared with a certificate, and must not look as if it had been.
    if members.get("token_endpoint_auth_method") != "tls_client_auth":
        _drop(members, TLS_SUBJECT_MEMBERS)
    if CIBA_GRANT not in _texts(members, "grant_types"):
        _drop(members, CIBA_MEMBERS)
    return ClientMetadata(members)


def _overrule(members: dict[str, JsonValue], statement: SoftwareStatement | None, profile: Profile) -> None:
    if statement is None:
        return
    for name, claim in profile.metadata.from_statement.items():
        value = statement.claims.get(claim)
        if value is None:
            continue
        # DIVERGENCE: RFC 7591 §3.1.1 takes the statement's value; one that a request could not have had (a
        # javascript: policy_uri) is not taken from a statement either, and then nobody's is.
        if _fault(name, value, MEMBERS[name], profile) is None:
            members[name] = value
        else:
            members.pop(name, None)
        if name == "jwks_uri":
            members.pop("jwks", None)  # RFC 7591 §2: never both; the statement's is the one


def _settle_scope(members: dict[str, JsonValue], statement: SoftwareStatement | None, rules: MetadataProfile) -> None:
    """The scope of one who names none, or who names some that this market does not have."""
    if "scope" not in members and rules.scope_defaults_to_roles and statement is not None:
        of_roles = (rules.role_scopes.get(role, frozenset()) for role in statement.software_roles)
        members["scope"] = " ".join(sorted(rules.free_scopes.union(*of_roles)))
    scope = members.get("scope")
    if isinstance(scope, str) and rules.drops_unknown_scopes:
        known = rules.free_scopes | rules.roles_by_scope.keys()
        members["scope"] = " ".join(word for word in scope.split(" ") if word in known)
    if members.get("scope") == "":
        del members["scope"]


def _respell(members: dict[str, JsonValue], name: str, spellings: Mapping[str, str]) -> None:
    """The profile's own word for one that means the same here; any other stays for the rules to judge."""
    spelling = members.get(name)
    if isinstance(spelling, str):
        members[name] = spellings.get(spelling, spelling)


def _settle_responses(members: dict[str, JsonValue], rules: MetadataProfile) -> None:
    """Spell response types as the profile does; none where no grant would use them."""
    if "response_types" in members:
        asked = _texts(members, "response_types")
        members["response_types"] = [_spelled(response_type, rules.response_types) for response_type in asked]
    elif "grant_types" in members and "authorization_code" not in _texts(members, "grant_types"):
        # DIVERGENCE: RFC 7591 §2 defaults response_types to code; a client that asked for grants without an
        # authorization endpoint gets none, since the default would contradict its grants (§2.1).
        members["response_types"] = []


def _default_encodings(members: dict[str, JsonValue], rules: MetadataProfile) -> None:
    """JARM §3, OpenID Connect Registration 1.0 §2: an encryption alg alone means A128CBC-HS256, where it is offered."""
    if _DEFAULT_ENCODING not in rules.encryption_encodings:
        return
    for alg, enc in ENCRYPTION_MEMBERS:
        if alg in members:
            members.setdefault(enc, _DEFAULT_ENCODING)


def _texts(members: Mapping[str, JsonValue], name: str) -> list[str]:
    value = members.get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _spelled(response_type: str, offered: frozenset[str]) -> str:
    """The offered response type of the same words, whose order does not matter (OAuth 2.0 Multiple Response Types)."""
    if response_type in offered:
        return response_type
    words = sorted(response_type.split(" "))
    return next((known for known in offered if sorted(known.split(" ")) == words), response_type)


def _drop(members: dict[str, JsonValue], names: tuple[str, ...]) -> None:
    for name in names:
        members.pop(name, None)
