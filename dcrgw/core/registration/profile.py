"""The model of a market profile: what differs between OB UK 3.1 to 3.4, Brazil, Australia and RFC 7591 is data.

A default is for recordings from before a field was there, and says what was so then; a profile's file says everything.
The files stand in `dcrgw/profiles`; whoever reads them hands what they say to `from_document`. A bank may
override the few points of `OVERRIDABLE`, no others: the rest is the standard's, and a bank that wants it
otherwise writes a profile of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dcrgw.core.certificates.holder import CertificateKind
from dcrgw.core.jose import mac
from dcrgw.core.jose.algorithms import ALGORITHMS
from dcrgw.core.registration.document import Document, record, resolve
from dcrgw.core.registration.members import MEMBERS

__all__ = [
    "IDENTITY_STRATEGIES",
    "OVERRIDABLE",
    "Document",
    "MetadataProfile",
    "Override",
    "Profile",
    "RequestProfile",
    "StatementProfile",
    "from_document",
    "resolve",
]


@dataclass(frozen=True, slots=True)
class StatementProfile:
    """Which software statements a market takes."""

    #: A request without a software statement is refused.
    required: bool
    #: JWS algorithms that may sign a statement.
    algorithms: frozenset[str]
    #: JOSE `typ` values taken beside an absent one, lower case.
    types: frozenset[str]
    #: Oldest `iat` taken, seconds; 0 when only `exp` limits the life.
    max_age_s: int
    #: A statement without `exp` is refused; one that has it must not be past it in any profile.
    expiry_required: bool
    #: A statement without `aud` is refused; one that has it must name us in any profile (RFC 7519 §4.1.3).
    audience_required: bool
    #: A statement's `jti` registers one client only.
    single_use: bool
    #: Our field name of SoftwareStatement -> the claim's name in this market.
    claims: Mapping[str, str]
    #: How the claim behind software_roles is written: words, word or assignments.
    roles_form: str = field(default="words", kw_only=True)
    #: Roles of which a statement must give one; empty: any, or none.
    admitted_roles: frozenset[str] = field(default=frozenset(), kw_only=True)
    #: The software's key set lies on a host of the directory's; else on any that the bank's list of hosts has.
    jwks_on_directory_hosts: bool = field(default=True, kw_only=True)
    #: Claims (market's names) without which a statement is refused.
    required_claims: tuple[str, ...]
    #: Values of software_environment taken, lower case; empty means any.
    environments: frozenset[str]
    #: Values of software_mode taken, lower case; empty means any.
    modes: frozenset[str]
    #: Regular expression that the whole of software_id must match.
    software_id_pattern: str
    #: Regular expression that the whole of org_id must match.
    org_id_pattern: str


@dataclass(frozen=True, slots=True)
class RequestProfile:
    """Which registration requests a market takes."""

    #: Media types of a signed request, lower case; empty when requests are not signed.
    jws_media_types: frozenset[str]
    #: Media types of a plain JSON request.
    json_media_types: frozenset[str]
    #: JWS algorithms that may sign a request.
    algorithms: frozenset[str]
    #: JOSE `typ` values taken beside an absent one, lower case.
    types: frozenset[str]
    #: Longest time from a request's `iat` to its `exp`, seconds.
    max_lifetime_s: int
    #: A request's `iss` must be the statement's software_id.
    issuer_is_software_id: bool
    #: A request without `aud` is refused; one that has it must name us in any profile.
    audience_required: bool
    #: Regular expression that the whole of `jti` must match.
    jti_pattern: str


@dataclass(frozen=True, slots=True)
class MetadataProfile:
    """Which client metadata a market takes, and what it fills in."""

    #: Members that must be present in the request.
    required: tuple[str, ...]
    #: Members that must not be in the request at all, where others that are not taken are only dropped.
    forbidden: tuple[str, ...] = field(default=(), kw_only=True)
    #: Another name of a member in this market -> the member. It is taken before the member's own, and answered too.
    aliases: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    #: Member -> the value that a request without it gets.
    defaults: Mapping[str, object]
    #: Values of token_endpoint_auth_method taken, of those that the bank offers.
    auth_methods: frozenset[str]
    #: Auth methods whose clients must name token_endpoint_auth_signing_alg.
    auth_methods_needing_alg: frozenset[str]
    #: Values of grant_types taken.
    grant_types: frozenset[str]
    #: Grant types without which a client makes no sense in this market.
    needed_grant_types: frozenset[str] = field(default=frozenset(), kw_only=True)
    #: Values of response_types taken.
    response_types: frozenset[str]
    #: Response type -> the members without which it is not asked for.
    response_type_members: Mapping[str, frozenset[str]] = field(default_factory=dict, kw_only=True)
    #: Values of application_type taken.
    application_types: frozenset[str]
    #: Another spelling of an application_type -> the profile's own, which is registered and answered.
    application_type_spellings: Mapping[str, str]
    #: Algorithm that a client_secret_jwt client names -> the one that its secret signs with, which is registered.
    secret_algorithm_spellings: Mapping[str, str]
    #: For id_token_signed_response_alg, request_object_signing_alg, token_endpoint_auth_signing_alg and CIBA's.
    signing_algorithms: frozenset[str]
    #: JWE `alg` values of the *_encrypted_* and *_encryption_* members.
    encryption_algorithms: frozenset[str]
    #: JWE `enc` values of the same.
    encryption_encodings: frozenset[str]
    #: Longest tls_client_auth_subject_dn, characters.
    subject_dn_max_length: int
    #: Letters that tls_client_auth_subject_dn must begin with, and that no blank follows a comma; "" asks for neither.
    subject_dn_must_start_with: str
    #: exact or subset (RFC 4517 distinguishedNameMatch, or the immutable part over renewals).
    dn_match: str
    #: A requested URI is one of the statement's.
    redirect_uris_within_statement: bool
    #: Omitted redirect_uris mean all of the statement's.
    redirect_uris_default_to_statement: bool
    #: Longest redirect URI, characters.
    redirect_uri_max_length: int
    #: Native applications may use a private scheme or a loopback address (RFC 8252 §7).
    native_redirect_uris: bool
    #: Longest scope, characters.
    scope_max_length: int
    #: scope may come as a list of words too; it is registered and answered as one string (RFC 7591 §2).
    scope_may_be_list: bool = field(default=False, kw_only=True)
    #: An omitted scope means all that the statement's roles allow.
    scope_defaults_to_roles: bool = field(default=False, kw_only=True)
    #: Scopes that the market does not have are left out, not refused.
    drops_unknown_scopes: bool = field(default=False, kw_only=True)
    #: role -> scopes that it allows; empty means that roles do not limit scopes.
    role_scopes: Mapping[str, frozenset[str]]
    #: Scopes always allowed (openid).
    free_scopes: frozenset[str]
    #: `jwks` may be given in place of `jwks_uri`.
    jwks_by_value: bool
    #: Metadata members offered at all; others are dropped (RFC 7591 §2).
    members: frozenset[str]
    #: Member -> claim of the statement that wins over the request (RFC 7591 §3.1.1).
    from_statement: Mapping[str, str]
    #: The members of CIBA are taken and judged.
    ciba: bool
    #: Values of backchannel_token_delivery_mode taken.
    ciba_delivery_modes: frozenset[str]
    #: scope -> roles that allow it: `role_scopes` the other way round.
    roles_by_scope: Mapping[str, frozenset[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        scopes = frozenset().union(*self.role_scopes.values())
        by_scope = {s: frozenset(role for role, allowed in self.role_scopes.items() if s in allowed) for s in scopes}
        object.__setattr__(self, "roles_by_scope", by_scope)


#: What a clause of one market's own texts begins with; every other clause (an RFC, OpenID) is everybody's.
FRAMEWORKS = frozenset({"OB UK", "OB Directory", "PSD2", "FAPI", "Open Finance Brasil", "CDR"})


@dataclass(frozen=True, slots=True)
class Profile:
    """A market profile. `name` is as written in configuration: obuk-3.2, br-of, au-cdr, rfc7591."""

    name: str
    title: str
    #: Whose own texts this market obeys; clauses of the others are not cited to its callers.
    frameworks: frozenset[str]
    statement: StatementProfile
    request: RequestProfile
    metadata: MetadataProfile
    #: Certificate kind -> the strategy by which it names its holder. A kind not named is refused.
    identity: Mapping[str, str]
    #: required: the directory is asked about the TPP; off: it is not.
    standing: str
    #: What the directory says of redirect URIs and mode is compared too, not only status and roles.
    standing_compares_metadata: bool
    #: The PSD2 roles in a certificate limit the scopes too, beside the statement's.
    certificate_roles_limit_scopes: bool
    #: Member states whose competent-authority authorisations count (`GB` and `GBR` are one); empty: none are compared.
    member_states: frozenset[str]
    #: In the answer: statement claims are flattened to the top level (OB UK DCR, RFC 7591 §3.2.1).
    flatten_statement: bool
    #: The same software may be registered more than once.
    duplicates_allowed: bool
    #: How a client manages itself: access_token (OB UK: client credentials) or registration_access_token (RFC 7592).
    management: str
    #: Verbs on /register/{client_id} that are offered.
    management_methods: frozenset[str]
    #: The scope that an access token needs for them; "" for none.
    management_scope: str = field(default="", kw_only=True)
    #: An update may bring the very statement that is stored, however old; else it needs one as fresh as a create.
    update_takes_stored_statement: bool
    #: An update whose statement was issued before the stored one is refused.
    update_refuses_older_statement: bool
    #: Check id -> the wire code that this market's texts want in place of the check's own.
    error_codes: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    @property
    def requests_are_signed(self) -> bool:
        """Some of this market's requests are signed by the key set that the statement names."""
        return bool(self.request.jws_media_types)

    def cited(self, spec: str) -> str:
        """Those of a check's clauses (`; ` between two) that mean something in this market; its title for none."""
        foreign = tuple(FRAMEWORKS - self.frameworks)
        return "; ".join(clause for clause in spec.split("; ") if not clause.startswith(foreign)) or self.title

    def with_policy(self, policy: Mapping[str, object]) -> Profile:
        """This profile with a bank's own choices.

        Raises: ValueError naming the key, for one that is not in `OVERRIDABLE`, a wrong type or a choice
        that makes no sense in this profile.
        """
        sections: dict[str, dict[str, Any]] = {}
        for key, value in policy.items():
            override = OVERRIDABLE.get(key)
            if override is None:
                raise ValueError(f"{key}: not a policy of a profile; there are {', '.join(sorted(OVERRIDABLE))}")
            sections.setdefault(override.section, {})[override.field] = override.read(key, value)
        changes: dict[str, Any] = dict(sections.pop("", {}))
        for section, fields in sections.items():
            changes[section] = replace(getattr(self, section), **fields)
        made = replace(self, **changes).sound()
        if "statement_max_age_s" in policy and not made.statement.max_age_s and not made.statement.expiry_required:
            raise ValueError("statement_max_age_s: 0 would let a statement without exp live for ever")
        return made

    def sound(self) -> Profile:
        """This profile. Raises: ValueError naming the key of a choice that contradicts another."""
        if self.requests_are_signed and not self.statement.required:
            raise ValueError(
                "statement_required: must stay true, since the key set that proves a signed request is named in it"
            )
        if self.statement.claims.get("software_id") not in self.statement.required_claims:
            raise ValueError("statement.required_claims: must hold the claim behind software_id, which identifies it")
        return self


