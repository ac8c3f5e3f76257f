"""Bundles decided again with other scripts, really run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from compliance_builders import a_document

from dcrgw.cli import main

SCRIPT = """
from dcrgw.scripting.types import ClientRegistrationType


class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        self.tier = configurationAttributes.get("tier")
        return True

    def destroy(self, configurationAttributes):
        return True

    def createClient(self, context):
        BODY
        return True

    def updateClient(self, context):
        return True
"""
MARK = 'context.client.attributes["tier"] = self.tier.getValue2() if self.tier else "known"'
REFUSE = 'context.reject("unapproved_software_statement", "not today")'
WIDEN = "context.client.scope = 'openid accounts payments'"
ASK_HTTP = """
        try:
            context.http.get("https://risk.example/tpp")
        except Exception:
            pass
"""
ASK_STANDING = """
        if not context.directory.standing().is_good:
            context.reject("unapproved_software_statement", "no standing")
"""
LOOP = """
        while True:
            pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a bundle of a registration that no script touched."""
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / "one.bundle.json").write_bytes(a_document())
    return tmp_path


def script(folder: Path, body: str, name: str = "registration") -> Path:
    """A script's file."""
    path = folder / f"{name}.py"
    path.write_text(SCRIPT.replace("BODY", body.strip("\n").lstrip()))
    return path


def replayed(folder: Path, *arguments: object) -> tuple[int, dict]:
    """Exit code and the one result."""
    result = CliRunner().invoke(main, ["replay", str(folder / "bundles"), "--format", "json", *map(str, arguments)])
    assert result.exit_code in (0, 1), result.output
    return result.exit_code, json.loads(result.stdout)


def test_a_script_that_refuses_is_told(folder: Path) -> None:
    code, told = replayed(folder, "--with", script(folder, REFUSE))
    assert (code, told["before"], told["after"]) == (1, "registered", "refused")
    assert "script.consent" in {each["check"] for each in told["checks"] if each["after"] == "failed"}


def test_what_a_script_stores_is_told_although_the_decision_is_the_same(folder: Path) -> None:
    code, told = replayed(folder, "--with", script(folder, MARK), "--property", "tier=gold")
    assert (code, told["before"], told["after"]) == (1, "registered", "registered")
    assert told["stored"] == [{"member": "attributes.tier", "before": "", "after": '"gold"'}]


def test_a_script_that_changes_nothing_is_the_same(folder: Path) -> None:
    code, told = replayed(folder, "--with", script(folder, "pass"))
    assert (code, told["after"], told["stored"]) == (0, "registered", [])


def test_what_the_recording_holds_is_answered(folder: Path) -> None:
    code, told = replayed(folder, "--with", script(folder, ASK_STANDING))
    assert (code, told["after"]) == (0, "registered")


def test_a_question_that_the_recording_does_not_hold_is_unknown_even_where_the_script_goes_on(folder: Path) -> None:
    code, told = replayed(folder, "--with", script(folder, ASK_HTTP))
    assert (code, told["before"], told["after"]) == (1, "registered", "unknown")
    assert "http.get" in told["why"]


def test_two_scripts_are_compared_with_each_other(folder: Path) -> None:
    one, other = script(folder, MARK, "one"), script(folder, MARK.replace("known", "new"), "other")
    code, told = replayed(folder, "--compare", one, other)
    assert (code, told["stored"]) == (1, [{"member": "attributes.tier", "before": '"known"', "after": '"new"'}])
    assert replayed(folder, "--compare", one, one)[0] == 0


def test_a_manifest_s_scripts_run_in_their_order(folder: Path) -> None:
    script(folder, REFUSE, "second")
    script(folder, MARK, "first")
    manifest = folder / "manifest.toml"
    tables = [
        f'[[script]]\ntype = "client_registration"\nname = "{name}"\nfile = "{name}.py"\nlevel = {level}\n'
        for name, level in (("first", 9), ("second", 1))
    ]
    manifest.write_text("".join(tables))
    assert replayed(folder, "--with", manifest)[1]["after"] == "refused"
    # The edited file takes the place of the manifest's of its name.
    mended = folder / "mended"
    mended.mkdir()
    edited = script(mended, "pass", "second")
    code, told = replayed(folder, "--with", manifest, "--with", edited)
    assert (code, told["after"], [each["member"] for each in told["stored"]]) == (1, "registered", ["attributes.tier"])


def test_without_scripts_nothing_of_the_bank_is_asked(folder: Path) -> None:
    assert replayed(folder, "--with", "script=none")[1]["after"] == "registered"
    assert replayed(folder, "--with", script(folder, REFUSE), "--with", "script=recorded")[0] == 0


def test_another_trust_store_trusts_nobody_here(folder: Path) -> None:
    samples = Path("dcrgw/scripting/samples")
    store = next(each for each in samples.iterdir() if each.suffix == ".pem")
    code, told = replayed(folder, "--with", f"trust={store}")
    assert (code, told["after"]) == (1, "refused")
    assert "tls.path.anchored" in {each["check"] for each in told["checks"]}


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("nothing.py", "cannot be read"),
        ("nowhere.toml", "cannot be read"),
        ("trust=nowhere.pem", "nowhere.pem"),
        ("script=registration@x", "NAME@REVISION"),
        ("trust", "KIND=VALUE"),
    ],
)
def test_rules_that_are_none_end_with_what_to_write(folder: Path, rules: str, says: str) -> None:
    result = CliRunner().invoke(main, ["replay", str(folder / "bundles"), "--with", rules])
    assert result.exit_code == 2
    assert says in result.output


def test_a_script_that_does_not_load_ends_the_run(folder: Path) -> None:
    path = folder / "broken.py"
    path.write_text("class ClientRegistration(\n")
    result = CliRunner().invoke(main, ["replay", str(folder / "bundles"), "--with", str(path)])
    assert result.exit_code == 2
    assert "broken.py" in result.output
