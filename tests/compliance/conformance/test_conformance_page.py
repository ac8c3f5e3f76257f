"""The page of a run: which clauses are met, every case with what went over the wire, and nothing that acts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from html_reading import Element, read
from odd_banks import SECRET, TOKEN, Credulous, played

from dcrgw.compliance.conformance import loading
from dcrgw.compliance.conformance.page import clauses_of, page_of_run, standard_of
from dcrgw.compliance.conformance.playing import Played
from dcrgw.compliance.conformance.telling import VERDICTS, Run

PACK = "obuk-3.2"
RFC = ("RFC 7591 section 2", "RFC 7591 section 5")
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>\u202e{{ 7*7 }}'


def run_of(cases: list[Played], against: str = "https://bank.example/register") -> Run:
    return Run(loading.load(PACK), against, 1_795_000_000.0, cases=cases)


def page_of(cases: list[Played]) -> Element:
    return read(page_of_run(run_of(cases)).encode())


def classes(element: Element) -> list[str]:
    return (element.attributes.get("class") or "").split()


def shown_cases(page: Element) -> dict[str, Element]:
    found = [each for each in page.all("details") if "case" in classes(each)]
    return {next(each.text for each in case.all("span") if "id" in classes(each)): case for case in found}


async def test_every_case_is_there_with_clause_and_both_sides(tmp_path: Path) -> None:
    cases = await played(Credulous(), tmp_path, PACK, "claims.exp.past", "manage.delete", "statement.expired")
    shown = shown_cases(page_of(cases))
    assert list(shown) == [each.id for each in cases]
    wrong = shown["claims.exp.past"].text
    for word in ("RFC 7519 section 4.1.4", "status 201 is not 400", '"exp":', "POST", "201", "must"):
        assert word in wrong
    assert "this needs hook.statements" in shown["statement.expired"].text


async def test_what_the_standard_allows_is_told_in_words(tmp_path: Path) -> None:
    (case,) = await played(Credulous(), tmp_path, PACK, "claims.exp.past")
    rules = [rule for exchange in case.exchanges for one in exchange.allowed for rule in one.rules]
    assert rules[0] == "status 400"
    assert any(rule.startswith("error invalid_client_metadata, invalid_software_statement") for rule in rules)
    assert all(rule in shown_cases(page_of([case]))[case.id].text for rule in rules)


async def test_the_matrix_counts_every_case_under_each_of_its_clauses(tmp_path: Path) -> None:
    cases = await played(Credulous(), tmp_path, PACK, "claims", "jws")
    page = page_of(cases)
    (table,) = page.all("table")
    counted = [int(each.text) for each in table.all("td") if "count" in classes(each) and each.text]
    assert sum(counted) == sum(len(clauses_of(each.clause)) for each in cases)
    places = {each.attributes["id"] for each in page.all("div") if "id" in each.attributes}
    links = {(each.attributes["href"] or "").removeprefix("#") for each in table.all("a")}
    assert links
    assert links <= places


async def test_it_is_filtered_by_the_verdicts_that_came_and_without_a_script(tmp_path: Path) -> None:
    cases = await played(Credulous(), tmp_path, PACK, "claims", "statement.expired")
    page = page_of(cases)
    came = {each.verdict for each in cases}
    assert len(came) > 1
    assert {each.attributes["id"] for each in page.all("input")} == {f"show-{each}" for each in {"all", *came}}
    assert {each.attributes["for"] for each in page.all("label")} == {f"show-{each}" for each in {"all", *came}}


async def test_it_loads_nothing_runs_nothing_and_tells_no_secret(tmp_path: Path) -> None:
    text = page_of_run(run_of(await played(Credulous(), tmp_path, PACK, "manage", "register")))
    page = read(text.encode())
    assert not [each.tag for each in page.all("script", "img", "iframe", "object", "link", "form", "base")]
    for element in page.all():
        assert not [name for name in element.attributes if name.startswith("on") or name in ("src", "srcset")]
        assert (element.attributes.get("href") or "#").startswith("#")
    policies = [each.attributes["content"] or "" for each in page.all("meta") if "http-equiv" in each.attributes]
    assert policies[0].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert [secret for secret in (SECRET, TOKEN, "PRIVATE KEY") if secret in text] == []


async def test_what_a_bank_wrote_is_text(tmp_path: Path) -> None:
    (case,) = await played(Credulous(), tmp_path, PACK, "claims.exp.past")
    for exchange in case.exchanges:
        exchange.received = {"status": EVIL, "ms": EVIL, "headers": {EVIL: EVIL}, "body": {EVIL: [EVIL]}}
        exchange.trouble, exchange.do = EVIL, EVIL
        exchange.sent = dict.fromkeys(exchange.sent, EVIL)
        exchange.allowed = tuple(
            replace(each, name=EVIL, differences=(EVIL,), rules=(EVIL,)) for each in exchange.allowed
        )
    case.id = case.title = case.clause = case.reason = EVIL
    case.left_behind = [EVIL]
    text = page_of_run(run_of([case], against=EVIL))
    page = read(text.encode())
    assert not list(page.all("script", "img"))
    assert "\u202e" not in text
    assert "{{ 7*7 }}" in page.text


def test_no_case_and_no_known_bank_make_a_page_too() -> None:
    assert "No case was played" in page_of([]).text


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("RFC 7591 section 2; section 5; RFC 7515 section 5.2", (*RFC, "RFC 7515 section 5.2")),
        ("OB UK DCR, OBClientRegistrationRequest1, exp", ("OB UK DCR, OBClientRegistrationRequest1, exp",)),
        ("-", ("-",)),
        ("", ()),
    ],
)  # fmt: skip
def test_a_clause_without_a_standard_is_of_the_one_before(text: str, clauses: tuple[str, ...]) -> None:
    assert clauses_of(text) == clauses


def test_the_standard_stands_before_section_comma_or_colon() -> None:
    assert standard_of("FAPI 1.0 Advanced section 5.2.2") == "FAPI 1.0 Advanced"
    assert standard_of("CDR DCR: one registration of a software product") == "CDR DCR"
    assert standard_of("OB UK DCR, redirect_uris: https, and not localhost") == "OB UK DCR"


@pytest.mark.parametrize("name", loading.names())
def test_every_case_of_a_pack_has_a_clause_of_a_standard(name: str) -> None:
    pack = loading.load(name)
    for case in pack.case:
        clause = case.clause
        for value, text in pack.values.items():
            clause = clause.replace(f"${{values.{value}}}", str(text))
        assert [each for each in clauses_of(clause) if len(standard_of(each)) < 3] == [], (name, case.id)


def test_all_verdicts_are_explained() -> None:
    text = page_of([]).text
    assert all(verdict in text for verdict in VERDICTS)
