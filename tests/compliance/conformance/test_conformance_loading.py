"""Packs are read whole, or refused with the place of the fault; the shipped ones are sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcrgw.compliance.conformance import loading
from dcrgw.compliance.conformance.loading import PackUnusable
from dcrgw.core.checks import CATALOGUE

HEAD = 'format = 1\nid = "own"\ntitle = "A bank\'s own"\nextends = ["rfc7591"]\n'
CASE = '[[case]]\nid = "own.case"\ntitle = "T"\nclause = "C"\nsteps = [{ do = "register", expect = ["refused"] }]\n'


def own(folder: Path, text: str) -> str:
    path = folder / "own.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", loading.names())
def test_each_case_of_a_shipped_pack_cites_a_clause_and_knows_no_check_of_ours(name: str) -> None:
    pack = loading.load(name)
    assert len({case.id for case in pack.case}) == len(pack.case)
    for case in pack.case:
        assert len(case.clause) > 3
        assert not [check for check in CATALOGUE if check in str(case.steps)]


def test_a_bank_extends_a_shipped_pack_by_its_own(tmp_path: Path) -> None:
    pack = loading.load(own(tmp_path, HEAD + 'leave_out = ["rfc7591.least"]\n' + CASE))
    ids = [case.id for case in pack.case]
    assert "own.case" in ids
    assert "rfc7591.least" not in ids
    assert "register.each-method" in ids


def test_a_case_of_the_same_id_takes_the_place_of_the_inherited_one(tmp_path: Path) -> None:
    pack = loading.load(own(tmp_path, HEAD + CASE.replace("own.case", "rfc7591.least")))
    assert [case.title for case in pack.case if case.id == "rfc7591.least"] == ["T"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("format = 1", "id"),
        ("no toml at all", "own"),
        (HEAD + 'colour = "red"\n', "colour"),
        (HEAD + CASE.replace('"register"', '"dance"'), "steps"),
        (HEAD + CASE.replace('"refused"', '"applause"'), "applause"),
        (HEAD + CASE.replace('do = "register"', 'do = "register", claims = { iss = "${tp.x}" }'), "tp.x"),
        (HEAD + CASE.replace('do = "register"', 'do = "register", at_once = true'), "at_once"),
        (HEAD + 'leave_out = ["no.such.case"]\n', "no.such.case"),
        (HEAD.replace("rfc7591", "own"), "itself"),
        (HEAD.replace("rfc7591", "nowhere"), "nowhere"),
        (HEAD.replace("format = 1", "format = 2"), "format"),
    ],
)
def test_a_faulty_pack_is_refused_by_the_place_of_its_fault(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(PackUnusable, match=place):
        loading.load(own(tmp_path, text))


def test_a_pack_that_there_is_not_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(PackUnusable, match="br-of"):
        loading.load("atlantis")
