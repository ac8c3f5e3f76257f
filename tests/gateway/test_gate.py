"""The gate before every change: tried on recorded decisions, refused by name where they change, taken where not."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
import pytest_asyncio
from admin_clients import aside, ask
from click.testing import CliRunner, Result
from town import UK, Reply, Town, running

from dcrgw.cli import main
from dcrgw.core.scripts.entry import inum_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = """
from dcrgw.scripting.types import ClientRegistrationType


class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        return True

    def destroy(self, configurationAttributes):
        return True

    def createClient(self, context):
        if "https://tpp.example/cb2" in context.client.redirect_uris:
            context.reject("invalid_redirect_uri", "this bank does not know the page")
        return True

    def updateClient(self, context):
        return True
"""
REFUSED = "https://tpp.example/cb2"
CREATE = "def createClient(self, context):\n"
HARMLESS = SCRIPT.replace(CREATE, f"{CREATE}        print('seen')\n")
LOOSE = SCRIPT.replace(REFUSED, "https://nowhere.example/")
MARKING = SCRIPT.replace(CREATE, f"{CREATE}        context.client.attributes['trusted'] = True\n")
LOOPING = SCRIPT.replace(CREATE, f"{CREATE}        while True: pass\n")
INUM = inum_of("client_registration", "gated")
OLD_S = 7200
#: What the terms of the gate stand at, so that tests may change them.
GATE = "[reload.gate]\nrecorded = 10\ndeadline_s = 40\n"


def edit(text: str) -> str:
    """Statements may be an hour old; changes are tried on what was recorded."""
    if "[reload.gate]" in text:
        return text
    head, policy, tail = text.partition("statement_max_age_s = ")
    assert policy
    table = '\n[[script]]\ntype = "client_registration"\nname = "gated"\nfile = "gated.py"\n'
    return f"{head}{policy}3600{tail.lstrip('0123456789')}{table}\n[reload]\ninterval_s = 0\n\n{GATE}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A town with three recorded decisions: one good, one that the script refused, one whose statement was too old."""
    folder = tmp_path_factory.mktemp("gated")
    (folder / "gated.py").write_text(SCRIPT)
    async with running(folder, edit) as opened:
        assert (await opened.post(await opened.body())).status == 201
        assert (await posted(opened)).checks == ["script.consent"]
        old = await opened.statement(iat=int(time.time()) - OLD_S)
        late = await opened.post(await opened.body(software_statement=old))
        assert late.checks == ["statement.iat.age"]
        async with asyncio.timeout(10):
            while len((await local(opened, "GET", "/evidence")).body["decisions"]) < 3:  # noqa: ASYNC110 - it is told over HTTP alone
                await asyncio.sleep(0.02)
        yield opened


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _as_before(town: Town) -> AsyncIterator[None]:
    """Each test leaves script and configuration as they were, whatever the gate says of it."""
    config = town.session.config.read_text()
    yield
    if town.session.config.read_text() != config:
        town.session.config.write_text(config)
        assert not (await town.gateway.reload(anyway=True)).faults
    if await saved(town, SCRIPT):
        assert (await accepted(town, held(town))).status == 200
    assert state(town) == ""


async def local(town: Town, method: str, target: str, body: Any = None) -> Reply:
    """One request over the socket file."""
    typed = {"Content-Type": "application/json"} if body is not None else {}
    content = None if body is None else json.dumps(body)
    return await ask(town.folder / "admin.sock", method, target, body=content, headers=typed)


async def command(town: Town, *arguments: str) -> Result:
    """A command of the operator's, from a thread, since the gateway is in this process."""
    socket = ("--socket", str(town.folder / "admin.sock"))
    return await aside(CliRunner().invoke, main, [*arguments, *socket])


async def posted(town: Town) -> Reply:
    """The request that the script refuses."""
    return await town.post(await town.body(redirect_uris=[REFUSED]))


async def saved(town: Town, text: str) -> str:
    """Save the script's file; why it does not serve, empty where it does."""
    (town.folder / "gated.py").write_text(text)
    await town.gateway.scripts.keeper.look()
    return state(town)


def state(town: Town) -> str:
    return town.gateway.scripts.keeper.states()[INUM].why


def held(town: Town) -> str:
    return town.gateway.scripts.keeper.states()[INUM].held


async def accepted(town: Town, mark: str) -> Reply:
    return await local(town, "POST", f"/scripts/{INUM}/accept", {"held": mark})


def config(town: Town, before: str, after: str) -> None:
    text = town.session.config.read_text()
    assert before in text
    town.session.config.write_text(text.replace(before, after))