#: How a certificate is tied to a statement; `holders` gives each its meaning.
IDENTITY_STRATEGIES = frozenset(
    {
        "cn=software_id,ou=org_id",
        "cn=org_id",
        "organizationIdentifier=registration_id",
        "uid=software_id,organizationIdentifier=OFBBR-org_id",
        "none",
    }
)

#: What a market's claims are called here: the keys of `statement.claims`.
STATEMENT_FIELDS = frozenset(
    {
        "software_id",
        "software_client_name",
        "software_roles",
        "software_redirect_uris",
        "software_jwks_endpoint",
        "software_jwks_revoked_endpoint",
        "software_environment",
        "software_mode",
        "org_id",
        "org_name",
        "org_status",
        "org_jwks_endpoint",
        "org_jwks_revoked_endpoint",
        "competent_authority_claims",
    }
)

#: How a market writes a software's roles; `roles` gives each its meaning.
ROLE_FORMS = frozenset({"words", "word", "assignments"})


@dataclass(frozen=True, slots=True)
class Override:
    """One policy that a bank may set: where it stands in the profile, and what it may be."""

    section: str
    field: str
    sentence: str
    #: int, bool, str or frozenset (written as a list of strings).
    kind: type
    choices: frozenset[str] = frozenset()
    lowest: int = 0
    highest: int = 0

    def read(self, key: str, value: object) -> object:
        """The value as the profile holds it. Raises: ValueError naming `key`."""
        if self.kind is frozenset:
            return self._words(key, value)
        if type(value) is not self.kind:
            raise ValueError(f"{key}: must be {_KIND_WORDS[self.kind]}")
        if self.choices and value not in self.choices:
            raise ValueError(f"{key}: must be one of {', '.join(sorted(self.choices))}")
        if isinstance(value, int) and self.highest and not self.lowest <= value <= self.highest:
            raise ValueError(f"{key}: must be {self.lowest} to {self.highest}")
        return value

    def _words(self, key: str, value: object) -> frozenset[str]:
        if not isinstance(value, list | tuple | frozenset) or not all(isinstance(v, str) for v in value):
            raise ValueError(f"{key}: must be a list of strings")
        if not self.choices:
            return frozenset(v.lower() for v in value)
        words = frozenset(value)
        if not words <= self.choices:
            raise ValueError(f"{key}: must be some of {', '.join(sorted(self.choices))}")
        return words


