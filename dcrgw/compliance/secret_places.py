"""Where secrets stand in what somebody sent: by the names of members and fields, in headers, inside tokens.

TPPs put them where they do not belong, and misspell what holds them: a request that is refused for that is kept as
well as one that is right.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from collections.abc import Callable, Iterator
from urllib.parse import quote, unquote_plus

from dcrgw.core.authorization import form
from dcrgw.core.authorization.credentials import basic_pair

#: What opens a door wherever it is told, as names are compared: in small letters, and letters alone.
_DOORS = frozenset(
    {"clientsecret", "registrationaccesstoken", "accesstoken", "refreshtoken", "password", "passphrase", "apikey"}
)
#: What does so in a form or a query, but not in JSON, where it is the name of many things. A code_verifier opens
#: nothing without its code, and is needed as it is; so is an assertion that the gateway takes, which counts once.
_FIELDS = frozenset({*_DOORS, "idtoken", "idtokenhint", "code", "token", "key", "assertion", "devicecode"})
#: The same in JSON, where a token that only names a customer is none that has to be missed.
_MEMBERS = frozenset({*_DOORS, "idtoken", "idtokenhint"})

# Runs have bounds, and each pattern begins with a letter that stands: no body makes them take its square in time.
#: How a member with a text begins, also where it stands in JSON that is itself a text; and what is in the text.
_BEGIN = re.compile(r'"([A-Za-z_ -]{1,40})\\{0,8}"\s{0,64}:\s{0,64}(\\{0,8})"')
_TEXT = re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)
_TEXT_IN_TEXT = re.compile(r'[^"\\]*')
#: Private members of a JWK (RFC 7518 §6.2.2, §6.3.2, §6.4.1), in the text of one.
_PRIVATE_JWK = re.compile(r'"(?:d|p|q|dp|dq|qi|oth|k)\\{0,8}"\s{0,64}:')
_JWK = re.compile(r'"kty\\{0,8}"\s{0,64}:')
_PRIVATE_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----")
#: A text that may be the base64url of something; a token's parts are such ones.
_ENCODED = re.compile(r"[A-Za-z0-9_-]{24,}")
_DEEPEST = 4
_SCHEMES = frozenset({"basic", "bearer", "digest", "dpop", "negotiate"})

Change = Callable[[str], str]


def is_secret_field(name: str) -> bool:
    """Whether what a form or a query says by this name opens a door."""
    return _plain(name) in _FIELDS


def is_secret_member(name: str) -> bool:
    """The same of a JSON object's member."""
    return _plain(name) in _MEMBERS


def credential(header: str) -> str:
    """What is secret of an Authorization header: of an id and a secret the secret, else all but the scheme."""
    pair = basic_pair(header)
    return pair[1] if pair else _after_scheme(header)


def with_credential(header: str, change: Change) -> str:
    """An Authorization header with something else in the place of its credential; a pair is its own to make."""
    secret = _after_scheme(header)
    if not secret:
        return header
    before, _, after = header.rpartition(secret)
    return before + change(secret) + after


def in_json(text: str) -> Iterator[str]:
    """What opens a door in a text that is JSON, or was meant to be: as it is spelled there."""
    return (found[0] for found in _members(text, _MEMBERS))


def with_members(text: str, change: Change) -> str:
    """The same text with something else in their places."""
    parts, ended = list[str](), 0
    for found in _members(text, _MEMBERS):
        parts += [text[ended : found.start()], change(found[0])]
        ended = found.end()
    return "".join([*parts, text[ended:]])


def _members(text: str, secret: frozenset[str]) -> Iterator[re.Match[str]]:
    """The texts of members that are called so, in their order."""
    ended = 0
    for begun in _BEGIN.finditer(text):
        if begun.start() >= ended and _plain(begun[1]) in secret:
            found = (_TEXT_IN_TEXT if begun[2] else _TEXT).match(text, begun.end())
            if found is not None and found[0]:
                ended = found.end()
                yield found


def with_fields(text: str, change: Change, clean: Change) -> str:
    """A form or a query with something else in the place of what opens a door, and the rest of its values `clean`ed.

    A value in which nothing is changed stays as it is spelled.
    """
    return "&".join([_piece(piece, change, clean) for piece in text.split("&")])


def with_doors(query: str, change: Change) -> str:
    """The query of a bank's own question with something else in the place of what is an API's key or a password."""
    return "&".join([_piece(piece, change, str, _DOORS) for piece in query.split("&")])


def _piece(piece: str, change: Change, clean: Change, secret: frozenset[str] = _FIELDS) -> str:
    name, mark, value = piece.partition("=")
    if not mark:
        return piece
    plain = unquote_plus(value)
    said = clean(plain)
    if said == plain and plain and _plain(unquote_plus(name)) in secret:
        said = change(plain)
    if said == plain:
        return piece
    # What is no form as it should be must stay none.
    return name + mark + quote(said, safe="") + ("" if form.decoded(value.encode()) is not None else "%")


def holds_private_key(text: str) -> bool:
    """Whether there is a private key in it, by its looks: in PEM or as a JWK, well-formed or not."""
    return bool(_PRIVATE_PEM.search(text) or (_JWK.search(text) and _PRIVATE_JWK.search(text)))


def holds_door(text: str) -> bool:
    """Whether a token's payload tells what opens a door. An ID token names a customer, and may stand in one."""
    return any(True for _ in _members(text, _DOORS))


def encoded(text: str, depth: int = 0) -> Iterator[str]:
    """The texts that are encoded in it: tokens' headers and payloads, and what is encoded in those."""
    for found in _ENCODED.findall(text):
        inner = _decoded(found)
        if inner is not None:
            yield inner
            if depth < _DEEPEST:
                yield from encoded(inner, depth + 1)


def _decoded(text: str) -> str | None:
    """The text that is encoded; None where it is no JSON object and no PEM, however broken."""
    try:
        octets = a2b_base64(text.translate(_TO_STANDARD) + "=" * (-len(text) % 4))
    except Error:
        return None
    return octets.decode("latin-1") if octets.lstrip()[:1] == b"{" or b"-----BEGIN" in octets else None


_TO_STANDARD = str.maketrans("-_", "+/")


def _after_scheme(header: str) -> str:
    words = header.split(None, 1)
    return "" if not words or header.strip().lower() in _SCHEMES else words[-1].rstrip()


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())
