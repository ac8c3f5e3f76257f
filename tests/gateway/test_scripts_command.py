"""`dcrgw scripts` and the administration behind it: who may, what is tried, what is kept, what never leaves."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from admin_clients import aside, ask
from click.testing import CliRunner, Result
from town import Reply, Town, running

from dcrgw.cli import main

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "s3cret-value"
_NUMBERS = count(1)
GOOD = """
from dcrgw.scripting.types import ClientRegistrationType

class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        self.secret = configurationAttributes.get("theSecret")
        return True

    def destroy(self, configurationAttributes):
        return True

    def createClient(self, context):
        context.client.attributes["mark"] = "MARK"
        return True

    def updateClient(self, context):
        return True
"""


def good(mark: str = "first") -> str:
    return GOOD.replace("MARK", mark)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "of_file.py").write_text(good("file"))

    def edit(text: str) -> str:
        table = '\n[[script]]\ntype = "client_registration"\nname = "of_file"\nfile = "of_file.py"\nmode = "inline"\n'
        scripting = '\n[scripting]\nregistry_inline = true\nregistry_secrets = ["env:SCRIPT_*"]\n'
        return text + scripting + table + '[script.properties]\nplain = "to be seen"\ntheSecret = "' + SECRET + '"\n'

    async with running(folder, edit) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def swept(town: Town) -> AsyncIterator[None]:
    """Each test has an inum of its own, since revisions count on, and leaves the registry's scripts deleted."""
    members.inum = f"TEST-{next(_NUMBERS):04}"
    yield
    for line in (await local(town, "GET", "/scripts")).body["scripts"]:
        if line["home"] == "registry":
            assert (await local(town, "DELETE", f"/scripts/{line['inum']}")).status == 200


async def local(town: Town, method: str, target: str, body: Any = None, **headers: str) -> Reply:
    """One request over the socket file."""
    typed = {"Content-Type": "application/json"} if body is not None else {}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    content = None if body is None else json.dumps(body)
    return await ask(town.folder / "admin.sock", method, target, body=content, headers={**typed, **names})


async def dcrgw(town: Town | None, *arguments: str) -> Result:
    """One command, aside: it blocks, and the gateway that answers runs in this process."""
    where = () if town is None else ("--socket", str(town.folder / "admin.sock"))
    return await aside(CliRunner().invoke, main, ["scripts", *arguments, *where])


class Members:
    """An entry as an administrator writes it; None leaves a member out."""

    inum = ""

    def __call__(self, mark: str = "first", **changes: Any) -> dict[str, Any]:
        plain = {**PLAIN, "inum": self.inum, "text": good(mark)}
        return {name: value for name, value in {**plain, **changes}.items() if value is not None}

    @property
    def path(self) -> str:
        return f"/scripts/{self.inum}"


PLAIN: dict[str, Any] = {
    "name": "stored",
    "type": "client_registration",
    "mode": "inline",
    "configuration_properties": [
        {"value1": "plain", "value2": "to be seen"},
        {"value1": "theSecret", "value2": SECRET},
    ],
}
members = Members()


async def mark(town: Town) -> Any:
    """What the scripts leave on a new client: the last that runs wins."""
    reply = await town.post(await town.body())
    assert reply.status == 201, reply
    client = await local(town, "GET", f"/clients/uk-3.2/{reply.body['client_id']}")
    return client.body["attributes"].get("mark")


async def marked(town: Town, wanted: str) -> bool:
    return await mark(town) == wanted


async def told_of_errors(town: Town) -> bool:
    return bool((await local(town, "GET", "/scripts/errors")).body["errors"])


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """What a look of each second brings about."""
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - it is told over HTTP alone
            await asyncio.sleep(0.1)


def history(town: Town) -> str:
    with closing(sqlite3.connect(town.folder / "bank/registry.sqlite")) as db:
        return str(db.execute("SELECT * FROM script_revisions").fetchall())


