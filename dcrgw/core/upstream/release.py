"""What the authorization server (AS) gives back, held against what was asked of it: nothing more leaves the gateway.

The AS is the bank's own. Where it gives more than was judged, the bank is at fault and not the client: these gates
refuse with a 500, the report tells index and pointer, and no token is released.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from dcrgw.core import strict_json
from dcrgw.core.authorization import details as shapes
from dcrgw.core.authorization.details import DetailFault, Details
from dcrgw.core.authorization.scopes import is_scope
from dcrgw.core.checks import Findings, Gate, Judgement, gate
from dcrgw.core.jose import base64url
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.server import UpstreamServer
from dcrgw.errors import ErrorCode


def _gate(name: str, sentence: str, spec: str) -> Gate:
    return gate(f"upstream.{name}", sentence, spec=spec, code=ErrorCode.SERVER_ERROR, status=500)


FORM = _gate(
    "answer.form",
    "What the authorization server answered is strict JSON, with the members that it must have in their right types.",
    "RFC 6749 §5.1; RFC 7662 §2.2; RFC 9126 §2.2",
)
DETAILS = _gate(
    "details.within",
    "Each returned authorization detail is one that was asked for, or less of it by its type's own word.",
    "RFC 9396 §7, §7.1, §9",
)
SCOPE = _gate(
    "scope.within",
    "Every scope of a token is one that the client registered, or one that the server is known to add.",
    "RFC 6749 §3.3, §5.1",
)
CLIENT = _gate(
    "token.client",
    "A token is released to the client that it names, and was not released to another.",
    "RFC 6749 §10.3; RFC 9068 §2.2",
)
CERTIFICATE = _gate(
    "token.certificate",
    "A token that names a certificate names the one over which the client asked.",
    "RFC 8705 §3.1, §3.2",
)
ACCEPTED = gate(
    "upstream.answer.accepted",
    "The authorization server did what it was asked.",
    spec="RFC 6749 §5.2",
    code=ErrorCode.INVALID_REQUEST,
)

#: A year: a longer life is no life of an access token.
LONGEST_S = 31_536_000


@dataclass(frozen=True, slots=True)
class Word:
    """What one JSON object of the AS says about a token: the answer itself, or the claims of a JWT in it."""

    #: For the report: `answer` or `token`.
    place: str
    client_id: str | None = None
    scope: tuple[str, ...] | None = None
    details: Details = ()
    x5t_s256: str | None = None


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """A token answer (RFC 6749 §5.1), well-formed and not judged yet."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    lifetime_s: int | None
    words: tuple[Word, ...]

    @property
    def scope(self) -> tuple[str, ...] | None:
        """As the answer says it; None where it says nothing: then it is what was asked for."""
        return self.words[0].scope

    @property
    def details(self) -> Details:
        """What the token is good for."""
        return next((word.details for word in self.words if word.details), ())


def token_answer(body: bytes) -> Judgement[TokenAnswer]:
    """The answer of a token endpoint."""
    findings = Findings()
    try:
        members = _object(body, "the answer")
        token, refresh = _text(members, "access_token", needed=True), _text(members, "refresh_token")
        _text(members, "token_type", needed=True)
        answer = TokenAnswer(token or "", refresh, _lifetime(members.get("expires_in")), tuple(_words(members, token)))
    except _Malformed as malformed:
        findings.settle(FORM, str(malformed))
        return findings.judgement()
    findings.add(FORM.passed)
    return findings.judgement(answer)


@dataclass(frozen=True, slots=True)
class Introspected:
    """The AS's word on an active token (RFC 7662 §2.2). `members` are all of it."""

    members: Mapping[str, JsonValue] = field(repr=False)
    word: Word


def introspected(body: bytes) -> Judgement[Introspected | bool]:
    """What the AS says of a token; False for one that is not active."""
    findings = Findings()
    try:
        members = _object(body, "the answer")
        active = members.get("active")
        if not isinstance(active, bool):
            raise _Malformed("the answer: active must be true or false")
        found: Introspected | bool = Introspected(members, _word("answer", members)) if active else False
    except _Malformed as malformed:
        findings.settle(FORM, str(malformed))
        return findings.judgement()
    findings.add(FORM.passed)
    return findings.judgement(found)


@dataclass(frozen=True, slots=True)
class PushedAnswer:
    """The AS's name for a pushed request (RFC 9126 §2.2)."""

    request_uri: str = field(repr=False)
    lifetime_s: int


def pushed_answer(body: bytes) -> Judgement[PushedAnswer]:
    """The answer of the endpoint of pushed requests."""
    findings = Findings()
    try:
        members = _object(body, "the answer")
        uri, lifetime = _text(members, "request_uri", needed=True), _lifetime(members.get("expires_in"))
        if lifetime is None:
            raise _Malformed("the answer: expires_in is missing")
    except _Malformed as malformed:
        findings.settle(FORM, str(malformed))
        return findings.judgement()
    findings.add(FORM.passed)
    return findings.judgement(PushedAnswer(uri or "", lifetime))


