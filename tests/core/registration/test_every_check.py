"""Every check of the room has a story that passes it and one that fails it; a new check without both fails here."""

from __future__ import annotations

import sys

import pytest
from registration_cases import CASES
from registration_pipeline import Story, play

from dcrgw.core.checks import CATALOGUE, Check, Gate, Verdict
from dcrgw.core.registration.rules import RULES
from dcrgw.core.registration.tokens import TokenGates


def declared() -> set[str]:
    """The checks that the modules of the room hold, whatever other rooms call theirs."""
    found: set[str] = set()
    for name, module in list(sys.modules.items()):
        # An update's own checks need a client that is there already: test_update.py has their stories.
        # So do those of revoked keys, which other flows ask too: tests/gateway/test_revoked_certificates.py has them.
        if not name.startswith("dcrgw.core.registration") or name.endswith((".update", ".revoked_keys")):
            continue
        for value in vars(module).values():
            if isinstance(value, Gate):
                found.add(value.id)
            elif isinstance(value, TokenGates):
                found |= {entry.id for entry in value.gates.values()}
    return found


def test_the_table_knows_every_check_of_the_room_and_no_other() -> None:
    assert set(CASES) == declared()


def test_every_rule_of_the_room_is_among_the_rules_that_run() -> None:
    themes = {name for name in declared() if isinstance(CATALOGUE[name], Check)}
    assert themes == {rule.id for rule in RULES}


def test_a_good_registration_passes_every_stage() -> None:
    ending = play(Story())
    assert ending.failed == {}
    assert ending.metadata is not None


@pytest.mark.parametrize("check_id", sorted(CASES))
def test_check_passes_the_story_that_keeps_it(check_id: str) -> None:
    ending = play(CASES[check_id].passing)
    assert ending.failed == {}
    assert ending.verdicts[check_id] is Verdict.PASSED


@pytest.mark.parametrize("check_id", sorted(CASES))
def test_check_fails_the_story_that_breaks_it(check_id: str) -> None:
    ending = play(CASES[check_id].failing)
    finding = ending.failed[check_id]
    assert finding.fault.code is CASES[check_id].code
    assert finding.fault.status == CATALOGUE[check_id].status
    assert finding.description
    assert ending.metadata is None
