"""The page for authors is true: its first script loads, holds its cases, and is told as the page shows."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from dcrgw.cli import main
from dcrgw.scripting import contexts, testing
from dcrgw.scripting.registration_context import DynamicClientRegistrationContext

PAGE = (Path(__file__).parents[2] / "docs" / "scripting.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"^   ```{language}\n(.*?)^   ```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return dedent(found[1])


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "budget.py"
    file.write_text(block("python"))
    (tmp_path / "budget.cases.toml").write_text(block("toml"))
    return file


def test_first_script_holds_its_cases(script: Path) -> None:
    with testing.load(script, properties={"hosts": "tpp.example"}) as loaded:
        loaded.check()


def test_bench_says_what_the_page_shows(script: Path) -> None:
    command, *shown = block("console").splitlines()
    arguments = command.removeprefix("$ dcrgw ").replace("budget.py", str(script)).split()
    told = CliRunner().invoke(main, arguments)
    assert told.exit_code == 0, told.output

    def timeless(lines: list[str]) -> list[str]:
        return [re.sub(r"in [\d.]+ ms", "in T ms", line).rstrip() for line in lines]

    assert timeless(told.output.splitlines()) == timeless(shown)


def test_every_method_of_a_context_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(?:context\.)?(get[A-Z]\w+|isInNetwork|createWeb\w+|throwWeb\w+|validateSSA)\(", PAGE))
    known = {
        name
        for each in (DynamicClientRegistrationContext, contexts.IntrospectionContext, contexts.HttpRequest)
        for name in dir(each)
    }
    known |= set(dir(contexts.RegisterRequest)) | {"getValue2", "getClient"}
    assert named
    assert named - known == set()