#: What RFC 7592 §2 lets a client do to its registration.
MANAGEMENT_METHODS = frozenset({"GET", "PUT", "DELETE"})

#: What RFC 7591 §3.2.2, and Open Finance Brasil beside it, let a refused registration be called.
_WIRE_CODES = frozenset(
    {
        "invalid_redirect_uri",
        "invalid_client_metadata",
        "invalid_software_statement",
        "unapproved_software_statement",
        "invalid_webhook_uris",
    }
)

_KIND_WORDS = {int: "a whole number", bool: "true or false", str: "a string"}
_DAY_S = 86_400

#: Policy key -> what it overrides. The key is what a bank writes in its configuration.
OVERRIDABLE: Mapping[str, Override] = {
    "statement_required": Override("statement", "required", "A request without a statement is refused.", bool),
    "statement_max_age_s": Override(
        "statement", "max_age_s", "Oldest iat of a statement, in seconds.", int, highest=365 * _DAY_S
    ),
    "statement_environments": Override(
        "statement",
        "environments",
        "software_environment values taken; empty: any; unset: `production`, in a sandbox any.",
        frozenset,
    ),
    "statement_single_use": Override("statement", "single_use", "A statement registers once, by its jti.", bool),
    "statement_modes": Override("statement", "modes", "software_mode values taken; empty: any.", frozenset),
    "request_max_lifetime_s": Override(
        "request", "max_lifetime_s", "Longest exp - iat of a request.", int, lowest=60, highest=_DAY_S
    ),
    "dn_match": Override(
        "metadata",
        "dn_match",
        "How a subject DN is compared with the certificate's.",
        str,
        choices=frozenset({"exact", "subset"}),
    ),
    "redirect_uris_default_to_statement": Override(
        "metadata", "redirect_uris_default_to_statement", "Omitted redirect_uris mean all of the statement's.", bool
    ),
    "certificate_roles_limit_scopes": Override(
        "",
        "certificate_roles_limit_scopes",
        "The PSD2 roles in a certificate limit the scopes beside the statement's.",
        bool,
    ),
    "standing_compares_metadata": Override(
        "",
        "standing_compares_metadata",
        "The directory's list of redirect URIs and its mode count beside the statement's.",
        bool,
    ),
    "duplicates_allowed": Override("", "duplicates_allowed", "The same software may be registered twice.", bool),
    "management_methods": Override(
        "",
        "management_methods",
        "What a client may do to its registration: GET, PUT, DELETE.",
        frozenset,
        choices=MANAGEMENT_METHODS,
    ),
    "update_takes_stored_statement": Override(
        "", "update_takes_stored_statement", "An update may bring the very statement that is stored, however old.", bool
    ),
    "update_refuses_older_statement": Override(
        "", "update_refuses_older_statement", "An update may not bring a statement older than the stored one.", bool
    ),
}


