"""The words of the pages: one data file a language, all with the same keys."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources

#: What a person gets who asks for no language that we have.
DEFAULT = "en"

_TAG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class Wording:
    """One language. `lang` is its BCP 47 tag, `name` what it calls itself."""

    lang: str
    name: str
    #: Dotted key -> text with `{names}`.
    texts: Mapping[str, str] = field(repr=False)

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key. It holds no markup, and what is filled in is not escaped yet."""
        return self.texts[key].format(**values)

    def scope(self, scope: str) -> str:
        """A scope in words; the scope itself where there are none for it."""
        words = self.texts.get(f"scopes.{scope}") if scope != "other" else None
        return words if words is not None else self("scopes.other", scope=scope)


def read_wordings() -> Mapping[str, Wording]:
    """Every language by its tag, the default one first."""
    folder = resources.files(__package__) / "texts"
    found = {file.name.removesuffix(".toml"): file.read_text("utf-8") for file in folder.iterdir()}
    order = sorted(found, key=lambda lang: (lang != DEFAULT, lang))
    return {lang: _wording(lang, found[lang]) for lang in order}


def chosen(wordings: Mapping[str, Wording], wanted: Iterable[str], accepted: str) -> Wording:
    """The first language of `wanted` that we have, then Accept-Language's best one (RFC 9110 §12.5.4)."""
    for tag in (*wanted, *by_weight(accepted)):
        # RFC 4647 §3.4: pt-BR finds pt.
        wording = wordings.get(tag.partition("-")[0].lower())
        if wording is not None:
            return wording
    return wordings[DEFAULT]


def by_weight(accepted: str) -> tuple[str, ...]:
    """The tags of an Accept-Language header, best first."""
    weighed: list[tuple[float, str]] = []
    for part in accepted[:1000].split(","):
        tag, _, parameter = part.strip().partition(";")
        match = re.fullmatch(r"\s*q=([01](?:\.[0-9]{0,3})?)\s*", parameter) if parameter else None
        weight = float(match[1]) if match else (0.0 if parameter else 1.0)
        if weight > 0 and _TAG.fullmatch(tag.strip()):
            weighed.append((weight, tag.strip()))
    # Sorting is stable: between equals the first one named wins.
    return tuple(tag for _, tag in sorted(weighed, key=lambda pair: -pair[0]))


def _wording(lang: str, text: str) -> Wording:
    document = tomllib.loads(text)
    texts = dict(_flat(document))
    return Wording(lang, texts.pop("language"), texts)


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)
