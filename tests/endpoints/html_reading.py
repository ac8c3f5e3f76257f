"""A page as a browser's tree, and what assistive technology needs of it: nothing but the standard library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"meta", "input", "link", "br", "img", "hr"})


@dataclass
class Element:
    """One element. `text` is all text within."""

    tag: str
    attributes: dict[str, str | None]
    children: list[Element] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What stands in it, children's after its own."""
        return " ".join(" ".join(["".join(self.words), *(child.text for child in self.children)]).split())

    def all(self, *tags: str) -> Iterator[Element]:
        """Descendants of these kinds, in order."""
        for child in self.children:
            if child.tag in tags or not tags:
                yield child
            yield from child.all(*tags)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("#", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"{tag} has an attribute twice"
        element = Element(tag, dict(attrs))
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        ended = self._open.pop()
        assert ended.tag == tag, f"</{tag}> ends <{ended.tag}>"

    def handle_data(self, data: str) -> None:
        self._open[-1].words.append(data)


def read(page: bytes) -> Element:
    """The tree of a page, every element closed by hand."""
    reader = _Reader()
    reader.feed(page.decode())
    reader.close()
    assert len(reader._open) == 1, "an element is not closed"
    return reader.root


def faults(root: Element) -> list[str]:
    """What somebody who cannot see the page, or has no pointer, would stumble over (WCAG 2.2, level A and AA)."""
    found = [*_document(root), *_headings(root), *_references(root), *_controls(root)]
    for element in root.all():
        if element.tag in {"script", "iframe", "object", "embed", "img", "link", "base"}:
            found.append(f"there is a <{element.tag}>")
        found += [
            f"{element.tag} has {name}" for name in element.attributes if name.startswith("on") or name == "style"
        ]
        if int(element.attributes.get("tabindex") or 0) > 0:
            found.append("tabindex disturbs the order")
    return found


def _document(root: Element) -> Iterator[str]:
    (html,) = root.all("html")
    if not html.attributes.get("lang"):
        yield "3.1.1: the page has no language"
    titles = [each.text for each in root.all("title")]
    if len(titles) != 1 or not titles[0]:
        yield "2.4.2: the page has no title"
    if len(list(root.all("main"))) != 1:
        yield "1.3.1: there is not one main part"
    for meta in root.all("meta"):
        if meta.attributes.get("name") == "viewport" and any(
            word in (meta.attributes.get("content") or "") for word in ("maximum-scale", "user-scalable")
        ):
            yield "1.4.4: the page forbids to zoom"


def _headings(root: Element) -> Iterator[str]:
    levels = [int(each.tag[1]) for each in root.all("h1", "h2", "h3", "h4")]
    if levels.count(1) != 1:
        yield f"1.3.1: {levels.count(1)} headings of level 1"
    if any(not each.text for each in root.all("h1", "h2", "h3", "h4")):
        yield "2.4.6: an empty heading"


def _references(root: Element) -> Iterator[str]:
    ids = [name for each in root.all() if (name := each.attributes.get("id"))]
    if len(set(ids)) != len(ids):
        yield "4.1.1: an id is there twice"
    for element in root.all():
        for name in ("for", "aria-labelledby", "aria-describedby"):
            value = element.attributes.get(name)
            if value is not None and not set(value.split()) <= set(ids):
                yield f"1.3.1: {name}={value} leads nowhere"
        href = element.attributes.get("href") or ""
        if href.startswith("#") and href[1:] not in ids:
            yield f"2.4.1: {href} leads nowhere"


def _controls(root: Element) -> Iterator[str]:
    labelled = {each.attributes.get("for") for each in root.all("label") if each.text}
    for each in root.all("input"):
        if each.attributes.get("type") == "hidden":
            continue
        if each.attributes.get("id") not in labelled:
            yield f"3.3.2: {each.attributes.get('name')} has no label"
        if not each.attributes.get("autocomplete"):
            yield f"1.3.5: {each.attributes.get('name')} does not say what it is for"
    for each in root.all("button", "a"):
        if not each.text and not each.attributes.get("aria-label"):
            yield f"2.4.4: a {each.tag} without words"
    for each in root.all("form"):
        if each.attributes.get("method") != "post" or not any(
            button.attributes.get("type") == "submit" for button in each.all("button")
        ):
            yield "3.2.2: a form that is not sent by a button"
