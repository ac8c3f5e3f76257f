"""Whoever follows a link of the documents, or a comment that names one, arrives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for folder, pattern in ((".", "*.md"), ("certs", "*.md"), ("docker", "*.md"), ("docs", "**/*.md"))
    for path in (ROOT / folder).glob(pattern)
    if "node_modules" not in path.parts
)
NAMED = re.compile(r"\b(?:docs|bench|docker|certs/profiles)/[\w./-]+\.(?:md|py|sh|toml|cnf|json)\b")


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    yield from (target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target)


def anchors(page: Path) -> set[str]:
    """The names that a forge gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize(("index", "pattern"), [("docs", "*.md"), ("docs", "examples/*"), ("docs/decisions", "*.md")])
def test_index_names_every_page(index: str, pattern: str) -> None:
    folder = ROOT / index
    there = {path.relative_to(folder).as_posix() for path in folder.glob(pattern)} - {"README.md"}
    assert there
    assert there - set(links(folder / "README.md")) == set()


def test_files_that_the_code_names_exist() -> None:
    sources = [
        path for room in ("dcrgw", "bench", "docs", "tests", "config") for path in sorted((ROOT / room).rglob("*.py"))
    ]
    named = {(path, name) for path in sources for name in NAMED.findall(path.read_text())}
    assert named
    assert [f"{path}: {name}" for path, name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_a_page_names_exist(page: Path) -> None:
    """Such as `edge/answers.py`: from the root, from dcrgw, or beside the page."""
    named = re.findall(r"`([\w-]+/[\w/.-]+\.(?:py|sh|md))(?:: \w+)?`", page.read_text())
    assert [name for name in named if not any((at / name).exists() for at in (ROOT, ROOT / "dcrgw", page.parent))] == []