def from_document(name: str, document: Document) -> Profile:
    """The profile that a resolved document describes.

    Raises: ValueError whose text begins with the key at fault (`metadata.dn_match: …`).
    """
    profile = record(Profile, {**document, "name": name})
    _one_of("metadata.dn_match", profile.metadata.dn_match, OVERRIDABLE["dn_match"].choices)
    for framework in sorted(profile.frameworks):
        _one_of("frameworks", framework, FRAMEWORKS)
    _one_of("standing", profile.standing, {"required", "off"})
    _one_of("management", profile.management, {"access_token", "registration_access_token"})
    for method in profile.management_methods:
        _one_of("management_methods", method, MANAGEMENT_METHODS)
    _one_of("statement.roles_form", profile.statement.roles_form, ROLE_FORMS)
    for kind, strategy in profile.identity.items():
        _one_of(f"identity.{kind}", strategy, IDENTITY_STRATEGIES)
    for key, words, known in _vocabulary(profile):
        for word in sorted(words):
            _one_of(key, word, known)
    for key, pattern in (
        ("statement.software_id_pattern", profile.statement.software_id_pattern),
        ("statement.org_id_pattern", profile.statement.org_id_pattern),
        ("request.jti_pattern", profile.request.jti_pattern),
    ):
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{key}: not a regular expression") from error
    return profile.sound()


