"""What is secret in a decision's evidence, and what stands for it in a bundle.

Each secret is replaced everywhere by a surrogate of the same length and letters, and each hash of it by the
surrogate's: so a replay compares what the gateway compared, and nothing that opens a door is in the bundle.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_plus

from dcrgw.core import strict_json
from dcrgw.core.authorization.requests import REQUEST_URI
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.evidence import Arrival, Entry
from dcrgw.core.jose import base64url
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.upstream.client import UpstreamClient, UpstreamRef, WantedClient
from dcrgw.ports.upstream import Asked, Told

#: Shorter texts are no secret of ours, and would be found inside other words.
_LEAST = 16
#: Members of a form that open a door; a code_verifier opens none without its code, and is needed as it is.
_SECRET_FIELDS = ("client_secret", "code", "refresh_token", "token", "key")
_SECRET_MEMBERS = ("client_secret", "registration_access_token", "access_token", "refresh_token")
#: Private members of a JWK (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class Withheld(ValueError):
    """The request holds a secret that cannot be taken out of what it signed: it is not kept at all."""


def surrogates(arrival: Arrival, journal: tuple[Entry, ...]) -> dict[str, str]:
    """Secret text -> what stands for it, with the hashes of both.

    Raises: Withheld.
    """
    claims = _claims(arrival.body)
    if _holds_private_key(claims):
        raise Withheld("the request's jwks holds a private key")
    if _is_token(arrival.body) and (signed := [name for name in _SECRET_MEMBERS if claims.get(name)]):
        raise Withheld(f"the request signs a {signed[0]}, which cannot be taken out of it")
    form = _form(arrival)
    uris = [value for name, value in form if name == "request_uri" and value.startswith(REQUEST_URI)]
    own = [uri.removeprefix(REQUEST_URI) for uri in uris] + [value for name, value in form if name in _SECRET_FIELDS]
    found = dict.fromkeys(text for text in (*own, *_secrets(arrival, journal, claims)) if len(text) >= _LEAST)
    made = {secret: _surrogate(index, secret) for index, secret in enumerate(found, 1)}
    # What a text becomes by all of them, since one may be a part of another.
    hashes = {token_hash(each): token_hash(in_text(each, made)) for each in (*made, *uris)}
    # A form has another spelling of the same.
    return {quote(secret, safe=""): surrogate for secret, surrogate in made.items()} | made | hashes


def without(arrival: Arrival, hidden: Mapping[str, str]) -> Arrival:
    """The arrival with surrogates in place of its secrets."""
    return replace(
        arrival,
        body=in_form(arrival.body.decode("latin-1"), hidden).encode("latin-1"),
        authorization=tuple(_credentials(text, hidden) for text in arrival.authorization),
        query=in_form(arrival.query, hidden),
    )


def in_journal(journal: tuple[Entry, ...], hidden: Mapping[str, str]) -> tuple[Entry, ...]:
    """The journal without secrets that servers spelled in other ways than plainly."""
    return tuple(
        entry._replace(answer=_in_answer(entry.answer, hidden)) if isinstance(entry.answer, Told) else entry
        for entry in journal
    )


def _in_answer(told: Told, hidden: Mapping[str, str]) -> Told:
    headers = tuple((name, value) for name, value in told.headers if name.lower() != "set-cookie")
    if not told.body.strip():
        return replace(told, headers=headers)
    try:
        members = strict_json.loads_object(told.body)
    except strict_json.JsonRefused as refused:
        # A token may stand anywhere in it, and cut: what stands for it is wrong in the same way.
        return replace(told, headers=headers, body=_WRONG.get(str(refused), _NO_JSON))
    return replace(told, headers=headers, body=in_text(json.dumps(members), hidden).encode())


def _refusal(text: bytes) -> str:
    try:
        strict_json.loads_object(text)
    except strict_json.JsonRefused as refused:
        return str(refused)
    raise AssertionError("an example of what is no JSON is JSON")


_NO_JSON = b"withheld"
#: What is said of a text that is no JSON as we take it -> another of which the same is said.
_WRONG = {
    _refusal(text): text
    for text in (
        _NO_JSON,
        b"[]",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":1}',
        b'{"a":NaN}',
        b'{"a":-0}',
        b'{"a":1e999}',
        b'{"a":' + b"1" * 41 + b"}",
        b'{"a":"\\ud800"}',
        b"[" * 17 + b"]" * 17,
    )
}


def in_form(text: str, hidden: Mapping[str, str]) -> str:
    """A form, or any other text, without its secrets: in whichever of many ways a form spells them."""
    return in_text("&".join([_in_piece(piece, hidden) for piece in text.split("&")]) if hidden else text, hidden)


def _in_piece(piece: str, hidden: Mapping[str, str]) -> str:
    name, mark, value = piece.partition("=")
    if not mark or ("%" not in value and "+" not in value):
        return piece
    plain = unquote_plus(value)
    clean = in_text(plain, hidden)
    return piece if clean == plain else name + mark + quote(clean, safe="")


def in_text(text: str, hidden: Mapping[str, str]) -> str:
    """The text with surrogates in place of secrets."""
    for secret, surrogate in hidden.items():
        text = text.replace(secret, surrogate)
    return text


def _form(arrival: Arrival) -> list[tuple[str, str]]:
    """The members of a form and of the query, as they were meant."""
    return [*parse_qsl(arrival.body.decode("latin-1")), *parse_qsl(arrival.query)]


def _secrets(arrival: Arrival, journal: tuple[Entry, ...], claims: Mapping[str, Any]) -> Iterator[str]:
    found: list[Any] = [text.partition(" ")[2].strip() for text in arrival.authorization]
    found += [claims.get(name) for name in _SECRET_MEMBERS]
    for entry in journal:
        if entry.port in ("randomness.client_secret", "randomness.token", "signer.sign"):
            found.append(entry.answer)
        if entry.port in ("upstream.access_token", "upstream.revoked"):
            found.append(entry.question[1])
        for holder in _holders((entry.question, entry.answer)):
            found += _held(holder)
    yield from (text for text in found if isinstance(text, str))


#: What secrets of a client stand in.
_Holder = RegisteredClient | UpstreamRef | UpstreamClient | WantedClient | Asked | Told


def _holders(value: Any) -> Iterator[_Holder]:
    """Every holder of secrets in a question or an answer, however deep."""
    if isinstance(value, _Holder):
        yield value
    if isinstance(value, tuple):
        for each in value:
            yield from _holders(each)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from _holders(getattr(value, each.name))


def _held(holder: _Holder) -> list[Any]:
    match holder:
        case RegisteredClient():
            return list(holder.secrets.values())
        case UpstreamRef():
            return [holder.token]
        case UpstreamClient() | WantedClient():
            return [holder.secret]
        case Asked():
            shown = [value.partition(" ")[2].strip() for name, value in holder.headers if name == "Authorization"]
            form = parse_qsl(holder.body.decode("latin-1"))
            return shown + [value for name, value in form if name in _SECRET_FIELDS]
        case Told():
            said = _claims(holder.body)
            return [said.get(name) for name in (*_SECRET_MEMBERS, "id_token", "request_uri")]


def _surrogate(index: int, secret: str) -> str:
    """As long as the secret and a token by its letters, told apart by its number.

    A signed JWT without its signature opens nothing, and what it says is looked at: only that is taken out of it.
    """
    if secret.count(".") == 2:
        rest, dot, signature = secret.rpartition(".")
        return rest + dot + f"redacted-{index:03d}-".ljust(len(signature), "0")[: max(16, len(signature))]
    return f"redacted-{index:03d}-".ljust(len(secret), "0")[: len(secret)]


def _credentials(header: str, hidden: Mapping[str, str]) -> str:
    scheme, blank, rest = header.partition(" ")
    replaced = in_text(rest, hidden)
    if replaced == rest and rest.strip():
        # Too short to be looked for everywhere, and of no use to the decision beyond its form.
        replaced = "redacted" if rest.strip().isalnum() else rest
    return f"{scheme}{blank}{replaced}"


def _claims(body: bytes) -> dict[str, Any]:
    """The members of a JSON body, or of a token's payload; empty where there are none."""
    text = body.strip()
    if _is_token(body):
        try:
            text = base64url.decode(text.split(b".")[1])
        except ValueError:
            return {}
    try:
        return strict_json.loads_object(text)
    except strict_json.JsonRefused:
        return {}


def _is_token(body: bytes) -> bool:
    text = body.strip()
    return text.count(b".") == 2 and not text.startswith(b"{")


def _holds_private_key(value: Any) -> bool:
    if isinstance(value, dict):
        if "kty" in value and not _PRIVATE.isdisjoint(value):
            return True
        return any(_holds_private_key(each) for each in value.values())
    return isinstance(value, list) and any(map(_holds_private_key, value))