async def test_added_script_serves_at_once_and_its_secrets_stay(town: Town) -> None:
    added = await local(town, "POST", "/scripts?reason=first", members(level=-5))
    assert (added.status, added.headers["ETag"], added.headers["Location"]) == (201, '"1"', members.path)
    assert added.body["state"].startswith("serving generation")
    assert await mark(town) == "first"
    shown = await local(town, "GET", members.path)
    listed = await local(town, "GET", "/scripts?type=client_registration")
    assert [line["name"] for line in listed.body["scripts"]] == ["of_file", "stored"]
    told = json.dumps([added.body, shown.body, listed.body, (await dcrgw(town, "show", "stored")).output])
    assert SECRET not in told
    assert "to be seen" in told
    assert SECRET not in history(town)


async def test_every_change_is_a_revision_with_author_reason_and_difference(town: Town) -> None:
    await local(town, "POST", "/scripts", members())
    path = members.path
    change = {"text": good("second"), "level": -7}
    patched = await local(town, "PATCH", f"{path}?reason=better", change, If_Match='"1"')
    assert (patched.status, patched.body["revision"], patched.body["level"]) == (200, 2, -7)
    assert await mark(town) == "second"
    disabled = await local(town, "POST", f"{path}/disable", {"reason": "told in the body"}, If_Match='"2"')
    assert disabled.body["state"] == "disabled"
    assert await mark(town) == "file"
    assert (await local(town, "POST", f"{path}/enable")).body["revision"] == 4
    back = await local(town, "POST", f"{path}/rollback", {"revision": 1})
    assert (back.status, back.body["revision"]) == (200, 5)
    assert await mark(town) in ("first", "file")
    rows = (await local(town, "GET", f"{path}/history")).body["history"]
    assert [row["change"] for row in rows] == ["rolled back", "enabled", "disabled", "changed", "added"]
    assert [row["reason"] for row in rows] == ["", "", "told in the body", "better", ""]
    assert all(row["author"].startswith("admin:") for row in rows)
    difference = (await local(town, "GET", f"{path}/diff?from=1&to=2")).body
    assert {each["member"] for each in difference["members"]} == {"level"}
    assert '+        context.client.attributes["mark"] = "second"' in difference["text"]
    assert SECRET not in json.dumps([rows, difference])


async def test_put_replaces_and_keeps_hidden_values_that_are_null(town: Town) -> None:
    await local(town, "POST", "/scripts", members())
    whole = (await local(town, "GET", members.path)).body
    assert {each["value1"]: each["value2"] for each in whole["configuration_properties"]}["theSecret"] is None
    whole["text"] = GOOD.replace('"MARK"', 'self.secret.getValue2().replace("s3cret", "kept")')
    whole["level"] = -1
    missing = await local(town, "PUT", members.path, whole)
    assert (missing.status, missing.checks) == (428, ["admin.script.match"])
    replaced = await local(town, "PUT", members.path, whole, If_Match='"1"')
    assert replaced.status == 200, replaced
    assert await mark(town) == "kept-value"


