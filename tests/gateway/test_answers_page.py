"""docs/answers.md says what the tests of this folder prove, and nothing else."""

from __future__ import annotations

import tomllib

import answers_page

from dcrgw.core.checks import CATALOGUE


def test_the_page_is_made_of_the_tables() -> None:
    assert (answers_page.DOCS / "answers.md").read_text() == answers_page.render(), "run `make docs`"


def test_codes_and_statuses_of_the_tables_are_those_of_the_checks() -> None:
    for wrong in answers_page.wrongs():
        first = CATALOGUE[wrong.checks[0]]
        assert (wrong.status, wrong.error) == (first.status, first.code), wrong


def test_every_fix_is_for_a_check_that_there_is() -> None:
    names = {each.partition(".")[2] if ".jws." in each else each for each in CATALOGUE}
    fixes = tomllib.loads((answers_page.DOCS / "fixes.toml").read_text())
    assert fixes.keys() <= names


def test_every_check_of_a_registrations_content_is_on_the_page() -> None:
    elsewhere = {
        "statement.jti.present",  # no shipped profile takes a statement once only
        "rules.identity.kind",  # needs a certificate of another kind
        "rules.jwks.certificate",  # needs a market that offers self-signed certificates
        "rules.scope.certified",  # a bank's own policy, which no shipped market has
    }
    content = {each for each in CATALOGUE if each.startswith(("statement.", "request.", "rules."))}
    assert content - elsewhere == content & set(answers_page.checks())
