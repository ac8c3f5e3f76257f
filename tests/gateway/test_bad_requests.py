"""Registration requests that are wrong as requests: their shape, their claims, their statement."""

from __future__ import annotations

import json
from typing import Any

import pytest
from town import UK, Town
from wrongs import ISS, META, Wrong, ago, at_now, encoded, is_refused, sent

from dcrgw.testkit.statements import NULL

pytestmark = pytest.mark.asyncio(loop_scope="module")

_AUD = ("request.aud.ours",)
_IAT = ("request.iat.future",)
_EXP = ("request.exp.past",)
_JTI = ("request.jti.form",)
_SHAPE = ("request.shape.statement",)


def _long(now: float) -> int:
    return int(now) + 3_700


UK_REQUESTS = (
    Wrong(
        57, "`iss` that is not the statement's `software_id`", ISS, ("request.iss.software",), asked={"iss": "another"}
    ),
    Wrong(57, "no `iss`", META, ("request.iss.present",), asked={"iss": None}),
    Wrong(57, "`iss` null", META, ("request.iss.present",), asked={"iss": NULL}),
    Wrong(57, "`iss` as a list", META, ("request.iss.present",), asked={"iss": ["a"]}),
    Wrong(58, "no `aud`", META, _AUD, asked={"aud": None}),
    Wrong(58, "`aud` of another bank", META, _AUD, asked={"aud": "https://other.example"}),
    Wrong(58, "`aud` as a list without this bank", META, _AUD, asked={"aud": ["a", "b"]}),
    Wrong(58, "`aud` as an empty list", META, _AUD, asked={"aud": []}),
    Wrong(58, "`aud` as an object", META, _AUD, asked={"aud": {}}),
    Wrong(59, "`exp` more than an hour after `iat`", META, ("request.exp.lifetime",), asked={"exp": _long}),
    Wrong(44, "`exp` in the past", META, _EXP, asked={"iat": ago(600), "exp": ago(300)}),
    Wrong(44, "no `exp`", META, _EXP, asked={"exp": None}),
    Wrong(25, "`exp` as a string", META, _EXP, asked={"exp": "9999999999"}),
    Wrong(25, "`exp` as `true`", META, _EXP, asked={"exp": True}),
    Wrong(45, "`iat` in the future", META, _IAT, asked={"iat": ago(-600), "exp": ago(-900)}),
    Wrong(45, "no `iat`", META, _IAT, asked={"iat": None}),
    Wrong(46, "`nbf` in the future", META, ("request.nbf.future",), asked={"nbf": ago(-600)}),
    Wrong(46, "`nbf` as a string", META, ("request.nbf.future",), asked={"nbf": "now"}),
    Wrong(50, "no `jti`", META, _JTI, asked={"jti": None}),
    Wrong(50, "`jti` that is no UUID", META, _JTI, asked={"jti": "1"}),
    Wrong(50, "`jti` as a number", META, _JTI, asked={"jti": 1}),
    Wrong(60, "no `software_statement`", META, _SHAPE, asked={"software_statement": None}),
    Wrong(60, "`software_statement` null", META, _SHAPE, asked={"software_statement": NULL}),
    Wrong(60, "`software_statement` empty", META, _SHAPE, asked={"software_statement": ""}),
    Wrong(60, "`software_statement` as a list", META, _SHAPE, asked={"software_statement": ["a.b.c"]}),
    Wrong(36, "`software_statement` as an object", META, _SHAPE, asked={"software_statement": {"payload": "e30"}}),
    Wrong(
        77,
        "`software_id` that is not the statement's",
        META,
        ("request.software_id.statement",),
        asked={"software_id": "x"},
    ),
    Wrong(
        77,
        "`software_id` as a list",
        META,
        ("request.software_id.statement", "rules.metadata.types"),
        asked={"software_id": []},
    ),
)

GENERIC_REQUESTS = (
    Wrong(60, "`software_statement` null", META, _SHAPE, asked={"software_statement": NULL}, market="generic"),
    Wrong(60, "`software_statement` as an object", META, _SHAPE, asked={"software_statement": {}}, market="generic"),
    Wrong(60, "`software_statement` empty", META, _SHAPE, asked={"software_statement": ""}, market="generic"),
    Wrong(
        60,
        "`software_statement` that is no token",
        ISS,
        ("statement.jws.parts",),
        asked={"software_statement": "x"},
        market="generic",
    ),
    Wrong(
        77,
        "`software_id` that is not the statement's",
        META,
        ("request.software_id.statement",),
        asked={"software_id": "x"},
        market="generic",
    ),
)


@pytest.mark.parametrize("wrong", [*UK_REQUESTS, *GENERIC_REQUESTS], ids=str)
async def test_a_request_that_says_what_it_must_not_is_refused(warm_town: Town, wrong: Wrong) -> None:
    await is_refused(warm_town, wrong, await sent(warm_town, wrong))


_JSON = ("request.shape.json",)