def judge(
    words: Collection[Word], client: RegisteredClient, x5t_s256: str | None, server: UpstreamServer, findings: Findings
) -> None:
    """All but the details: they are for their types to judge.

    `x5t_s256` is the certificate over which the token was asked for, None for one that is bound to none.
    """
    foreign = [word.place for word in words if word.client_id not in (None, client.client_id)]
    findings.settle(CLIENT, f"the {foreign[0]} names another client" if foreign else None)
    allowed = server.added_scopes.union(client.metadata.scopes)
    beyond = [word.place for word in words if not allowed.issuperset(word.scope or ())]
    findings.settle(SCOPE, f"the {beyond[0]} has a scope that the client did not register" if beyond else None)
    if x5t_s256 is None:
        findings.add(CERTIFICATE.skipped("a refresh token is its client's, over whatever certificate"))
        return
    other = [word.place for word in words if word.x5t_s256 not in (None, x5t_s256)]
    findings.settle(CERTIFICATE, f"the {other[0]} names another certificate" if other else None)


def note_excess(places: Mapping[str, Collection[int]], findings: Findings) -> None:
    """State which details are more than was asked for: their indexes by the place that has them."""
    faults = [
        f"{DetailFault(index, f'/{index}', 'is more than was asked for').text} ({place})"
        for place, indexes in places.items()
        for index in indexes
    ]
    for fault in faults:
        findings.settle(DETAILS, fault)
    if not faults:
        findings.add(DETAILS.passed)


class _Malformed(ValueError):
    """The message names the member and the rule, and echoes nothing."""


def _object(body: bytes, what: str) -> dict[str, JsonValue]:
    try:
        return strict_json.loads_object(body)
    except strict_json.JsonRefused as refused:
        raise _Malformed(f"{what} {refused}") from None


def _text(members: Mapping[str, JsonValue], name: str, *, needed: bool = False) -> str | None:
    value = members.get(name)
    if value is None and not needed:
        return None
    # RFC 6749 appendix A: tokens are VSCHAR, printable ASCII.
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise _Malformed(f"the answer: {name} must be a text of printable characters")
    return value


def _lifetime(value: JsonValue) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 < value <= LONGEST_S:
        raise _Malformed(f"the answer: expires_in must be a whole number of 1 to {LONGEST_S} seconds")
    return value


def _words(members: Mapping[str, JsonValue], token: str | None) -> Iterator[Word]:
    yield _word("answer", {name: members.get(name) for name in ("scope", "authorization_details")})
    claims = _claims(token or "")
    if claims is not None:
        yield _word("token", claims)


def _claims(token: str) -> dict[str, JsonValue] | None:
    """The claims of a JWT, decoded and not proven; None for a token that is none, or that only its API can read."""
    parts = token.split(".")
    if len(parts) != 3 or not _is_header(parts[0]):
        return None
    try:
        payload = base64url.decode(parts[1].encode())
    except base64url.NotCanonical:
        raise _Malformed("the token: its payload is not base64url") from None
    # What an API may read in another way than we do is not released.
    return _object(payload, "the token: its payload")


def _is_header(part: str) -> bool:
    try:
        return "alg" in strict_json.loads_object(base64url.decode(part.encode()))
    except (base64url.NotCanonical, strict_json.JsonRefused):
        return False


def _word(place: str, members: Mapping[str, JsonValue]) -> Word:
    named = [members[name] for name in ("client_id", "azp") if members.get(name) is not None]
    if any(not isinstance(each, str) for each in named) or len(set(map(str, named))) > 1:
        raise _Malformed(f"the {place}: client_id and azp must be one text")
    return Word(
        place,
        str(named[0]) if named else None,
        _scope(place, members.get("scope")),
        _details(place, members.get("authorization_details")),
        _thumbprint(place, members.get("cnf")),
    )


def _scope(place: str, value: JsonValue) -> tuple[str, ...] | None:
    """Words with one blank between, or a list of them, as some servers have it in JWTs."""
    if value is None:
        return None
    words = value if isinstance(value, list) else [value] if value != "" else []
    if not all(isinstance(word, str) and is_scope(word) for word in words):
        raise _Malformed(f"the {place}: scope must be words with one blank between")
    return tuple(part for word in words for part in str(word).split(" "))


def _details(place: str, value: JsonValue) -> Details:
    if value is None or value == []:
        return ()
    faults = shapes.shape_faults(value)
    if faults:
        raise _Malformed(f"the {place}: {faults[0].text}")
    return tuple(shapes.typed(value).values())


def _thumbprint(place: str, value: JsonValue) -> str | None:
    found = value.get("x5t#S256") if isinstance(value, dict) else value
    if found is not None and not isinstance(found, str):
        raise _Malformed(f"the {place}: cnf must be an object whose x5t#S256 is a text")
    return found if isinstance(value, dict) else None
