"""`dcrgw clients` against a running gateway: what is shown, what is refused, with which exit status."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from admin_clients import aside
from click.testing import CliRunner, Result
from town import UK, Town

from dcrgw.cli import main

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def dcrgw(town: Town, *arguments: str, place: tuple[str, ...] | None = None) -> Result:
    """One command, aside: it blocks, and the gateway that answers runs in this process."""
    where = ("--socket", str(town.folder / "admin.sock")) if place is None else place
    return await aside(CliRunner().invoke, main, ["clients", *arguments, *where])


@pytest_asyncio.fixture(loop_scope="module")
async def client(town: Town) -> AsyncIterator[str]:
    reply = await town.post(await town.body(contacts=[f"{uuid4()}@tpp.example"]))
    assert reply.status == 201, reply.body
    yield f"{UK}/{reply.body['client_id']}"


async def test_clients_are_listed_one_a_line_off_a_terminal(town: Town, client: str) -> None:
    told = await dcrgw(town, "list", "--market", UK)
    assert told.exit_code == 0, told.output
    lines = [line.split("\t") for line in told.stdout.splitlines()]
    assert {len(line) for line in lines} == {6}
    assert [client, "active"] in [line[:2] for line in lines]


async def test_the_list_is_as_long_as_asked_across_pages(
    town: Town, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.post(await town.body())
    await town.post(await town.body())
    everything = json.loads((await dcrgw(town, "list", "--json")).stdout)
    monkeypatch.setattr("dcrgw.cli.clients._PAGE", 1)
    for limit in (1, 2, 1000):
        told = await dcrgw(town, "list", "--json", "--limit", str(limit))
        assert json.loads(told.stdout) == everything[:limit]


async def test_a_client_is_found_by_a_part_of_its_id(town: Town, client: str) -> None:
    part = client.partition("/")[2][3:20]
    told = await dcrgw(town, "search", part, "--json")
    assert [f"{each['market']}/{each['client_id']}" for each in json.loads(told.stdout)] == [client]
    assert json.loads((await dcrgw(town, "search", part, "--status", "deleted", "--json")).stdout) == []


async def test_a_client_is_shown_by_its_id_alone(town: Town, client: str) -> None:
    whole = await dcrgw(town, "show", client, "--json")
    alone = await dcrgw(town, "show", client.partition("/")[2], "--json")
    assert (whole.exit_code, json.loads(whole.stdout)) == (0, json.loads(alone.stdout))
    assert "status: active" in (await dcrgw(town, "show", client)).stdout.splitlines()


async def test_a_clients_life_is_told_by_its_history(town: Town, client: str) -> None:
    for command, status in [("suspend", "suspended"), ("restore", "active"), ("revoke-tokens", "active")]:
        told = await dcrgw(town, command, client, "--reason", "drill")
        assert (told.exit_code, told.stdout) == (0, f"{client} is {status}\n")
    assert (await dcrgw(town, "delete", client, "--yes")).stdout == f"{client} is deleted\n"
    lines = [line.split("\t") for line in (await dcrgw(town, "history", client)).stdout.splitlines()]
    assert [line[1] for line in lines] == ["delete", "revoke-tokens", "restore", "suspend", "create"]
    assert [line[4] for line in lines[:4]] == ["-", "drill", "drill", "drill"]
    refused = await dcrgw(town, "restore", client)
    assert refused.exit_code == 1
    assert "deleted" in refused.stderr


async def test_a_deletion_off_a_terminal_wants_a_yes(town: Town, client: str) -> None:
    assert (await dcrgw(town, "delete", client)).exit_code == 2
    assert "status: active" in (await dcrgw(town, "show", client)).stdout


@pytest.mark.parametrize("name", ["nobody", f"{UK}/nobody", f"{UK}/../x", "a b/c d", "é/ü"])
async def test_a_client_that_is_not_there_is_refused(town: Town, name: str) -> None:
    assert (await dcrgw(town, "show", name)).exit_code == 1


async def test_the_socket_is_known_from_the_configuration(town: Town, client: str) -> None:
    told = await dcrgw(town, "show", client, place=("--config", str(town.session.config)))
    assert told.exit_code == 0, told.output


@pytest.mark.parametrize(
    ("place", "status"),
    [
        (("--socket", "/nowhere/admin.sock"), 3),
        (("--config", "/nowhere/dcrgw.toml"), 1),
        (("--url", "https://localhost:1"), 2),
        (("--url", "http://localhost:1", "--cert", "x.pem"), 2),
        (("--url", "https://localhost:1", "--cert", "/nowhere/x.pem"), 1),
        (("--socket", "admin.sock", "--cert", "x.pem"), 2),
    ],
)
async def test_no_gateway_at_the_place_has_a_status_of_its_own(town: Town, place: tuple[str, ...], status: int) -> None:
    told = await dcrgw(town, "list", place=place)
    assert told.exit_code == status, told.output
    assert told.stderr
    assert "Traceback" not in told.output


async def test_a_place_that_is_no_administration_is_told_so(town: Town, tmp_path: Path) -> None:
    async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        await writer.drain()
        writer.close()

    path = tmp_path / "other.sock"
    async with await asyncio.start_unix_server(chatter, path):
        assert (await dcrgw(town, "list", place=("--socket", str(path)))).exit_code == 3


async def test_names_that_a_tpp_chose_reach_no_terminal_raw(town: Town, tmp_path: Path) -> None:
    line = {
        "market": UK, "client_id": "a", "status": "active", "client_id_issued_at": 0, "org_name": None, "org_id": None,
        "software_id": None, "client_name": "\x1b[2Jcleared\x9b\n\tnext",
    }  # fmt: skip
    body = json.dumps({"clients": [line], "next": None}).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    path = tmp_path / "other.sock"
    async with await asyncio.start_unix_server(answer, path):
        told = await dcrgw(town, "list", place=("--socket", str(path)))
    assert told.stdout == f"{UK}/a\tactive\t-\t-\t?[2Jcleared???next\t1970-01-01T00:00:00+00:00\n"
