"""`dcrgw scripts test` and `import --check` with no gateway anywhere: outcome, changes, log, exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dcrgw.cli import main

EXAMPLE = str(Path(__file__).parents[2] / "config/scripts/client_registration.py")
RAISING = """
from dcrgw.scripting.types import ClientRegistrationType

class ClientRegistration(ClientRegistrationType):
    def init(self, customScript, configurationAttributes):
        print("init speaks")
        return True
    def destroy(self, configurationAttributes):
        return True
    def createClient(self, context):
        print("hello")
        STATEMENT
        return True
    def updateClient(self, context):
        return False
"""


def dcrgw(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["scripts", *arguments])


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(RAISING.replace("STATEMENT", "raise ValueError"))
    return path


@pytest.mark.parametrize("mode", [(), ("--worker",)])
def test_script_without_cases_is_tried_on_made_ones(mode: tuple[str, ...], tmp_path: Path) -> None:
    alone = tmp_path / "alone.py"
    alone.write_text(Path(EXAMPLE).read_text())
    result = dcrgw("test", str(alone), "--property", "introspectionScript=intro", *mode)
    assert result.exit_code == 0, result.output
    assert "+ attributes.trusted: true" in result.output
    assert "9 of 9 cases hold" in result.output


def test_property_that_init_misses_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    text = RAISING.replace("STATEMENT", "pass")
    path.write_text(text.replace('print("init speaks")', 'configurationAttributes.get("hosts").getValue2()'))
    result = dcrgw("test", str(path))
    assert result.exit_code == 1
    assert "properties that are not set: hosts" in result.output
    assert "AttributeError: 'NoneType'" in result.stderr
    assert "not set" not in dcrgw("test", str(path), "--property", "hosts=a").output


def test_file_without_a_script_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text('{"entries": []}')
    assert dcrgw("import", str(tmp_path / "none.json"), "--check").exit_code == 1


def test_named_folder_of_cases_must_be_one(script: Path, tmp_path: Path) -> None:
    assert "is no folder" in dcrgw("test", str(script), "--cases", str(tmp_path / "none")).output


def test_failing_case_is_told_with_its_log_and_trace(script: Path) -> None:
    result = dcrgw("test", str(script))
    assert result.exit_code == 1
    for told in ("FAIL  createClient", "log: hello", "line 12", "ValueError", "refused in"):
        assert told in result.output


def test_json_is_json_whatever_init_prints(script: Path) -> None:
    result = dcrgw("test", str(script), "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["passed"]) == (1, False)
    assert {case["outcome"] for case in told["cases"]} == {"failed", "refused"}


def test_cases_may_lie_elsewhere(script: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "one.toml").write_text('method = "updateClient"\n[expect]\noutcome = "refused"\n')
    result = dcrgw("test", str(script), "--cases", str(folder))
    assert (result.exit_code, "1 of 1 cases hold" in result.output) == (0, True)


def test_script_that_does_not_load_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("x = = 1\n")
    result = dcrgw("test", str(path))
    assert (result.exit_code, "line 1" in result.output) == (1, True)
    assert dcrgw("test", str(tmp_path / "nowhere.py")).exit_code == 1


def test_breakpoint_stops_in_the_script(script: Path) -> None:
    script.write_text(RAISING.replace("STATEMENT", "breakpoint()"))
    script.with_name("mine.cases.toml").write_text('method = "createClient"\n')
    command = [sys.executable, "-m", "dcrgw", "scripts", "test", str(script), "--debug"]
    done = subprocess.run(
        command, input="p context.market\nc\n", capture_output=True, text=True, timeout=120, check=False
    )
    assert "(Pdb) 'sample'" in done.stdout
    assert done.returncode == 0, done.stdout + done.stderr


def test_import_is_checked_without_a_gateway(tmp_path: Path) -> None:
    (tmp_path / "Registration.py").write_text("pass\n")
    entry = {
        "name": "client_registration",
        "script": "_file Registration.py",
        "scriptType": "CLIENT_REGISTRATION",
        "programmingLanguage": "PYTHON",
        "configurationProperties": [{"value1": "keyStorePassword", "value2": "s3cret", "hide": False}],
    }
    file = tmp_path / "entries.json"
    file.write_text(json.dumps({"entries": [entry, {**entry, "script": "_file nowhere.py"}]}))
    result = dcrgw("import", str(file), "--check")
    assert result.exit_code == 1
    assert "can be imported" in result.output
    assert "nowhere.py" in result.output
    assert "s3cret" not in result.output
    file.write_text("[")
    assert dcrgw("import", str(file), "--check").exit_code == 1


def test_file_is_exported_without_a_gateway(script: Path) -> None:
    exported = json.loads(dcrgw("export", "--file", str(script)).stdout)
    assert (exported["name"], exported["scriptType"]) == ("mine", "CLIENT_REGISTRATION")
    assert exported["script"] == script.read_text()
