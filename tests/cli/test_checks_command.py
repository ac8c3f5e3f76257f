"""`dcrgw checks`: the catalogue for whoever met an id."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from dcrgw.cli import main
from dcrgw.core.checks import CATALOGUE


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["checks", *words])


def test_every_check_is_listed_with_its_sentence() -> None:
    listed = json.loads(run("list", "--json").output)
    assert {each["check"]: each["rule"] for each in listed} == {each.id: each.sentence for each in CATALOGUE.values()}


def test_a_stage_is_listed_alone() -> None:
    listed = json.loads(run("list", "--stage", "rules.scope", "--json").output)
    assert listed
    assert all(each["check"].startswith("rules.scope.") for each in listed)
    assert run("list", "--stage", "rules.scop").exit_code == 1


def test_a_check_is_shown_with_what_passes_and_what_fails() -> None:
    shown = json.loads(run("show", "rules.redirect_uris.subset", "--json").output)
    assert shown["fails"]
    assert shown["passes"]
    assert shown["fix"]
    assert "obuk-3.2" in shown["profiles"]
    assert run("show", "rules.redirect_uris.subset").exit_code == 0


def test_no_check_lacks_an_example_of_either_kind_or_a_clause() -> None:
    """A new check needs a line in docs/examples.toml."""
    listed = json.loads(run("list", "--json").output)
    assert len(listed) == len(CATALOGUE) > 300
    assert [each["check"] for each in listed if not (each["passes"] and each["fails"])] == []
    assert [each["check"] for each in listed if not (each["spec"] and each["rule"] and each["error"])] == []


def test_every_check_names_the_profiles_that_use_it() -> None:
    listed = {each["check"]: each["profiles"] for each in json.loads(run("list", "--json").output)}
    # No shipped profile compares the roles in certificates; a market of a bank's own may.
    assert [check for check, profiles in listed.items() if not profiles] == ["rules.scope.certified"]
    assert listed["request.jws.signature"] == ["au-cdr", "obuk-3.1", "obuk-3.2", "obuk-3.3", "obuk-3.4"]
    assert listed["management.token.scope"] == ["au-cdr"]
    assert "br-of" in listed["rules.jwks.by_value"]


def test_a_check_that_no_shipped_profile_uses_says_so() -> None:
    assert "no profile as shipped" in run("show", "rules.scope.certified").output


def test_every_refusal_that_the_tables_post_has_an_example_and_a_fix() -> None:
    listed = {each["check"]: each for each in json.loads(run("list", "--json").output)}
    with_examples = [each for each in listed.values() if any(one["error"] for one in each["fails"])]
    assert len(with_examples) > 80
    assert [each["check"] for each in with_examples if not each["fix"]] == []


def test_an_unknown_check_is_told_with_its_neighbours() -> None:
    ended = run("show", "statement.exp")
    assert ended.exit_code == 1
    assert "statement.exp.past" in ended.output