def audited(town: Town) -> list[tuple[str, str, dict[str, str]]]:
    """(operation, author, facts) of what was taken anyway, oldest first."""
    with closing(sqlite3.connect(f"file:{town.folder}/bank/registry.sqlite?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT operation, author, facts FROM audit WHERE decision = 'anyway' ORDER BY sequence")
        return [(operation, author, json.loads(facts)) for operation, author, facts in rows]


async def test_a_script_edit_that_turns_a_refusal_into_an_approval_is_refused_by_name(town: Town) -> None:
    why = await saved(town, LOOSE)
    assert "1 of 3 decisions change, and 0 may" in why
    assert "refused becomes registered" in why
    assert "script.consent" in why
    # The old one goes on serving.
    assert (await posted(town)).checks == ["script.consent"]
    listed = await command(town, "scripts", "list")
    assert "1 of 3 decisions change" in listed.output


async def test_a_script_edit_that_changes_nothing_goes_live(town: Town) -> None:
    before = town.gateway.scripts.host.generation_of(INUM)
    assert await saved(town, HARMLESS) == ""
    assert town.gateway.scripts.host.generation_of(INUM) > before


async def test_a_script_edit_that_stores_another_client_is_refused(town: Town) -> None:
    why = await saved(town, MARKING)
    assert "client attributes.trusted: - -> true" in why


async def test_an_operator_takes_a_held_change_and_it_is_kept_who_did(town: Town) -> None:
    assert "decisions change" in await saved(town, LOOSE)
    done = await command(town, "scripts", "accept", "gated", "--reason", "ticket 7")
    assert done.exit_code == 0, done.output
    assert (await posted(town)).status == 201
    operation, author, facts = audited(town)[-1]
    assert (operation, author.startswith("admin:"), facts["reason"]) == ("script", True, "ticket 7")
    assert "gated" in facts["change"]
    assert (await accepted(town, "")).status == 409


async def test_what_is_accepted_is_what_was_refused_and_no_later_edit(town: Town) -> None:
    assert "decisions change" in await saved(town, LOOSE)
    seen = held(town)
    listed = await command(town, "scripts", "list")
    assert f"held as {seen}" in " ".join(listed.output.split())
    assert "attributes.trusted" in await saved(town, MARKING)
    again = await accepted(town, seen)
    assert (again.status, again.checks) == (409, ["admin.script.held"])
    refused = await command(town, "scripts", "accept", "gated", "--held", seen)
    assert refused.exit_code != 0
    assert held(town) in refused.output
    assert (await posted(town)).checks == ["script.consent"]


async def test_an_acceptance_names_what_it_takes(town: Town) -> None:
    assert (await local(town, "POST", f"/scripts/{INUM}/accept", {})).status == 400
    assert (await local(town, "POST", f"/scripts/{INUM}/accept", {"held": 1})).status == 400


async def test_a_script_that_loops_in_the_gate_is_refused_and_leaves_no_process(town: Town) -> None:
    config(town, "deadline_s = 40", "deadline_s = 3")
    assert not (await town.gateway.reload()).faults
    before = town.gateway.scripts.host.generation_of(INUM)
    why = await saved(town, LOOPING)
    assert "took longer than 3 s" in why
    assert town.gateway.scripts.host.generation_of(INUM) == before
    assert (await town.post(await town.body())).status == 201
    async with asyncio.timeout(10):
        while gates():  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.05)


def gates() -> list[str]:
    """The processes of a gate that live."""
    found = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read()
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read()
        except OSError:
            continue
        # Ours has no environment, as a template of workers; its own program tells it from one.
        if b"gate_process" in words and not environment:
            found.append(pid)
    return found


async def test_a_policy_that_turns_a_refusal_into_an_approval_is_refused_by_name(town: Town) -> None:
    config(town, "statement_max_age_s = 3600", "statement_max_age_s = 86400")
    before = town.gateway.generation
    done = await command(town, "reload")
    assert done.exit_code == 1
    assert "1 of " in done.output
    assert "statement.iat.age: failed -> passed" in done.output
    assert town.gateway.generation == before
    # Nobody is asked twice about the same files.
    anyway = await command(town, "reload", "--anyway", "--reason", "the regulator said so")
    assert anyway.exit_code == 0, anyway.output
    assert town.gateway.generation == before + 1
    assert audited(town)[-1][0::2] == ("reload", {"change": "configuration", "reason": "the regulator said so"})


async def test_a_configuration_that_decides_alike_goes_live(town: Town) -> None:
    before = town.gateway.generation
    config(town, "lifetime_s = 0  ", "lifetime_s = 1  ")
    assert not (await town.gateway.reload()).faults
    assert town.gateway.generation == before + 1


