"""Reads packs: those that are shipped, by name, and a bank's own, by file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dcrgw.compliance.conformance.filling import references
from dcrgw.compliance.conformance.pack import Case, Expectation, Pack

#: What every case may refer to.
KNOWN = frozenset(
    {"tpp", "bank", "discovery", "statement", "ssa", "client", "clients", "sent", "values", "as", "now", "uuid", "long"}
)
_SHIPPED = resources.files("dcrgw").joinpath("compliance", "packs")
_MERGED = ("values", "expect", "request")


class PackUnusable(ValueError):
    """There is no such pack, or it is faulty. The message says where and what."""


def names() -> tuple[str, ...]:
    """The shipped packs that can be run."""
    files = sorted(each.name for each in _SHIPPED.iterdir() if each.name.endswith(".toml"))
    found = (name.removesuffix(".toml") for name in files)
    return tuple(name for name in found if not _document(name, None).get("abstract"))


def load(named: str) -> Pack:
    """A shipped pack, or that of a file, with all that it extends. Raises: PackUnusable."""
    path = Path(named)
    beside = path.parent if path.suffix == ".toml" else None
    document = _resolved(path.stem if beside else named, beside, ())
    try:
        pack = Pack.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise PackUnusable(f"pack {named}: {where}: {first['msg']}") from None
    _examine(pack)
    return pack


def _document(name: str, beside: Path | None) -> dict[str, Any]:
    own = beside / f"{name}.toml" if beside else None
    try:
        text = own.read_text("utf-8") if own and own.is_file() else _SHIPPED.joinpath(f"{name}.toml").read_text("utf-8")
        return tomllib.loads(text)
    except FileNotFoundError:
        raise PackUnusable(f"there is no pack {name}; shipped are {', '.join(names())}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackUnusable(f"pack {name}: {error}") from None


def _resolved(name: str, beside: Path | None, below: tuple[str, ...]) -> dict[str, Any]:
    """The pack's document upon those that it extends: tables are joined, cases follow each other, ids replace."""
    if name in below:
        raise PackUnusable(f"pack {name} extends itself")
    own = _document(name, beside)
    merged: dict[str, Any] = {}
    for base in own.get("extends", ()):
        merged = _upon(merged, _resolved(base, beside, (*below, name)))
    for inherited in ("abstract", "id", "title", "leave_out"):
        merged.pop(inherited, None)
    return _upon(merged, own)


def _upon(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    result = {**base, **own}
    for name in _MERGED:
        if name in base and name in own:
            result[name] = _joined(base[name], own[name])
    cases = {case["id"]: case for case in (*base.get("case", ()), *own.get("case", ()))}
    gone = own.get("leave_out", ())
    strangers = [name for name in gone if name not in cases]
    if strangers:
        raise PackUnusable(f"pack {own.get('id')}: leave_out names no case: {', '.join(strangers)}")
    result["case"] = [case for name, case in cases.items() if name not in gone]
    result.pop("leave_out", None)
    return result


def _joined(base: Any, own: Any) -> Any:
    """Tables member by member; whatever else, the later one."""
    if not isinstance(base, dict) or not isinstance(own, dict):
        return own
    return {**base, **{name: _joined(base[name], value) if name in base else value for name, value in own.items()}}


def _examine(pack: Pack) -> None:
    """Raises: PackUnusable where a case names what there is not."""
    for case in pack.case:
        for step in case.steps:
            for each in step.expect:
                named = each if isinstance(each, str) else each.like
                if named is not None and named not in pack.expect:
                    raise PackUnusable(f"pack {pack.id}: case {case.id} expects {named}, which is not defined")
        for reference in _strangers(case):
            raise PackUnusable(f"pack {pack.id}: case {case.id} refers to {reference}, which there is not")
    if not pack.abstract and pack.request is None:
        raise PackUnusable(f"pack {pack.id} says of no right request")


def _strangers(case: Case) -> Iterator[str]:
    own = {name for each in case.each if isinstance(each, dict) for name in each}
    for reference in references(case.model_dump(by_alias=True)):
        if re.split(r"[.:+-]", reference)[0] not in KNOWN | own:
            yield reference


def expectation(pack: Pack, named: str | Expectation) -> Expectation:
    """The whole expectation: what it is like, and what it adds."""
    if isinstance(named, str):
        return expectation(pack, pack.expect[named])
    if named.like is None:
        return named
    base = expectation(pack, pack.expect[named.like])
    own = {name: getattr(named, name) for name in named.model_fields_set if name != "like"}
    own |= {name: {**getattr(base, name), **own[name]} for name in ("members", "headers") if name in own}
    return base.model_copy(update=own)
