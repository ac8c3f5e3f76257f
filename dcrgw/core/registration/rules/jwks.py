"""The client's own keys: from one source, public, and the statement's where it names any."""

from __future__ import annotations

from dcrgw.core.checks import Failed, Outcome, Skipped, check
from dcrgw.core.jose import keys as key_sets
from dcrgw.core.jose.keys import KeySetUnusable
from dcrgw.core.registration.rules.subject import Registration
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode

_META = ErrorCode.INVALID_CLIENT_METADATA
_BY_REFERENCE = Skipped("no jwks by value is asked for")
MAX_KEYS = 100
#: RFC 7518 §6.2.2, §6.3.2, §6.4: what no public key has; oth for multi-prime RSA.
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_SELF_SIGNED = "self_signed_tls_client_auth"
_METHODS_WITH_KEYS = frozenset({"private_key_jwt", _SELF_SIGNED})


def is_self_signed(subject: Registration) -> bool:
    """Whether the client authenticates by a certificate that is in its key set."""
    return subject.auth_method == _SELF_SIGNED


def sign_assertions(subject: Registration) -> bool:
    """Whether the client authenticates by what a key of its key set signs."""
    return subject.auth_method == "private_key_jwt"


def are_needed(subject: Registration) -> bool:
    """Whether the client authenticates by a key of its own."""
    return subject.auth_method in _METHODS_WITH_KEYS


@check("rules.jwks.one_source", spec="RFC 7591 §2", code=_META)
def jwks_one_source(subject: Registration) -> Outcome:
    """jwks and jwks_uri do not come together."""
    # As asked and as registered: the statement may have replaced what was asked, a script what was completed.
    asked, registered = subject.asked.members, subject.metadata.members
    together = ("jwks" in asked and "jwks_uri" in asked) or ("jwks" in registered and "jwks_uri" in registered)
    return "jwks and jwks_uri must not both be there" if together else None


@check("rules.jwks.by_value", spec="RFC 7591 §2", code=_META)
def jwks_by_value(subject: Registration) -> Outcome:
    """Keys come by value only where the market takes them so."""
    if "jwks" not in subject.asked.members:
        return _BY_REFERENCE
    return (
        None if subject.profile.metadata.jwks_by_value else "jwks by value is not taken: the statement names the keys"
    )


@check("rules.jwks.public", spec="RFC 7517 §5; RFC 7591 §2", code=_META)
def jwks_public(subject: Registration) -> Outcome:
    """jwks by value is a set of public keys, without a private or symmetric member."""
    documents = [each.members["jwks"] for each in (subject.asked, subject.metadata) if "jwks" in each.members]
    if not documents:
        return _BY_REFERENCE
    return next((fault for document in documents if (fault := _document_fault(document))), None)


def _document_fault(document: JsonValue) -> str | None:
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
        return f"jwks must have keys: a list of 1 to {MAX_KEYS}"
    faults = [f"jwks.keys[{index}] {fault}" for index, key in enumerate(keys) if (fault := _key_fault(key))]
    return faults[0] if faults else None


def _key_fault(key: JsonValue) -> str | None:
    if not isinstance(key, dict) or not isinstance(key.get("kty"), str):
        return "is not a JWK"
    if key["kty"] == "oct" or not _PRIVATE_MEMBERS.isdisjoint(key):
        return "is not a public key"
    return None


@check("rules.jwks.of_statement", spec="OB UK DCR, software_jwks_endpoint; RFC 7591 §3.1.1", code=_META)
def jwks_of_statement(subject: Registration) -> Outcome:
    """A jwks_uri asked for is the key set that the statement names, where it names one."""
    asked, signed = subject.asked.text("jwks_uri"), subject.proven.software_jwks_endpoint
    if asked is None or signed is None:
        return Skipped("nothing to compare")
    # DIVERGENCE: RFC 7591 §3.1.1 lets the statement win in silence; keys are refused instead, since a client
    # that believes in another key set than we do would fail at its first signature.
    return None if asked == signed else "jwks_uri is not the software statement's key set"


@check("rules.jwks.present", spec="RFC 7591 §2; OpenID Connect Core 1.0 §9", code=_META)
def jwks_present(subject: Registration) -> Outcome:
    """A client that authenticates by its own key has a key set."""
    members = subject.metadata.members
    return None if "jwks" in members or "jwks_uri" in members else f"{subject.auth_method} needs jwks_uri or jwks"


@check("rules.jwks.vouched", spec="RFC 7591 §2, §5", code=_META)
def jwks_vouched(subject: Registration) -> Outcome:
    """The key set that a client authenticates by is sent by value, or is the one that its statement names."""
    asked = subject.metadata.text("jwks_uri")
    named = subject.statement.software_jwks_endpoint if subject.statement else None
    # Nobody but a directory can say which hosts we may ask: a URL of the client's own choice is never fetched.
    if asked is None or asked == named:
        return None
    return "jwks_uri is read only where a software statement names it: send jwks"


@check("rules.jwks.usable", spec="RFC 7517 §4, §5", code=_META)
def jwks_usable(subject: Registration) -> Outcome:
    """Of keys by value that a client authenticates by, at least one can verify a signature."""
    if "jwks" not in subject.metadata.members:
        return _BY_REFERENCE
    try:
        keys = key_sets.read(subject.metadata.members["jwks"])
    except KeySetUnusable as error:
        return Failed("jwks cannot be read", str(error))
    if keys.keys:
        return None
    reasons = "; ".join(refused.reason for refused in keys.refused)
    return f"jwks holds no key for signatures that has a kid: {reasons}"


@check("rules.jwks.certificate", spec="RFC 8705 §2.2.2", code=_META)
def jwks_certificate(subject: Registration) -> Outcome:
    """Of keys by value that come in place of an issuer, at least one has its own certificate (x5c)."""
    if "jwks" not in subject.metadata.members:
        return _BY_REFERENCE
    try:
        keys = key_sets.read(subject.metadata.members["jwks"])
    except KeySetUnusable as error:
        return Failed("jwks cannot be read", str(error))
    return None if keys.certificates else "jwks holds no key with its own certificate in x5c"
