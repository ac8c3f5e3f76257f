"""A good registration changed at random, posted to the running gateway: 201, or a 4xx that says why."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from town import UK, Reply, Town
from wrongs import encoded, reads_well

from dcrgw.core.jose import base64url
from dcrgw.errors import ErrorCode

pytestmark = pytest.mark.asyncio(loop_scope="module")

_CODES = {
    ErrorCode.INVALID_REDIRECT_URI,
    ErrorCode.INVALID_CLIENT_METADATA,
    ErrorCode.INVALID_SOFTWARE_STATEMENT,
    ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT,
}

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["none", "https://localhost/keys", "OpenBanking Ltd", "a.b.c", "\ud800", "AISP", 2**70, 1e308]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
#: Which member is replaced, as a number into the sorted names; or a new one.
_CHANGES = st.lists(st.tuples(st.integers(0, 60), _JSON), min_size=1, max_size=3)
_FLIPS = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4)
_BOUNDED = settings(max_examples=40, suppress_health_check=list(HealthCheck))


@dataclass
class Counted:
    """How many clients there were, and who came since; the same bytes twice make one client."""

    before: int
    client_ids: set[str] = field(default_factory=set)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counted(town: Town) -> Counted:
    """Kept right by the examples themselves."""
    return Counted(town.clients())


def _mutated(claims: dict[str, Any], changes: list[tuple[int, Any]]) -> dict[str, Any]:
    names = [*sorted(claims), "exp", "nbf", "aud", "jwks", "unknown"]
    return {**claims, **{names[which % len(names)]: value for which, value in changes}}


def _bytes(claims: dict[str, Any]) -> bytes:
    return json.dumps(claims, separators=(",", ":"), ensure_ascii=True).encode()


def _flipped(body: bytes, flips: list[tuple[int, int]]) -> bytes:
    octets = bytearray(body)
    for place, value in flips:
        octets[place % len(octets)] = value
    return bytes(octets)


def _is_answered(town: Town, reply: Reply, counted: Counted, market: str) -> None:
    """201 and one client more, or a no in ASCII by one of the four codes and not one client more."""
    event(f"{reply.status} {reply.checks[0] if reply.checks else ''}")
    if reply.status == 201:
        counted.client_ids.add(reply.body["client_id"])
    else:
        assert 400 <= reply.status < 500, reply
        assert reply.body["error"] in _CODES or (reply.status, reply.body["error"]) == (401, "invalid_client"), reply
        reads_well(reply, market)
    assert town.clients() == counted.before + len(counted.client_ids)


@given(market=st.sampled_from([UK, "generic"]), changes=_CHANGES)
@_BOUNDED
async def test_any_claim_of_a_request_may_be_anything(
    town: Town, counted: Counted, market: str, changes: list[tuple[int, Any]]
) -> None:
    claims = _mutated(town.claims(await town.statement(market), market), changes)
    payload = _bytes(claims)
    body = (
        payload
        if market == "generic"
        else town.key().sign_raw({"alg": "PS256", "kid": town.key().kid}, payload).encode()
    )
    _is_answered(town, await town.post(body, market), counted, market)


@given(market=st.sampled_from([UK, "generic"]), changes=_CHANGES)
@_BOUNDED
async def test_any_claim_of_a_statement_may_be_anything(
    town: Town, counted: Counted, market: str, changes: list[tuple[int, Any]]
) -> None:
    minted = await town.manage("POST", "/statements", market=market)
    statement = await town.mint(market, raw=_bytes(_mutated(minted["claims"], changes)))
    body = encoded(town, town.claims(statement, market), market)
    _is_answered(town, await town.post(body, market), counted, market)


@given(market=st.sampled_from([UK, "generic"]), flips=_FLIPS)
@_BOUNDED
async def test_any_bytes_of_a_body_may_be_others(
    town: Town, counted: Counted, market: str, flips: list[tuple[int, int]]
) -> None:
    _is_answered(town, await town.post(_flipped(await town.body(market), flips), market), counted, market)


@given(market=st.sampled_from([UK, "generic"]), part=st.sampled_from([0, 1, 2]), flips=_FLIPS)
@_BOUNDED
async def test_any_octets_of_a_signed_part_may_be_others(
    town: Town, counted: Counted, market: str, part: int, flips: list[tuple[int, int]]
) -> None:
    parts = (await town.statement(market)).split(".")
    parts[part] = base64url.encode(_flipped(base64url.decode(parts[part].encode()), flips))
    body = encoded(town, town.claims(".".join(parts), market), market)
    _is_answered(town, await town.post(body, market), counted, market)
