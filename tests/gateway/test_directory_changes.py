"""What the directory changes counts from the next question on: docs/faults.md's tables, and rotated keys."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import fault_page
import pytest
import pytest_asyncio
from fault_page import Change
from town import UK, Town, running

from dcrgw.testkit.keys import SigningKey

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Beyond the sandbox's cool-down of one second; beyond all that a gateway keeps.
COOL_S, AGE_S = 2, 10_000


def cautious(text: str) -> str:
    """A gateway that looks as close as in production, and asks for the bank's own standing too."""
    text = text.replace("standing_compares_metadata = false", "standing_compares_metadata = true")
    return text.replace('name = "primary"\n', 'name = "primary"\ncheck_own_standing = true\n')


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A town whose bank looks to its own standing."""
    async with running(tmp_path_factory.mktemp("changing"), cautious) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(town: Town) -> AsyncIterator[Town]:
    """The town with its directory as at the start, and a gateway that has cached everything."""
    await town.manage("POST", "/reset")
    town.ahead_s += AGE_S
    assert (await town.post(await town.body())).status == 201
    yield town


async def of_organisation(town: Town, **changes: Any) -> None:
    await town.manage("PATCH", f"/organisations/{town.index()['org_id']}", **changes)


async def of_software(town: Town, **changes: Any) -> None:
    await town.manage("PATCH", f"/software/{town.index()['software_id']}", **changes)


async def of_bank(town: Town, **changes: Any) -> None:
    bank = town.session.parties.bank
    kind, own = (
        ("software", bank.software.software_id) if "active" in changes else ("organisations", bank.organisation.org_id)
    )
    await town.manage("PATCH", f"/{kind}/{own}", **changes)


MAKE: dict[str, tuple[Callable[..., Awaitable[None]], dict[str, Any]]] = {
    "the organisation is Revoked": (of_organisation, {"status": "Revoked"}),
    "the organisation is Withdrawn": (of_organisation, {"status": "Withdrawn"}),
    "the software is not active": (of_software, {"active": False}),
    "a role is withdrawn from the software": (of_software, {"roles": ["AISP"]}),
    "a redirect URI is withdrawn from the software": (of_software, {"redirect_uris": ["https://tpp.example/cb2"]}),
    "the software is no longer Live": (of_software, {"mode": "Not Live"}),
    "the regulator's authorisation is withdrawn": (of_organisation, {"roles": ["AISP"]}),
    "the bank's own organisation is not active": (of_bank, {"status": "Withdrawn"}),
    "the bank's own software is not active": (of_bank, {"active": False}),
}


@pytest.mark.parametrize("line", fault_page.changes("Changes at the directory"), ids=lambda line: line.name)
async def test_a_change_counts_from_the_next_request_on(fresh: Town, line: Change) -> None:
    town = fresh
    await of_software(town, mode="Live")
    statement = await town.statement()
    change, what = MAKE[line.name]
    await change(town, **what)
    before = (town.clients(), town.used())
    body = town.key().sign(town.claims(statement)).encode()
    reply = await town.post(body)
    assert reply.status == line.status, reply.body
    assert line.check in reply.checks if line.check else "errors" not in reply.body
    assert reply.body["error"] == {400: "unapproved_software_statement", 500: "server_error"}[line.status]
    assert (town.clients(), town.used()) == before
    await town.manage("POST", "/reset")
    await of_software(town, mode="Live")
    assert (await town.post(body)).status == 201


async def test_what_is_wrong_with_our_own_standing_stays_inside(fresh: Town) -> None:
    town = fresh
    await of_bank(town, active=False)
    reply = await town.post(await town.body())
    assert set(reply.body) == {"error", "error_description", "report"}
    said = json.dumps(reply.body) + json.dumps(reply.headers)
    inside = ("primary", "standing", "directory", town.session.parties.bank.software.software_id)
    assert [word for word in inside if word in said] == []
    assert "primary" in (await town.manage("GET", "/reports/last"))["facts"]["failure"]


DOCUMENTS: dict[str, Callable[[Town], Any]] = {
    "no JSON": lambda town: "<html>",
    "JSON, but no key set": lambda town: {"key": []},
    "an empty list of keys": lambda town: {"keys": []},
    "a key set without the request's kid": lambda town: {"keys": [town.key().public_jwk() | {"kid": "other"}]},
    "the kid with a stranger's key": lambda town: {
        "keys": [SigningKey.generate(town.key().kid, alg="PS256").public_jwk()]
    },
}


@pytest.mark.parametrize("line", fault_page.changes("Key sets of software"), ids=lambda line: line.name)
async def test_a_software_key_set_is_answered_as_the_page_says(fresh: Town, line: Change) -> None:
    town = fresh
    town.ahead_s += AGE_S
    jwks = f"/software/{town.index()['software_id']}/jwks"
    await town.manage("PUT", jwks, document=DOCUMENTS[line.name](town))
    before = town.clients()
    reply = await town.post(await town.body())
    assert (reply.status, reply.checks) == (line.status, [line.check] if line.check else []), reply.body
    assert town.clients() == before


async def test_a_rotated_directory_key_counts_without_a_restart(fresh: Town) -> None:
    town = fresh
    old = await town.statement()
    for keep_old in (True, False):
        town.ahead_s += COOL_S
        await town.manage("POST", "/keys/rotate", of="directory", keep_old=keep_old)
        statement = await town.statement()
        assert (await town.post(town.key().sign(town.claims(statement)).encode())).status == 201
        reply = await town.post(town.key().sign(town.claims(old)).encode())
        if keep_old:
            assert reply.status == 201, reply.body
        else:
            assert (reply.status, reply.checks) == (400, ["statement.jws.key_unknown"])
            assert reply.body["error"] == "invalid_software_statement"


async def test_a_rotated_software_key_counts_without_a_restart(fresh: Town) -> None:
    town, old = fresh, fresh.key()
    software_id, statement = town.index()["software_id"], await fresh.statement()
    for keep_old in (True, False):
        town.ahead_s += COOL_S
        await town.manage("POST", "/keys/rotate", of="software", software_id=software_id, keep_old=keep_old)
        new = town.session.parties.world.software_of(software_id).keys.current
        assert (await town.post(new.sign(town.claims(statement)).encode())).status == 201
        reply = await town.post(old.sign(town.claims(statement)).encode())
        if keep_old:
            assert reply.status == 201, reply.body
        else:
            assert (reply.status, reply.checks) == (400, ["request.jws.key_unknown"])


async def test_a_retired_directory_key_that_the_gateway_never_saw_proves_nothing(fresh: Town) -> None:
    statement = (await fresh.manage("POST", "/statements", key="retired"))["statement"]
    reply = await fresh.post(fresh.key().sign(fresh.claims(statement)).encode())
    assert (reply.status, reply.checks) == (400, ["statement.jws.key_unknown"])


@pytest.mark.parametrize("whose", ["jwks", "software-jwks"])
async def test_a_storm_of_unknown_kids_causes_one_fetch_a_cool_down(fresh: Town, whose: str) -> None:
    town = fresh
    statement = await town.statement()
    if whose == "jwks":
        forged = [(await town.manage("POST", "/statements", header={"kid": f"k{n}"}))["statement"] for n in range(12)]
        bodies = [town.key().sign(town.claims(each)).encode() for each in forged]
        expected = "statement.jws.key_unknown"
    else:
        stranger = town.session.parties.obwac.software.keys.current
        keys = [SigningKey(f"k{n}", stranger.alg, stranger.private_key) for n in range(12)]
        bodies = [key.sign(town.claims(statement)).encode() for key in keys]
        expected = "request.jws.key_unknown"
    for _ in range(2):
        town.ahead_s += COOL_S
        asked = await town.times_asked(whose)
        town.stands_at = time.monotonic()
        try:
            replies = [await town.post(body, UK) for body in bodies]
        finally:
            town.stands_at = None
        assert {(reply.status, *reply.checks) for reply in replies} == {(400, expected)}
        assert await town.times_asked(whose) == asked + 1
