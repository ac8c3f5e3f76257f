"""Example cases: what a script is tried on before it serves, offline as in the gateway.

A case is a table (TOML or JSON), as docs/managing-scripts.md tells it:

    method = "createClient"                     # required
    description = "a known host gets the scope"
    without = ["request.scope"]                 # what the sample has and the case has not
    [request]                                   # claims of the request that differ from the sample's
    redirect_uris = ["https://app.example/cb"]
    [statement]                                 # the same of the software statement; `statement = false`: there is none
    software_roles = ["AISP"]
    [certificate]                               # a sample's kind, or a PEM file beside the case
    kind = "obwac"
    [client]                                    # client_id, attributes, and metadata where they differ from the request
    [facts]                                     # of types other than client_registration: the call's facts themselves
    [properties]                                # properties of the script that differ in this case
    [answers."directory.standing"]              # what the gateway's capabilities answer
    [expect]
    outcome = "passed"                          # passed, refused or failed
    returned = true                             # what the method returned
    [expect.changes.attributes]                 # of the changes these members; an empty `changes`: nothing changed
    trusted = true
    [expect.refusal]                            # of the refusal these members
    error = "invalid_redirect_uri"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dcrgw.core.scripts.entry_checks import EntryFault
from dcrgw.core.strict_json import JsonValue

Table = Mapping[str, JsonValue]

OUTCOMES = ("passed", "refused", "failed")
_TABLES = ("request", "client", "facts", "properties", "answers")
_MEMBERS = frozenset({"name", "description", "method", "statement", "certificate", "expect", "without", *_TABLES})
_EXPECTED = frozenset({"outcome", "returned", "changes", "refusal", "log"})
_WITHOUT = re.compile(r"(request|statement)\..+")
_METHOD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a case says must come out; None says nothing about it. `returned` is in a tuple, since null is a value."""

    outcome: str | None = None
    returned: tuple[JsonValue] | None = None
    changes: Table | None = None
    refusal: Table | None = None
    #: A piece of what the script writes to its log.
    log: str | None = None


@dataclass(frozen=True, slots=True)
class ScriptCase:
    """One example. What a table leaves out is as in the sample; `statement` None means there is no statement."""

    name: str
    method: str
    description: str = ""
    #: Paths such as `request.scope`.
    without: tuple[str, ...] = ()
    request: Table = field(default_factory=dict)
    statement: Table | None = field(default_factory=dict)
    certificate: Table = field(default_factory=dict)
    client: Table = field(default_factory=dict)
    facts: Table | None = None
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)
    answers: Table = field(default_factory=dict)
    expect: Expectation = Expectation()


class CaseRefused(ValueError):
    """A case that is not of the form. `faults` are all of it."""

    def __init__(self, name: str, faults: tuple[EntryFault, ...]) -> None:
        self.name, self.faults = name, faults
        super().__init__(f"case {name}: {'; '.join(map(str, faults))}")


def read_case(given: Table, name: str) -> ScriptCase:
    """The case that a table says; its own `name` goes before the one given. Raises: CaseRefused with every fault."""
    faults = tuple(_faults(given))
    own = given.get("name")
    name = own if isinstance(own, str) and own else name
    if faults:
        raise CaseRefused(name, faults)
    tables = {each: _table(given, each) or {} for each in ("request", "client", "answers")}
    properties = {key: _plain(value) for key, value in (_table(given, "properties") or {}).items()}
    return ScriptCase(
        name=name,
        method=str(given["method"]),
        description=str(given.get("description", "")),
        without=_without(given),
        statement=None if given.get("statement") is False else _table(given, "statement") or {},
        certificate=_table(given, "certificate") or {},
        facts=_table(given, "facts"),
        properties=properties,
        expect=_expectation(_table(given, "expect") or {}),
        **tables,
    )


def _faults(given: Table) -> Iterator[EntryFault]:
    for name in given.keys() - _MEMBERS:
        yield EntryFault(name, f"is no member of a case: there are {', '.join(sorted(_MEMBERS))}")
    method = given.get("method")
    if not isinstance(method, str) or not _METHOD.fullmatch(method):
        yield EntryFault("method", "is missing" if method is None else "is no method's name")
    for name in ("name", "description"):
        if not isinstance(given.get(name, ""), str):
            yield EntryFault(name, "is not text")
    for name in (*_TABLES, "certificate", "expect"):
        if not isinstance(given.get(name, {}), Mapping):
            yield EntryFault(name, "is not a table")
    statement = given.get("statement", {})
    if statement is not False and not isinstance(statement, Mapping):
        yield EntryFault("statement", "is neither a table nor false")
    without = given.get("without", [])
    if not isinstance(without, list) or not all(isinstance(each, str) and _WITHOUT.fullmatch(each) for each in without):
        yield EntryFault("without", "is not a list of names such as request.scope and statement.org_id")
    certificate = _table(given, "certificate") or {}
    if certificate.keys() - {"kind", "pem"} or len(certificate) > 1:
        yield EntryFault("certificate", "says other than one of kind and file")
    if any(
        isinstance(value, Mapping | list) or value is None for value in (_table(given, "properties") or {}).values()
    ):
        yield EntryFault("properties", "are not all text, numbers or booleans")
    yield from _expectation_faults(_table(given, "expect") or {})


def _expectation_faults(expect: Table) -> Iterator[EntryFault]:
    for name in expect.keys() - _EXPECTED:
        yield EntryFault(f"expect.{name}", f"is no expectation: there are {', '.join(sorted(_EXPECTED))}")
    if expect.get("outcome") not in (None, *OUTCOMES):
        yield EntryFault("expect.outcome", f"is none of {', '.join(OUTCOMES)}")
    for name in ("changes", "refusal"):
        if not isinstance(expect.get(name, {}), Mapping):
            yield EntryFault(f"expect.{name}", "is not a table")
    if not isinstance(expect.get("log", ""), str):
        yield EntryFault("expect.log", "is not text")


def _expectation(expect: Table) -> Expectation:
    return Expectation(
        outcome=_text(expect, "outcome"),
        returned=(expect["returned"],) if "returned" in expect else None,
        changes=_table(expect, "changes"),
        refusal=_table(expect, "refusal"),
        log=_text(expect, "log"),
    )


def _table(given: Table, name: str) -> Table | None:
    value = given.get(name)
    return value if isinstance(value, Mapping) else None


def _without(given: Table) -> tuple[str, ...]:
    names = given.get("without", [])
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _text(given: Table, name: str) -> str | None:
    value = given.get(name)
    return value if isinstance(value, str) else None


def _plain(value: JsonValue) -> str:
    """A property's value as a script gets it: text. Booleans are spelled as in the configuration."""
    return str(value).lower() if isinstance(value, bool) else str(value)
