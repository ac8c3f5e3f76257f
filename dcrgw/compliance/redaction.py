"""What is secret in a decision's evidence, and what stands for it in a bundle.

Each secret is replaced everywhere by a surrogate of the same length and letters, and what is made of it (a hash, an
Authorization header, a signature) by what is made of the surrogate: so a replay compares what the gateway compared,
and nothing that opens a door is in the bundle.
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus

from dcrgw.compliance import secret_places as places
from dcrgw.core import strict_json
from dcrgw.core.authorization.credentials import basic_pair
from dcrgw.core.authorization.requests import REQUEST_URI
from dcrgw.core.authorization.tokens import token_hash
from dcrgw.core.evidence import Arrival, Entry
from dcrgw.core.jose import base64url, mac
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.client import UpstreamClient, UpstreamRef, WantedClient
from dcrgw.ports.http import HttpAnswer
from dcrgw.ports.upstream import Asked, Told

#: Shorter texts would be found inside other words: they are replaced only where a secret stands.
_LEAST = 16
#: As forms and queries write it, where it is of letters that they do not take as they are.
_SPELLINGS = quote_plus, partial(quote, safe="")
#: Each is looked for everywhere: no caller may make that long work.
_MOST_SHOWN = 64
#: What a surrogate is made of; other characters of a secret stay, so that what is ill-formed stays so.
_OF_A_TOKEN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/")


class Withheld(ValueError):
    """The request holds a secret that cannot be taken out of it: it is not kept at all."""


def surrogates(arrival: Arrival, journal: tuple[Entry, ...], of_bank: Iterable[str] = ()) -> dict[str, str]:
    """Secret text -> what stands for it, and the same of what is made of both; `of_bank` are the bank's own secrets.

    Raises: Withheld.
    """
    _refuse_what_stays(arrival)
    form = _form(arrival)
    shown = list(dict.fromkeys(filter(None, (*_in_fields(form), *_shown(arrival)))))
    if len(shown) > _MOST_SHOWN:
        raise Withheld(f"the request shows more than {_MOST_SHOWN} secrets, which none needs")
    found = list(dict.fromkeys((*shown, *_journalled(journal))))
    uris = [each for each in found if each.startswith(REQUEST_URI)]
    found = [each.removeprefix(REQUEST_URI) for each in found]
    numbered = enumerate((secret for secret in found if len(secret) >= _LEAST), 1)
    made = {secret: surrogate(secret, number) for number, secret in numbered}
    made |= {secret: surrogate(secret) for secret in of_bank if len(secret) >= _LEAST}
    # The longest first: one secret may begin another.
    made = dict(sorted(made.items(), key=_length, reverse=True))
    # Short ones are replaced in the request alone, where they stand; of others that are that short nothing is.
    hashes = {token_hash(each): token_hash(_instead(each, made)) for each in shown}
    hashes |= {token_hash(each): token_hash(in_text(each, made)) for each in (*made, *uris)}
    written = {spell(secret): other for secret, other in made.items() for spell in _SPELLINGS}
    derived = hashes | dict(_basics(arrival, journal, made)) | dict(_signatures(form, made))
    return dict(sorted((made | written | derived).items(), key=_length, reverse=True))


def _length(pair: tuple[str, str]) -> int:
    return len(pair[0])


def _in_fields(form: list[tuple[str, str]]) -> Iterator[str]:
    for name, value in form:
        if places.is_secret_field(name) or (name == "request_uri" and value.startswith(REQUEST_URI)):
            yield value


def _refuse_what_stays(arrival: Arrival) -> None:
    """Raises: Withheld for what is not to be kept anywhere, and for secrets within what is encoded or signed."""
    shown = [arrival.body.decode("latin-1"), arrival.query]
    encoded = [inner for text in shown for inner in places.encoded(text)]
    if any(map(places.holds_private_key, (*shown, *map(_unescaped, shown), *encoded))):
        raise Withheld("the request holds a private key")
    if any(map(places.holds_door, encoded)):
        raise Withheld("the request holds a secret within a token, where it cannot be taken out")


def _unescaped(shown: str) -> str:
    """A form's values, or JSON's texts, in plain letters."""
    try:
        return json.dumps(json.loads(shown), ensure_ascii=False)
    except (ValueError, RecursionError):
        return unquote_plus(shown)


def without(arrival: Arrival, hidden: Mapping[str, str]) -> Arrival:
    """The arrival with surrogates in place of its secrets."""
    body = places.with_members(arrival.body.decode("latin-1"), lambda secret: _instead(secret, hidden))
    return replace(
        arrival,
        body=in_form(body, hidden).encode("latin-1"),
        authorization=tuple(_credentials(text, hidden) for text in arrival.authorization),
        query=in_form(arrival.query, hidden),
    )


def in_journal(journal: tuple[Entry, ...], hidden: Mapping[str, str], of_bank: Iterable[str] = ()) -> tuple[Entry, ...]:
    """The journal without secrets that are spelled in other ways than plainly, and without short ones."""
    return tuple(_in_entry(entry, hidden, of_bank) for entry in journal)


def _in_entry(entry: Entry, hidden: Mapping[str, str], of_bank: Iterable[str]) -> Entry:
    match entry.port:
        case "upstream.forward":
            question = tuple(_in_asked(each, hidden) for each in entry.question)
            return Entry(entry.port, question, _in_told(entry.answer, hidden))
        case "http.get":
            return entry._replace(question=(in_address(str(entry.question[0]), of_bank),))
    return entry


def in_address(url: str, of_bank: Iterable[str]) -> str:
    """A URL that a script asked for, without the bank's secrets: always the same, so that a replay may ask it again."""
    hidden = {spell(secret): surrogate(secret) for secret in of_bank for spell in (str, *_SPELLINGS)}
    place, mark, query = in_text(url, hidden).partition("?")
    return place + mark + places.with_doors(query, surrogate)