def _vocabulary(profile: Profile) -> Iterator[tuple[str, Iterable[str], frozenset[str]]]:
    """The words of a profile that the code must know: where they stand, which they are, which there are."""
    metadata, algorithms = profile.metadata, frozenset({*ALGORITHMS, mac.ALGORITHM})
    yield "identity", profile.identity, frozenset(CertificateKind)
    yield "error_codes", profile.error_codes.values(), _WIRE_CODES
    yield "statement.algorithms", profile.statement.algorithms, algorithms
    yield "statement.claims", profile.statement.claims, STATEMENT_FIELDS
    yield "request.algorithms", profile.request.algorithms, algorithms
    yield "metadata.signing_algorithms", metadata.signing_algorithms, algorithms
    known = frozenset(MEMBERS)
    yield "metadata.members", metadata.members, known
    yield "metadata.required", metadata.required, metadata.members
    yield "metadata.forbidden", metadata.forbidden, known
    yield "metadata.defaults", metadata.defaults, known
    yield "metadata.aliases", metadata.aliases.values(), metadata.members
    yield "metadata.from_statement", metadata.from_statement, known
    for name, members in metadata.response_type_members.items():
        yield f"metadata.response_type_members.{name}", members, metadata.members


def _one_of(key: str, value: str, choices: set[str] | frozenset[str]) -> None:
    if value not in choices:
        raise ValueError(f"{key}: must be one of {', '.join(sorted(choices))}")
