"""The page explains a decision to whoever opens it, and does nothing that a stranger wrote into it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dcrgw.cli.explain import told
from dcrgw.compliance import bundle as bundles
from dcrgw.compliance import sources
from dcrgw.compliance.bundle import Bundle
from dcrgw.compliance.html import page_of_bundle, page_of_results
from dcrgw.compliance.keeping import told_of_bundle
from dcrgw.compliance.naming import Naming
from dcrgw.compliance.run import Result, Tally, compared
from dcrgw.compliance.settings import deciding
from dcrgw.core.jose import base64url

GOLDEN = Path(__file__).parent / "golden" / "v2"
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>\u202e{{ 7*7 }}'


class Seen(HTMLParser):
    """What a page holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def golden(name: str) -> Bundle:
    return bundles.read((GOLDEN / f"{name}.bundle.json").read_bytes())


def results() -> tuple[list[Result], Tally]:
    """A run over the golden bundles by another profile."""

    async def run() -> list[Result]:
        found = sources.bundles_of(sorted(GOLDEN.glob("*.json")))
        async with deciding(Naming(0).rules(["obuk-3.4"])) as after:
            return [each async for each in compared(found, None, after)]

    tally, found = Tally(), asyncio.run(run())
    for each in found:
        tally.count(each)
    return found, tally


def test_a_refusal_is_explained() -> None:
    text = Seen(page_of_bundle(golden("standing-refused"))).text
    for word in (
        "refused",
        "standing.organisation.active",
        "OB Directory API",
        "directories.standing",
        "software_roles",
    ):
        assert word in text


def test_why_stands_before_everything_else() -> None:
    text = Seen(page_of_bundle(golden("standing-refused"))).text
    why, proven = text.index("Why"), text.index("What was proven")
    for word in ("asked market uk-3.2 to register a client", "The decision: refused", "unapproved_software_statement"):
        assert text.index(word) < why
    for word in ("The rule: ", "To do: ", "standing.organisation.active"):
        assert why < text.index(word) < proven
    assert "Why" not in Seen(page_of_bundle(golden("registered"))).text


def test_a_certificate_is_told_in_words() -> None:
    text = Seen(page_of_bundle(golden("registered"))).text
    assert "digital signature" in text
    assert "no authority" in text
    assert "key_identifier" not in text
    assert "DistributionPoint(" not in text


def test_what_decided_and_how_long_it_took_is_told() -> None:
    bundle = bundles.read((GOLDEN.parent / "v4/registered.bundle.json").read_bytes())
    page = Seen(page_of_bundle(bundle)).text
    lines = "\n".join(line for line, _ in told(told_of_bundle(bundle).told()))
    for shown in (page, lines):
        for name, generation in bundle.generations.items():
            assert name in shown
            assert generation in shown
        for each in bundle.timings:
            assert each.what in shown
            assert ", ".join(each.stages) in shown


def test_a_run_is_one_page_with_a_matrix() -> None:
    found, tally = results()
    page = Seen(page_of_results(found, tally))
    assert tally.sentence in page.text
    assert "Checks that refused" in page.text


@pytest.mark.parametrize("page", [page_of_bundle(golden("registered")), page_of_results(*results())])
def test_the_page_loads_and_runs_nothing(page: str) -> None:
    seen = Seen(page)
    assert not {tag for tag, _ in seen.tags} & {"script", "img", "iframe", "object", "link", "form", "base"}
    assert not [name for _, attributes in seen.tags for name in attributes if name.startswith("on") or name == "src"]
    assert all((each["href"] or "").startswith("#decision-") for _, each in seen.tags if "href" in each)
    policies = [each["content"] for tag, each in seen.tags if tag == "meta" and "http-equiv" in each]
    assert policies
    assert policies[0].startswith("default-src 'none'")


def test_what_strangers_wrote_is_text() -> None:
    good = golden("registered")
    claims = {"iss": EVIL, EVIL: EVIL, "software_statement": EVIL}
    token = ".".join(base64url.encode(json.dumps(part).encode()) for part in ({"alg": EVIL}, claims)) + ".AAAA"
    arrival = replace(good.arrival, body=token.encode(), media_type=EVIL)
    findings = (("rules.scope.known", "failed", EVIL, EVIL), (EVIL, "failed", EVIL, EVIL))
    decided = replace(good.decided, facts={EVIL: EVIL}, brief=findings, decision=EVIL)
    page = page_of_bundle(replace(good, arrival=arrival, decided=decided, interaction_id=EVIL))
    seen = Seen(page)
    assert "script" not in {tag for tag, _ in seen.tags}
    assert "img" not in {tag for tag, _ in seen.tags}
    assert "\u202e" not in page
    assert "{{ 7*7 }}" in seen.text


def test_the_filter_needs_no_script() -> None:
    seen = Seen(page_of_bundle(golden("registered")))
    radios = {each["id"] for tag, each in seen.tags if tag == "input"}
    labels = {each["for"] for tag, each in seen.tags if tag == "label"}
    assert radios == labels == {f"show-{word}" for word in ("all", "passed", "failed", "skipped", "unknown")}
