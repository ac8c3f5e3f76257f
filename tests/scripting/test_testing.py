"""The bench for authors from pytest: what docs/managing-scripts.md shows, and what it promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scripting_builders import body, source

from dcrgw.core.certificates.identity import CertificateKind
from dcrgw.core.scripts.cases import read_case
from dcrgw.core.scripts.types import TYPES
from dcrgw.errors import Misconfigured
from dcrgw.scripting import samples
from dcrgw.scripting.testing import load, made_cases, type_of

EXAMPLE = Path(__file__).parents[2] / "config/scripts/client_registration.py"

MARKS = """
if context.identity.kind == 'obwac':
    context.reject('invalid_client_metadata', 'no such certificates')
if not context.software_statement:
    return False
print('hello', context.identity.common_name)
context.client.attributes['roles'] = sorted(context.software_statement.software_roles)
return True
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(source(body(MARKS)))
    return path


def test_run_tells_outcome_changes_and_log(script: Path) -> None:
    with load(script) as loaded:
        run = loaded.run("createClient", statement={"software_roles": ["CBPII"]})
        assert (run.outcome, run.returned) == ("passed", True)
        assert run.changes == {"attributes": {"roles": ["CBPII"]}}
        assert samples.SOFTWARE_ID in run.printed
        refused = loaded.run("createClient", certificate={"kind": "obwac"})
        assert refused.outcome == "refused"
        assert refused.refusal is not None
        assert refused.refusal["error"] == "invalid_client_metadata"
        assert loaded.run("createClient", statement=False).outcome == "refused"


async def test_run_works_where_a_loop_is_running(script: Path) -> None:
    with load(script) as loaded:
        assert loaded.run("createClient").outcome == "passed"


def test_every_case_beside_a_script_is_checked(script: Path) -> None:
    folder = script.with_name("mine.cases")
    folder.mkdir()
    (folder / "right.toml").write_text(
        'method = "createClient"\n[expect.changes.attributes]\nroles = ["AISP", "PISP"]\n'
    )
    (folder / "notes.txt").write_text("no case")
    with load(script) as loaded:
        assert [case.name for case in loaded.cases] == ["right"]
        assert len(loaded.check().runs) == 1
    (folder / "wrong.json").write_text('{"method": "createClient", "expect": {"changes": {}}}')
    with load(script) as loaded, pytest.raises(AssertionError, match="wrong"):
        loaded.check()


def test_several_cases_in_one_file_have_names(script: Path) -> None:
    cases = '[[case]]\nmethod = "createClient"\n[[case]]\nname = "own"\nmethod = "updateClient"\n'
    script.with_name("mine.cases.toml").write_text(cases)
    with load(script) as loaded:
        assert [case.name for case in loaded.cases] == ["mine.cases 1", "own"]
        loaded.check()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mine.cases.toml", "method = "),
        ("mine.cases.json", "{"),
        ("mine.cases.json", "5"),
        ("mine.cases.toml", "colour = 1"),
        ("mine.cases.toml", 'method = "createClient"\n[certificate]\nfile = "nowhere.pem"'),
    ],
)
def test_case_file_that_is_none_is_named(script: Path, name: str, content: str) -> None:
    script.with_name(name).write_text(content)
    with pytest.raises(Misconfigured, match=r"cases|nowhere"):
        load(script)


def test_certificate_may_be_a_file_beside_the_case(script: Path) -> None:
    pem = (Path(samples.__file__).parent / "qwac.pem").read_text()
    script.with_name("bank.pem").write_text(pem)
    script.with_name("mine.cases.toml").write_text('method = "createClient"\n[certificate]\nfile = "bank.pem"\n')
    with load(script) as loaded:
        run = loaded.check().runs[0]
        assert run.facts["identity"]["kind"] == "qwac"  # type: ignore[index,call-overload]


def test_properties_of_a_case_make_a_generation_of_its_own() -> None:
    with load(EXAMPLE, properties={"introspectionScript": "a"}) as loaded:
        first = loaded.run("createClient")
        other = loaded.run("createClient", properties={"introspectionScript": "b"})
        bad = loaded.run("createClient", certificate={"kind": "no such"})
    assert first.changes["attributes"]["introspection_scripts"] == ["a"]  # type: ignore[index,call-overload]
    assert other.changes["attributes"]["introspection_scripts"] == ["b"]  # type: ignore[index,call-overload]
    assert bad.outcome == "failed"


def test_directory_answers_as_the_case_says(tmp_path: Path) -> None:
    path = tmp_path / "asking.py"
    path.write_text(source(body("return context.directory.standing().is_good")))
    with load(path) as loaded:
        assert loaded.run("createClient").outcome == "passed"
        inactive: dict[str, Any] = {"directory.standing": {"software_active": False}}
        assert loaded.run("createClient", answers=inactive).outcome == "refused"
        down: dict[str, Any] = {"directory.standing": {"fails": "down"}}
        assert loaded.run("createClient", answers=down).outcome == "failed"


def test_method_that_a_script_has_not_is_told(script: Path) -> None:
    with load(script) as loaded:
        assert "has no getDcrJwks" in loaded.run("getDcrJwks").problems[0]
        assert "no method of the type" in loaded.run("colour").problems[0]


def test_script_that_does_not_load_says_where(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("\nx = = 1\n")
    with pytest.raises(Misconfigured, match="line 2"), load(path):
        pass


def test_type_is_told_by_the_class() -> None:
    for type_ in TYPES.values():
        assert TYPES[type_of(f"class {type_.class_name}: ...")].class_name == type_.class_name
    assert type_of("x = = 1") == "client_registration"


def test_cases_are_made_for_every_method_of_every_type() -> None:
    for type_ in TYPES.values():
        made = made_cases(type_.id, frozenset(method.name for method in type_.methods))
        assert {case.method for case in made} == {method.name for method in type_.methods}


@pytest.mark.parametrize("kind", samples.KINDS)
def test_sample_certificates_are_what_they_are_called(kind: str) -> None:
    call = samples.call_of(read_case({"method": "createClient", "certificate": {"kind": kind}}, "x"))
    assert call.identity.kind is CertificateKind(kind)
    assert call.metadata.text("tls_client_auth_subject_dn") == call.identity.subject_dn
