"""What the authorization server (AS) gives back, held against what was asked of it: nothing more leaves the gateway.

The AS is the bank's own. Where it gives more than was judged, the bank is at fault and not the client: these gates
refuse with a 500, the report tells index and pointer, and no token is released. What cannot be read is no answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dcrgw.core.authorization import details as shapes
from dcrgw.core.authorization.details import DetailFault, Details
from dcrgw.core.authorization.scopes import is_scope
from dcrgw.core.checks import Findings, Gate, gate
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.answers import AnswerRefused, jwt_claims
from dcrgw.core.upstream.server import UpstreamServer
from dcrgw.errors import ErrorCode


def _gate(name: str, sentence: str, spec: str) -> Gate:
    return gate(f"release.{name}", sentence, spec=spec, code=ErrorCode.SERVER_ERROR, status=500)


DETAILS = _gate(
    "details",
    "Each authorization detail that another server gave back is one that was asked for, or less of it by its type.",
    "RFC 9396 §7, §7.1, §9",
)
SCOPE = _gate(
    "scope",
    "Every scope of another server's token is one that the client registered, or one that the server is known to add.",
    "RFC 6749 §3.3, §5.1",
)
NEW = _gate(
    "token.new",
    "Another server's token was not released before to another client, nor for another grant.",
    "RFC 6749 §10.3, §10.4",
)
CERTIFICATE = _gate(
    "token.certificate",
    "Another server's token that names a certificate names the one over which the client asked.",
    "RFC 8705 §3.1, §3.2",
)

#: A year: a longer life is no life of an access token.
_LONGEST_S = 31_536_000


@dataclass(frozen=True, slots=True)
class Word:
    """What one JSON object of the AS says a token is good for: its answer, or the claims of the token itself.

    `scope` is None where it says nothing of it: then it is what was asked for (RFC 6749 §5.1).
    """

    #: For the report: `answer` or `token`.
    place: str
    scope: tuple[str, ...] | None = None
    details: Details = ()
    x5t_s256: str | None = None


def words(answer: Mapping[str, JsonValue]) -> tuple[Word, ...]:
    """What a token answer says: its own members, and the claims of a token that others can read too.

    Raises: AnswerRefused.
    """
    own = word("answer", {name: answer.get(name) for name in ("scope", "authorization_details")})
    token = answer.get("access_token")
    claims = jwt_claims(token) if isinstance(token, str) else None
    return (own,) if claims is None else (own, word("token", claims))


def word(place: str, members: Mapping[str, JsonValue]) -> Word:
    """What one object says. Raises: AnswerRefused."""
    return Word(
        place,
        _scope(members.get("scope")),
        _details(members.get("authorization_details")),
        _thumbprint(members.get("cnf")),
    )


def lifetime_s(answer: Mapping[str, JsonValue]) -> int | None:
    """`expires_in` of a token answer. Raises: AnswerRefused."""
    value = answer.get("expires_in")
    if value is not None and (type(value) is not int or not 0 < value <= _LONGEST_S):
        raise AnswerRefused("answered with an expires_in that is no life of a token")
    return value if type(value) is int else None


def refresh_token(answer: Mapping[str, JsonValue]) -> str | None:
    """The refresh token of a token answer. Raises: AnswerRefused."""
    value = answer.get("refresh_token")
    if value is not None and (
        not isinstance(value, str) or not value or not value.isascii() or not value.isprintable()
    ):
        raise AnswerRefused("answered with a refresh_token that is no text")
    return value if isinstance(value, str) else None


def judge(
    said: Collection[Word], scopes: Collection[str], x5t_s256: str | None, server: UpstreamServer, findings: Findings
) -> None:
    """All but the details: they are for their types to judge.

    `scopes` are those that the client registered. `x5t_s256` is the certificate over which the token was asked for,
    None for one that is bound to none.
    """
    allowed = server.added_scopes.union(scopes)
    beyond = [each.place for each in said if not allowed.issuperset(each.scope or ())]
    findings.settle(SCOPE, f"the {beyond[0]} has a scope that the client did not register" if beyond else None)
    if x5t_s256 is None:
        findings.add(CERTIFICATE.skipped("a refresh token is its client's, over whatever certificate"))
        return
    other = [each.place for each in said if each.x5t_s256 not in (None, x5t_s256)]
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


def _scope(value: JsonValue) -> tuple[str, ...] | None:
    """Words with one blank between, or a list of them, as some servers have it in JWTs."""
    if value is None:
        return None
    found = value if isinstance(value, list) else [value] if value != "" else []
    if not all(isinstance(each, str) and is_scope(each) for each in found):
        raise AnswerRefused("answered with a scope that is no words")
    return tuple(part for each in found for part in str(each).split(" "))


def _details(value: JsonValue) -> Details:
    if value is None or value == []:
        return ()
    faults = shapes.shape_faults(value)
    if faults:
        raise AnswerRefused(f"answered with malformed {faults[0].text}")
    return tuple(shapes.typed(value).values())


def _thumbprint(value: JsonValue) -> str | None:
    found = value.get("x5t#S256") if isinstance(value, dict) else None
    if (value is not None and not isinstance(value, dict)) or not (found is None or isinstance(found, str)):
        raise AnswerRefused("answered with a malformed cnf")
    return found