async def test_as_many_changes_as_are_borne_go_live(town: Town) -> None:
    config(town, "recorded = 10", "recorded = 10\nallowed_changes = 99")
    assert not (await town.gateway.reload()).faults
    assert await saved(town, LOOSE) == ""


async def test_terms_that_the_change_itself_loosens_do_not_count_yet(town: Town) -> None:
    config(town, "recorded = 10", "recorded = 0")
    config(town, "statement_max_age_s = 3600", "statement_max_age_s = 86400")
    faults = (await town.gateway.reload()).faults
    assert [fault.key for fault in faults][:1] == ["reload.gate"]


async def test_a_pipeline_asks_the_same_of_the_files_as_they_are(town: Town) -> None:
    folder = town.folder / "for-pipeline"
    kept = sorted((await local(town, "GET", "/evidence")).body["decisions"], key=lambda each: each["at"])
    exported = await command(
        town, "evidence", "export", *(each["report_id"] for each in kept[:3]), "--out", str(folder)
    )
    assert exported.exit_code == 0, exported.output
    arguments = ["check-config", "--config", str(town.session.config), "--against", str(folder)]
    assert (await aside(CliRunner().invoke, main, arguments)).exit_code == 0
    config(town, "statement_max_age_s = 3600", "statement_max_age_s = 86400")
    told = await aside(CliRunner().invoke, main, arguments)
    assert told.exit_code == 1
    assert "statement.iat.age: failed -> passed" in told.output
    (folder / "no.bundle.json").write_text("{}")
    assert (await aside(CliRunner().invoke, main, arguments)).exit_code == 2


@pytest.mark.parametrize("spoil", ["cut", "empty"])
async def test_bundles_that_cannot_be_read_refuse_every_change(town: Town, spoil: str) -> None:
    folder = town.folder / f"bundles-{spoil}"
    exported = await command(town, "evidence", "export", "--out", str(folder))
    assert exported.exit_code == 0, exported.output
    config(town, "recorded = 10", f'bundles = ["{folder}"]')
    assert not (await town.gateway.reload()).faults
    assert await saved(town, HARMLESS) == ""
    for path in sorted(folder.iterdir())[: 1 if spoil == "cut" else None]:
        if spoil == "cut":
            path.write_bytes(path.read_bytes()[:500])
        else:
            path.unlink()
    why = await saved(town, SCRIPT)
    assert ("1 cannot be read" if spoil == "cut" else "there is no *.bundle.json") in why


async def test_a_script_of_the_registry_is_tried_before_it_is_kept(town: Town) -> None:
    text = LOOSE.replace(CREATE, f"{CREATE}        context.reject('invalid_redirect_uri', 'nobody')\n")
    members = {"type": "client_registration", "name": "strict", "inum": "GATE-0001", "text": text, "level": 5}
    refused = await local(town, "POST", "/scripts", members)
    assert (refused.status, set(refused.checks)) == (422, {"admin.script.gate"})
    assert (await local(town, "GET", "/scripts/GATE-0001")).status == 404
    members["text"] = LOOSE
    added = await local(town, "POST", "/scripts", members)
    assert added.status == 201, added.body
    assert "serving" in added.body["state"]
    # What only refuses more is a change too; so is the end of what refuses.
    strict = {"text": text}
    assert (await local(town, "PATCH", "/scripts/GATE-0001", strict)).checks[:1] == ["admin.script.gate"]
    taken = await local(town, "PATCH", "/scripts/GATE-0001?anyway=true&reason=audit", strict)
    assert taken.status == 200, taken.body
    assert audited(town)[-1][0] == "script"
    # What the revision changed can be looked at from afar.
    told = await command(
        town, "replay", "--from-record", "operation=create", "--compare", "script=strict@1", "script=strict"
    )
    assert told.exit_code == 1, told.output
    assert "registered becomes refused" in told.output
    assert (await command(town, "replay", "--from-record", "all", "--with", "script=strict@9")).exit_code == 2
    assert (await town.post(await town.body())).checks == ["script.consent"]
    assert (await local(town, "POST", "/scripts/GATE-0001/disable")).status == 422
    assert (await local(town, "DELETE", "/scripts/GATE-0001")).status == 422
    assert (await local(town, "DELETE", "/scripts/GATE-0001?anyway=true")).status == 200
    assert (await town.post(await town.body())).status == 201


async def test_the_gate_holds_up_no_request(town: Town) -> None:
    """The old one serves on while a change is weighed."""
    weighing = asyncio.ensure_future(saved(town, LOOSE))  # noqa: TID251 - awaited below
    answered = 0
    while not weighing.done():
        assert (await town.post(await town.body(UK))).status == 201
        answered += 1
    assert "decisions change" in await weighing
    assert answered > 5