def _in_asked(value: Any, hidden: Mapping[str, str]) -> Any:
    if not isinstance(value, Asked):
        return value
    body = in_form(value.body.decode("latin-1"), hidden).encode("latin-1")
    return replace(value, body=body, query=in_form(value.query, hidden))


def _in_told(told: Any, hidden: Mapping[str, str]) -> Any:
    if not isinstance(told, Told):
        return told
    headers = tuple((name, value) for name, value in told.headers if name.lower() != "set-cookie")
    if not told.body.strip():
        return replace(told, headers=headers)
    try:
        members = strict_json.loads_object(told.body)
    except strict_json.JsonRefused as refused:
        # A token may stand anywhere in it, and cut: what stands for it is wrong in the same way.
        return replace(told, headers=headers, body=_WRONG.get(str(refused), _NO_JSON))
    return replace(told, headers=headers, body=json.dumps(_clean(members, hidden)).encode())


def _clean(value: JsonValue, hidden: Mapping[str, str], name: str = "") -> JsonValue:
    """A JSON value without secrets, those of a telling name too short to be looked for among them."""
    match value:
        case str():
            return _instead(value, hidden) if places.is_secret_member(name) else in_text(value, hidden)
        case dict():
            return {in_text(each, hidden): _clean(inner, hidden, each) for each, inner in value.items()}
        case list():
            return [_clean(each, hidden) for each in value]
    return value


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
    return in_text(places.with_fields(text, surrogate, lambda value: in_text(value, hidden)), hidden)


def in_text(text: str, hidden: Mapping[str, str]) -> str:
    """The text with surrogates in place of secrets."""
    for secret, surrogate in hidden.items():
        text = text.replace(secret, surrogate)
    return text


def _instead(secret: str, hidden: Mapping[str, str]) -> str:
    """What stands for a secret where it stands."""
    replaced = in_text(secret, hidden)
    return surrogate(secret) if replaced == secret else replaced


def _form(arrival: Arrival) -> list[tuple[str, str]]:
    """The members of a form and of the query, as they were meant."""
    return [*parse_qsl(arrival.body.decode("latin-1")), *parse_qsl(arrival.query)]