@pytest.mark.parametrize(
    ("method", "target", "body", "headers", "status", "check"),
    [
        ("POST", "/scripts", {"name": "x"}, {}, 422, "admin.script.entry"),
        ("POST", "/scripts", {**PLAIN, "type": "no_such", "text": "pass"}, {}, 422, "admin.script.entry"),
        ("POST", "/scripts", {**PLAIN, "text": "x = = 1"}, {}, 422, "admin.script.trial"),
        ("POST", "/scripts", {**PLAIN, "text": "raise SystemExit"}, {}, 422, "admin.script.trial"),
        ("POST", "/scripts", {**PLAIN, "text": good(), "markets": ["nowhere"]}, {}, 422, "admin.script.trial"),
        ("POST", "/scripts", [1], {}, 400, "admin.script.body"),
        ("POST", "/scripts?force_disabled=1", PLAIN, {}, 400, "admin.script.body"),
        ("POST", "/scripts", {"text": "#" * 5 * 1024 * 1024}, {}, 413, "http.size"),
        ("GET", "/scripts/AAAA-0000", None, {}, 404, "admin.script.known"),
        ("DELETE", "/scripts/AAAA-0000", None, {}, 404, "admin.script.known"),
        ("GET", "/scripts/AAAA-0000/history", None, {}, 404, "admin.script.known"),
        ("GET", "/scripts?type=CLIENT_REGISTRATION", None, {}, 400, "admin.query"),
        ("POST", "/scripts/AAAA-0000/enable", {"why": "x"}, {}, 400, "admin.body"),
        ("GET", "/scripts/AAAA-0000/colour", None, {}, 404, "http.path"),
        ("GET", "/scripts/..%2Fclients", None, {}, 404, "http.path"),
        ("GET", "/scriptsx", None, {}, 404, "http.path"),
        ("PUT", "/scripts", PLAIN, {}, 405, "http.method"),
        ("GET", "/scripts?colour=red", None, {}, 400, "admin.query"),
        ("PATCH", "/scripts/AAAA-0000", {}, {"If_Match": "x"}, 400, "admin.script.body"),
    ],
)
async def test_what_is_not_asked_rightly_is_refused(
    town: Town, method: str, target: str, body: Any, headers: dict[str, str], status: int, check: str
) -> None:
    reply = await local(town, method, target, body, **headers)
    assert (reply.status, reply.checks[0]) == (status, check)
    assert SECRET not in json.dumps(reply.body)


async def test_every_fault_of_an_entry_is_told_at_once(town: Town) -> None:
    reply = await local(town, "POST", "/scripts", members(inum="?", name="a b", type="x", level="1"))
    assert reply.status == 422
    reply = await local(town, "POST", "/scripts", members(inum="?", name="a b", type="x"))
    assert len(reply.checks) == 3


async def test_trial_names_the_line_and_stores_nothing(town: Town) -> None:
    reply = await local(town, "POST", "/scripts", members(text="\n\nx = = 1\n"))
    assert "line 3" in reply.body["detail"]
    assert (await local(town, "GET", members.path)).status == 404


async def test_forced_script_is_stored_disabled_and_enabled_only_when_it_works(town: Town) -> None:
    added = await local(town, "POST", "/scripts?force_disabled=true", members(text="x = = 1\n"))
    assert (added.status, added.body["enabled"]) == (201, False)
    refused = await local(town, "POST", f"{members.path}/enable")
    assert (refused.status, refused.checks) == (422, ["admin.script.trial"])
    mended = await local(town, "PATCH", members.path, {"text": good(), "enabled": True})
    assert mended.body["state"].startswith("serving")


async def test_case_that_does_not_hold_keeps_a_change_out(town: Town) -> None:
    case = {"name": "marks", "method": "createClient", "expect": {"changes": {"attributes": {"mark": "first"}}}}
    assert (await local(town, "POST", "/scripts", members(cases=[case], level=-9))).status == 201
    refused = await local(town, "PATCH", members.path, {"text": good("second")})
    assert (refused.status, refused.checks) == (422, ["admin.script.trial"])
    assert await mark(town) == "first"
    told = (await local(town, "POST", f"{members.path}/test")).body
    assert (told["passed"], told["cases"][0]["name"]) == (True, "marks")


