"""Every example script is tried on the cases beside it, and has its place in the docs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcrgw.scripting import testing

FOLDER = Path(__file__).parents[2] / "config" / "scripts"
#: What a bank might set, as far from the defaults as may be: the cases hold all the same.
SET = {
    "client_registration": {
        "introspectionScript": "mine",
        "authenticationMethods": "private_key_jwt",
        "scopes": "openid",
        "askDirectory": "false",
        "clientIdFromCertificate": "true",
        "refusedOrganisations": "0015800000TPPAAAA1",
    },
    "scope_by_redirect_host": {"redirectHosts": "other.example", "scope": "openid"},
    "accounts_only": {"scopes": "openid"},
    "id_generator": {"prefix": "BANK"},
    "introspection": {"keepOutOfTokens": "true"},
    "payment_initiation": {"currencies": "CHF", "largestAmount": "1"},
    "account_information": {"longestDays": "1"},
    "recurring_payments": {"largestYearlyAmount": "1"},
}


@pytest.mark.parametrize("name", SET)
def test_every_example_holds_its_cases_whatever_the_bank_sets(name: str) -> None:
    with testing.load(FOLDER / f"{name}.py", properties=SET[name]) as script:
        assert script.entry.cases
        script.check()


def test_every_example_is_tested() -> None:
    assert {file.stem for file in FOLDER.glob("*.py")} == set(SET)
    assert {file.name for file in FOLDER.glob("*.cases.toml")} == {f"{name}.cases.toml" for name in SET}


def test_every_example_is_documented() -> None:
    page = (FOLDER.parents[1] / "docs" / "scripting.md").read_text(encoding="utf-8")
    assert all(f"config/scripts/{name}.py" in page for name in SET)