#: What is no strict JSON object, and what a plain JSON request is told.
BAD_BODIES: tuple[tuple[int, str, bytes], ...] = (
    (27, "an empty body", b""),
    (27, "an array", b"[]"),
    (27, "a string", b'"client"'),
    (27, "half an object", b'{"redirect_uris":["https://tpp.example/cb"]'),
    (23, "a member twice", b'{"client_name":"a","client_name":"b"}'),
    (60, "`software_statement` twice", b'{"software_statement":"a.b.c","software_statement":"d.e.f"}'),
    (24, "a member twice, once escaped", b'{"scope":"a","\\u0073cope":"b"}'),
    (25, "NaN", b'{"default_max_age":NaN}'),
    (25, "1e400", b'{"default_max_age":1e400}'),
    (25, "a number of 5 000 digits", b'{"default_max_age":' + b"9" * 5_000 + b"}"),
    (26, "50 000 levels", b"[" * 50_000 + b"]" * 50_000),
    (28, "bytes that are not UTF-8", b'{"client_name":"\xff"}'),
    (28, "a byte order mark", b"\xef\xbb\xbf{}"),
    (28, "UTF-16", '{"client_name":"a"}'.encode("utf-16")),
    (28, "half of a surrogate pair", b'{"client_name":"\\ud800"}'),
)


def bad_bodies() -> list[Wrong]:
    """The same as wrong registrations."""
    return [Wrong(line, sends, META, _JSON, market="generic") for line, sends, _ in BAD_BODIES]


@pytest.mark.parametrize(
    ("wrong", "body"), list(zip(bad_bodies(), [body for *_, body in BAD_BODIES], strict=True)), ids=str
)
async def test_what_is_no_strict_json_object_is_refused(warm_town: Town, wrong: Wrong, body: bytes) -> None:
    await is_refused(warm_town, wrong, body)


_MEDIA = ("request.shape.media_type",)

MEDIA_TYPES: tuple[tuple[str, str], ...] = (
    (UK, "application/json"),
    (UK, "application/x-www-form-urlencoded"),
    (UK, "text/plain"),
    (UK, "application/jose/x"),
    ("generic", "application/jose"),
    ("generic", "text/json"),
    ("generic", "application/x-www-form-urlencoded"),
)


_QUERY = Wrong(60, "a query in the URL", META, ("http.query",))
_LARGE = Wrong(39, "a body of 1 MiB", META, ("http.size",), status=413)


def _media(market: str, media_type: str) -> Wrong:
    where = "plain" if market == "generic" else "OB UK"
    return Wrong(60, f"Content-Type {media_type} ({where})", META, _MEDIA, market=market, status=415)


def http_faults() -> list[Wrong]:
    """What is refused before the body is understood."""
    return [*(_media(market, media_type) for market, media_type in MEDIA_TYPES), _QUERY, _LARGE]


@pytest.mark.parametrize(("market", "media_type"), MEDIA_TYPES)
async def test_another_media_type_is_refused(warm_town: Town, market: str, media_type: str) -> None:
    body = await warm_town.body(market)
    await is_refused(warm_town, _media(market, media_type), body, media_type=media_type)


async def test_a_body_of_a_megabyte_is_refused_before_it_is_read(warm_town: Town) -> None:
    await is_refused(warm_town, _LARGE, b"a" * (1 << 20))


async def test_a_statement_given_twice_in_claim_and_parameter_is_refused(warm_town: Town) -> None:
    url = warm_town.index()["registration_endpoint"] + "?software_statement=a.b.c"
    await is_refused(warm_town, _QUERY, await warm_town.body(), url=url)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": lambda town: ["https://other.example", town.index()["request_audience"]]},
        {"iat": lambda town: at_now({"at": lambda now: now})["at"]},
        {"Iss": lambda town: "another"},
        {"nonsense": lambda town: {"deep": [1, 2]}},
    ],
    ids=[
        "a list of audiences that holds ours",
        "a fractional date",
        "a name in other letter case",
        "an unknown member",
    ],
)
async def test_what_the_standards_allow_is_taken(warm_town: Town, changes: dict[str, Any]) -> None:
    claims = warm_town.claims(
        await warm_town.statement(), **{name: value(warm_town) for name, value in changes.items()}
    )
    reply = await warm_town.post(encoded(warm_town, claims, UK))
    assert reply.status == 201, reply.body


#: Members that only a server sets (79), that nobody knows (80), or that look like internals.
FOREIGN_MEMBERS: dict[str, Any] = {
    "client_id": "mine",
    "client_secret": "mine",
    "client_id_issued_at": 1,
    "client_secret_expires_at": 1,
    "registration_access_token": "mine",
    "registration_client_uri": "https://attacker.example",
    "ssf.stream": "x",
    "status": "active",
    "attributes": {"trusted": True},
    "version": 7,
    "dn": "inum=1",
    "inum": "1",
    "__proto__": {"admin": True},
    "__class__": "x",
    **{f"unknown_{n}": n for n in range(1_000)},
}


@pytest.mark.parametrize("market", [UK, "generic"])
async def test_what_only_a_server_sets_and_what_nobody_knows_is_neither_stored_nor_echoed(
    warm_town: Town, market: str
) -> None:
    claims = warm_town.claims(await warm_town.statement(market), market)
    right = {**claims, **FOREIGN_MEMBERS}
    reply = await warm_town.post(encoded(warm_town, right, market), market)
    assert reply.status == 201, reply.body
    foreign = {n for n, v in FOREIGN_MEMBERS.items() if n in reply.body and reply.body[n] == v}
    assert not foreign
    assert "mine" not in json.dumps(reply.body)
    stored = b"".join(file.read_bytes() for file in (warm_town.folder / "bank").glob("registry.sqlite*"))
    assert b"unknown_999" not in stored
    assert b"attacker.example" not in stored