async def test_reference_is_resolved_where_it_is_permitted_and_never_told(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPT_MARK", "from the environment")
    monkeypatch.setenv("OTHER_MARK", "not for scripts")
    text = GOOD.replace('"MARK"', "self.secret.getValue2()")
    for reference in ("env:OTHER_MARK", "env:SCRIPT_../OTHER", "file:/etc/hostname", "credential:SCRIPT_X"):
        properties = [{"value1": "theSecret", "value2": reference}]
        refused = await local(town, "POST", "/scripts", members(text=text, configuration_properties=properties))
        assert (refused.status, refused.checks) == (422, ["admin.script.trial"])
        assert reference not in json.dumps(refused.body)
    properties = [{"value1": "theSecret", "value2": "env:SCRIPT_MARK"}]
    added = await local(town, "POST", "/scripts", members(text=text, configuration_properties=properties, level=-9))
    assert added.status == 201, added
    assert "SCRIPT_MARK" not in json.dumps(added.body)
    assert await mark(town) == "from the environment"
    monkeypatch.setenv("SCRIPT_MARK", "rotated")
    await until(lambda: marked(town, "rotated"))
    exported = await local(town, "GET", f"{members.path}/export")
    assert "env:SCRIPT_MARK" in json.dumps(exported.body)


async def test_method_that_the_settings_leave_uncalled_is_told(town: Town) -> None:
    text = good() + "\n    def getDcrJwks(self, context):\n        return ''\n"
    added = await local(town, "POST", "/scripts", members(text=text))
    assert 'getDcrJwks not called: no directory has keys = "script"' in added.body["state"]


async def test_two_who_change_at_once_do_not_overwrite_each_other(town: Town) -> None:
    await local(town, "POST", "/scripts", members())
    replies = await asyncio.gather(
        *(local(town, "PATCH", members.path, {"level": -n}, If_Match='"1"') for n in (2, 3, 4))
    )
    assert sorted(reply.status for reply in replies) == [200, 412, 412]


async def test_names_and_inums_are_one_scripts(town: Town) -> None:
    await local(town, "POST", "/scripts", members())
    for changes in ({}, {"inum": "BBBB-0001"}, {"inum": "BBBB-0001", "name": "of_file"}):
        reply = await local(town, "POST", "/scripts", members(**changes))
        assert (reply.status, reply.checks) == (409, ["admin.script.alone"])


async def test_script_of_a_file_is_shown_and_changed_by_editing_it(town: Town) -> None:
    line = next(each for each in (await local(town, "GET", "/scripts")).body["scripts"] if each["home"] == "file")
    shown = await local(town, "GET", f"/scripts/{line['inum']}")
    assert (shown.status, shown.body["file"]) == (200, str(town.folder / "of_file.py"))
    assert SECRET not in json.dumps(shown.body)
    for method, path, body in (("PATCH", "", {"level": 1}), ("DELETE", "", None), ("POST", "/disable", None)):
        reply = await local(town, method, f"/scripts/{line['inum']}{path}", body)
        assert (reply.status, reply.checks) == (409, ["admin.script.home"])
        assert "of_file.py" in reply.body["detail"]


async def test_edited_file_takes_effect_without_a_restart(town: Town) -> None:
    file = town.folder / "of_file.py"
    await asyncio.to_thread(file.write_text, good("edited"))
    await until(lambda: marked(town, "edited"))
    await asyncio.to_thread(file.write_text, "x = = 1\n")
    await until(lambda: told_of_errors(town))
    errors = (await local(town, "GET", "/scripts/errors")).body["errors"]
    assert "line 1" in errors[0]["what"]
    assert await mark(town) == "edited"
    assert "failed" in (await dcrgw(town, "list")).output
    await asyncio.to_thread(file.write_text, good("file"))
    await until(lambda: marked(town, "file"))


async def test_failure_of_a_call_is_kept_with_its_request(town: Town) -> None:
    raising = good().replace("return True\n\n    def updateClient", "raise ValueError\n\n    def updateClient")
    await local(town, "POST", "/scripts", members(text=raising))
    reply = await town.post(await town.body())
    assert reply.status == 500
    errors = (await local(town, "GET", f"{members.path}/errors")).body["errors"]
    assert errors[0]["interaction_id"] == reply.headers["x-fapi-interaction-id"]
    assert "ValueError" in errors[0]["trace"]
    assert "ValueError" in (await dcrgw(town, "errors", "stored")).output


async def test_commands_lead_through_a_scripts_life(town: Town, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(good("mine"))
    (tmp_path / "mine.cases.toml").write_text('method = "createClient"\n[expect]\noutcome = "passed"\n')
    other = tmp_path / "other.py"
    other.write_text(good("mine"))
    (tmp_path / "other.cases.toml").write_text(
        'description = "told anew"\nmethod = "createClient"\n[expect]\noutcome = "passed"\n'
    )
    steps: list[tuple[tuple[str, ...], str]] = [
        (
            (
                *("add", str(file), "--type", "client_registration", "--mode", "inline", "--level", "-3"),
                *("--property", "a=b", "--hidden", f"theSecret={SECRET}", "--reason", "new"),
            ),
            "is at revision 1: serving",
        ),
        (("list",), "mine"),
        (("show", "mine"), "theSecret = (hidden)"),
        (("update", "mine", "--property", "a=c", "--remove-property", "zzz"), "is at revision 2"),
        (("diff", "mine"), "configuration_properties.a: b -> c"),
        (("disable", "mine"), "is at revision 3: disabled"),
        (("enable", "mine"), "is at revision 4: serving"),
        (("rollback", "mine", "1"), "is at revision 5"),
        (("history", "mine"), "rolled back"),
        (("test", "mine"), "1 of 1 cases hold"),
        (("update", "mine", "--file", str(other)), "is at revision 6"),
        (("diff", "mine"), '+    "description": "told anew"'),
        (("errors",), ""),
        (("export", "mine"), '"scriptType": "CLIENT_REGISTRATION"'),
        (("delete", "mine", "--yes"), "is deleted"),
    ]
    for arguments, expected in steps:
        result = await dcrgw(town, *arguments)
        assert result.exit_code == 0, (arguments, result.output)
        assert expected in result.output
        assert SECRET not in result.output
    assert (await dcrgw(town, "show", "mine")).exit_code == 1
    gone = await dcrgw(town, "history", "mine")
    assert gone.exit_code == 1
    assert "by its inum" in gone.output


async def test_janssens_file_is_imported_and_its_passwords_stay(town: Town, tmp_path: Path) -> None:
    (tmp_path / "Registration.py").write_text(good("janssen"))
    entry = {
        "dn": "inum=DAA9-B788,ou=scripts,o=jans",
        "inum": members.inum,
        "name": "client_registration",
        "script": "_file Registration.py",
        "scriptType": "CLIENT_REGISTRATION",
        "programmingLanguage": "PYTHON",
        "moduleProperties": [{"value1": "location_type", "value2": "ldap", "description": None}],
        "configurationProperties": [{"value1": "keyStorePassword", "value2": SECRET, "hide": False}],
        "level": 100,
        "enabled": True,
        "colour": "red",
    }
    file = tmp_path / "clientregistration.json"
    java = {**entry, "inum": "JAVA-0001", "name": "java", "programmingLanguage": "JAVA"}
    await asyncio.to_thread(file.write_text, json.dumps([entry, java]))
    checked = await dcrgw(None, "import", str(file), "--check")
    assert checked.exit_code == 1
    for told in ("can be imported", "colour", "keyStorePassword", "JAVA"):
        assert told in checked.output
    taken = await dcrgw(town, "import", str(file))
    assert (taken.exit_code, "is at revision 1" in taken.output) == (1, True)
    again = await dcrgw(town, "import", str(file))
    assert "is at revision 2" in again.output
    assert SECRET not in checked.output + taken.output + again.output + history(town)
    exported = await dcrgw(town, "export", "client_registration")
    assert "keyStorePassword" in exported.output
    assert SECRET not in exported.output


@pytest.mark.parametrize("where", ["_file ../elsewhere.py", "_file /etc/hostname", "_file linked.py", "location_path"])
async def test_an_import_reads_only_what_lies_beside_its_file(tmp_path: Path, where: str) -> None:
    (tmp_path / "elsewhere.py").write_text(good())
    folder = tmp_path / "import"
    folder.mkdir()
    (folder / "linked.py").symlink_to(tmp_path / "elsewhere.py")
    at = {"location_type": "file", "location_path": str(tmp_path / "elsewhere.py")} if "_file" not in where else {}
    entry = {
        "name": "client_registration",
        "scriptType": "CLIENT_REGISTRATION",
        "script": where if "_file" in where else None,
        "moduleProperties": [{"value1": name, "value2": value} for name, value in at.items()],
    }
    (folder / "entry.json").write_text(json.dumps(entry))
    result = await dcrgw(None, "import", str(folder / "entry.json"), "--check")
    assert result.exit_code == 1
    assert "can be imported" not in result.output