def _basics(arrival: Arrival, journal: tuple[Entry, ...], made: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Credentials of Authorization headers that hold a secret encoded, and the same with its surrogate."""
    asked = (each for entry in journal for each in _holders(entry.question) if isinstance(each, Asked))
    for header in (*arrival.authorization, *(header for each in asked for header in _authorization(each))):
        rest = header.partition(" ")[2].strip()
        if basic_pair(header) and len(rest) >= _LEAST:
            yield rest, _basic(header, made)


def _basic(header: str, made: Mapping[str, str]) -> str:
    named, secret = basic_pair(header) or ("", "")
    pair = f"{quote_plus(in_text(named, made))}:{quote_plus(_instead(secret, made))}"
    return b64encode(pair.encode()).decode()


def _signatures(form: list[tuple[str, str]], made: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What a client signed by a secret, and the same by its surrogate; what no known secret signed stays."""
    for signed, dot, signature in (text.rpartition(".") for name, text in form if name == "client_assertion"):
        for secret, surrogate in made.items():
            if dot and signature == _signature(signed, secret):
                yield signature, _signature(signed, surrogate)


def _signature(signed: str, secret: str) -> str:
    return urlsafe_b64encode(mac.signature(signed.encode(), secret)).decode().rstrip("=")


def _authorization(asked: Asked) -> list[str]:
    return [value for name, value in asked.headers if name == "Authorization"]


def _shown(arrival: Arrival) -> Iterator[str]:
    """What the caller shows in headers and in JSON."""
    yield from map(places.credential, arrival.authorization)
    yield from places.in_json(arrival.body.decode("latin-1"))


def _journalled(journal: tuple[Entry, ...]) -> Iterator[str]:
    """What ports were asked and said."""
    found: list[Any] = []
    for entry in journal:
        if entry.port in ("randomness.client_secret", "randomness.token", "signer.sign"):
            found.append(entry.answer)
        if entry.port in ("upstream.access_token", "upstream.revoked"):
            found.append(entry.question[1])
        for holder in _holders((entry.question, entry.answer)):
            found += _held(holder)
    yield from (text for text in found if isinstance(text, str) and text)


#: What secrets of a client stand in.
_Holder = RegisteredClient | UpstreamRef | UpstreamClient | WantedClient | Asked | Told | HttpAnswer


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
            shown = [places.credential(text) for text in _authorization(holder)]
            form = parse_qsl(holder.body.decode("latin-1"))
            return shown + [value for name, value in form if places.is_secret_field(name)]
        case Told():
            try:
                members = strict_json.loads_object(holder.body)
            except strict_json.JsonRefused:
                return []  # None of it is kept.
            return [members.get("request_uri"), *_doors(members)]
        case HttpAnswer():
            return list(places.in_json(holder.text))


def _doors(value: JsonValue) -> Iterator[JsonValue]:
    """Every member of a secret's name, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from [inner] if places.is_secret_member(name) else _doors(inner)
    elif isinstance(value, list):
        for each in value:
            yield from _doors(each)


def surrogate(secret: str, number: int = 0) -> str:
    """As long as the secret and of characters of the same kind, told apart by its number.

    A signed JWT without its signature opens nothing, and what it says is looked at: only that is taken out of it.
    """
    shown, dot, signature = secret.rpartition(".")
    if shown.count(".") == 1 and _is_header(shown.partition(".")[0]):
        return shown + dot + f"redacted-{number:03d}-".ljust(len(signature), "0")[: max(16, len(signature))]
    marks = iter(f"redacted-{number:03d}-".ljust(len(secret), "0"))
    return "".join([next(marks) if each in _OF_A_TOKEN else _like(each) for each in secret])


def _like(other: str) -> str:
    """What is no character of a token stays none; padding, a blank or a control stays what it is."""
    return "!" if other.isprintable() and other not in " =" else other


def _is_header(text: str) -> bool:
    try:
        strict_json.loads_object(base64url.decode(text.encode()))
    except ValueError:
        return False
    return True


def _credentials(header: str, hidden: Mapping[str, str]) -> str:
    if basic_pair(header):
        return f"{header.split()[0]} {_basic(header, hidden)}"
    return places.with_credential(header, lambda secret: _instead(secret, hidden))
