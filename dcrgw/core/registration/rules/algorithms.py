"""Algorithms that the client asks for: the market's, and nothing weaker."""

from __future__ import annotations

from dcrgw.core.checks import Outcome, Skipped, check
from dcrgw.core.jose import mac
from dcrgw.core.registration.members import ENCRYPTION_MEMBERS
from dcrgw.core.registration.rules.subject import Registration
from dcrgw.errors import ErrorCode

_META = ErrorCode.INVALID_CLIENT_METADATA
# RFC 7518 §3.2: a key at least as long as the hash; a client_secret has 36 characters at most (OB UK DCR).
_HMAC = frozenset({mac.ALGORITHM})
_SIGNING = (
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "authorization_signed_response_alg",
    "request_object_signing_alg",
    "backchannel_authentication_request_signing_alg",
)


def _not_in(names: tuple[str, ...], subject: Registration, taken: frozenset[str]) -> str | None:
    members = subject.metadata.members
    wrong = [name for name in names if name in members and members[name] not in taken]
    return f"{', '.join(wrong)} must be one of {', '.join(sorted(taken))}" if wrong else None


@check(
    "rules.algorithms.signing",
    spec="OB UK DCR, id_token_signed_response_alg; FAPI 1.0 Advanced §8.6; OpenID Connect Registration 1.0 §2",
    code=_META,
)
def algorithms_signing(subject: Registration) -> Outcome:
    """Every signature algorithm asked for is one that the market takes."""
    return _not_in(_SIGNING, subject, subject.profile.metadata.signing_algorithms)


@check(
    "rules.algorithms.client_auth",
    spec="OB UK DCR, token_endpoint_auth_signing_alg; OpenID Connect Registration 1.0 §2",
    code=_META,
)
def algorithms_client_auth(subject: Registration) -> Outcome:
    """Client assertions are signed as the method means: by a key of the market's algorithms, or by the secret."""
    taken = _HMAC if subject.auth_method == "client_secret_jwt" else subject.profile.metadata.signing_algorithms
    return _not_in(("token_endpoint_auth_signing_alg",), subject, taken)


@check("rules.algorithms.encryption", spec="OpenID Connect Registration 1.0 §2", code=_META)
def algorithms_encryption(subject: Registration) -> Outcome:
    """Encryption is asked for with algorithms that the market takes, and never with an enc alone."""
    rules, members = subject.profile.metadata, subject.metadata.members
    used = [pair for pair in ENCRYPTION_MEMBERS if pair[0] in members or pair[1] in members]
    if not used:
        return Skipped("no encryption is asked for")
    alone = [enc for alg, enc in used if alg not in members]
    if alone:
        return f"{', '.join(alone)} needs the alg beside it"
    return _not_in(tuple(alg for alg, _ in used), subject, rules.encryption_algorithms) or _not_in(
        tuple(enc for _, enc in used), subject, rules.encryption_encodings
    )
