"""What is secret in a decision's evidence, and what stands for it in a bundle.

Each secret is replaced everywhere by a surrogate of the same length and letters, and each hash of it by the
surrogate's: so a replay compares what the gateway compared, and nothing that opens a door is in the bundle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus

from dcrgw.core import strict_json
from dcrgw.core.authorization.requests import REQUEST_URI
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.evidence import Arrival, Entry
from dcrgw.core.jose import base64url
from dcrgw.core.registration.client import RegisteredClient

#: Shorter texts are no secret of ours, and would be found inside other words.
_LEAST = 16
#: Members of a form that open a door; a code_verifier opens none without its code, and is needed as it is.
_SECRET_FIELDS = ("client_secret", "code", "refresh_token", "token", "key")
_SECRET_MEMBERS = ("client_secret", "registration_access_token", "access_token", "refresh_token")
_ENCODINGS = quote_plus, quote
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
    hashes = {token_hash(each): token_hash(in_text(each, made)) for each in (*made, *uris)}
    # As forms and queries write it, where it is of letters that they do not take as they are.
    return made | {encode(secret): surrogate for secret, surrogate in made.items() for encode in _ENCODINGS} | hashes


def without(arrival: Arrival, hidden: Mapping[str, str]) -> Arrival:
    """The arrival with surrogates in place of its secrets."""
    body = arrival.body
    for secret, surrogate in hidden.items():
        body = body.replace(secret.encode(), surrogate.encode())
    return replace(
        arrival,
        body=body,
        authorization=tuple(_credentials(text, hidden) for text in arrival.authorization),
        query=in_text(arrival.query, hidden),
    )


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
        for client in _clients((entry.question, entry.answer)):
            found += client.secrets.values()
    yield from (text for text in found if isinstance(text, str))


def _clients(value: Any) -> Iterator[RegisteredClient]:
    """Every client in a question or an answer, however deep."""
    if isinstance(value, RegisteredClient):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _clients(each)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from _clients(getattr(value, each.name))


def _surrogate(index: int, secret: str) -> str:
    """As long as the secret and a token by its letters, told apart by its number."""
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
