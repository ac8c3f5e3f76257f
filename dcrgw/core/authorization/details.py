"""Authorization details (RFC 9396): their shape, whose types they are, and what is less of what was granted.

What a type means by its members is for `ports.details` to judge.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dcrgw.core import strict_json
from dcrgw.core.checks import Findings, Gate, Judgement, gate
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import ErrorCode

MAX_DETAILS = 50
MAX_BYTES = 16_384
MAX_DEPTH = 12
MAX_TYPE_LENGTH = 256
MAX_ITEMS = 100

_CODE = ErrorCode.INVALID_AUTHORIZATION_DETAILS

JSON = gate(
    "details.json",
    f"authorization_details is one strict JSON text of at most {MAX_BYTES} bytes and {MAX_DEPTH} levels.",
    spec="RFC 9396 §2; RFC 7493",
    code=_CODE,
)
SHAPE = gate(
    "details.shape",
    f"authorization_details is a list of 1 to {MAX_DETAILS} objects with a type; common fields have their JSON types.",
    spec="RFC 9396 §2, §2.2",
    code=_CODE,
)
SUPPORTED = gate("details.type.supported", "Every type is one that the market takes.", spec="RFC 9396 §5", code=_CODE)
REGISTERED = gate(
    "details.type.registered", "Every type is one that the client registered.", spec="RFC 9396 §5, §10", code=_CODE
)
RULES = gate("details.rules", "Every detail obeys the rules of its type.", spec="RFC 9396 §5", code=_CODE)
NARROWED = gate(
    "details.narrowed",
    "A token request asks for details that were granted, or for less.",
    spec="RFC 9396 §6, §6.1",
    code=_CODE,
)


@dataclass(frozen=True, slots=True)
class AuthorizationDetail:
    """One element of authorization_details: its `type`, and all its members as sent, `type` among them."""

    type: str
    members: Mapping[str, JsonValue] = field(repr=False)

    @property
    def canonical(self) -> str:
        """The same text for the same detail, however its members were ordered; 1, 1.0 and true stay apart."""
        return json.dumps(self.members, sort_keys=True, separators=(",", ":"))

    @property
    def said(self) -> str:
        """The same text for details that say the same: 1 and 1.0 are one number, which servers spell as they like."""
        return json.dumps(_plain(self.members), sort_keys=True, separators=(",", ":"))


def _plain(value: JsonValue | Mapping[str, JsonValue]) -> JsonValue:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return value


Details = tuple[AuthorizationDetail, ...]


@dataclass(frozen=True, slots=True)
class DetailFault:
    """What is wrong with one detail. `pointer` is a JSON pointer (RFC 6901) from the list's root, such as /0/type.

    `description` names the rule and never echoes a value.
    """

    index: int
    pointer: str
    description: str

    @property
    def text(self) -> str:
        """Where and what, in one line."""
        where = f"authorization_details {self.pointer}".rstrip()  # the pointer to the whole list is empty
        return f"{where}: {self.description}"


@dataclass(frozen=True, slots=True)
class DetailText:
    """One detail in words for the person who decides. Plain text: whoever shows it escapes it.

    `text` is the bank's; `note` is what the client itself wrote (`ui_representation`), which proves nothing.
    """

    index: int
    type: str
    text: str
    note: str | None = None


#: Pointers hold names that strangers chose.
_LONGEST_POINTER = 200


def pointer(*steps: str | int) -> str:
    """The JSON pointer (RFC 6901) of these steps from the list's root."""
    made = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return made if len(made) <= _LONGEST_POINTER else made[:_LONGEST_POINTER] + "..."


def parsed(text: str) -> Judgement[JsonValue]:
    """The JSON value of a parameter's text."""
    findings = Findings()
    octets = text.encode()
    if len(octets) > MAX_BYTES:
        findings.settle(JSON, f"authorization_details is longer than {MAX_BYTES} bytes")
        return findings.judgement()
    try:
        value = strict_json.loads(octets, max_depth=MAX_DEPTH)
    except strict_json.JsonRefused as refused:
        findings.settle(JSON, f"authorization_details {refused}")
        return findings.judgement()
    findings.add(JSON.passed)
    # A text of null has a value too, and it is no list.
    return findings.judgement(False if value is None else value)


def judge(value: JsonValue, client: RegisteredClient, supported: Collection[str]) -> Judgement[Details]:
    """The details of a JSON value, every one of them well-formed and of a type that this client may ask for.

    `supported` are the market's types. Types are compared byte by byte.
    """
    findings = Findings()
    examined = examine(value, client, supported)
    for entry, faults in examined.faults.items():
        note_all(faults, entry, findings)
    return findings.judgement(tuple(examined.found.values()))


@dataclass(frozen=True, slots=True)
class Examined:
    """What a JSON value holds: its details by their place, and what is wrong with them, by the gate that says so."""

    found: Mapping[int, AuthorizationDetail]
    faults: Mapping[Gate, Sequence[DetailFault]]

    @property
    def at_fault(self) -> frozenset[int]:
        """The places of which something is wrong."""
        return frozenset(fault.index for faults in self.faults.values() for fault in faults)


def examine(value: JsonValue, client: RegisteredClient, supported: Collection[str]) -> Examined:
    """The same as `judge` says, place by place."""
    found = typed(value)
    faults: dict[Gate, Sequence[DetailFault]] = {SHAPE: shape_faults(value)}
    for allowed, entry, said in (
        (supported, SUPPORTED, "is none that is supported here"),
        (client.metadata.texts("authorization_details_types"), REGISTERED, "is none that the client registered"),
    ):
        faults[entry] = [DetailFault(i, f"/{i}/type", said) for i, each in found.items() if each.type not in allowed]
    return Examined(found, faults)


def note_all(faults: Sequence[DetailFault], entry: Gate, findings: Findings) -> None:
    """State a gate: once for each fault, or as passed."""
    for fault in faults:
        findings.settle(entry, fault.text)
    if not faults:
        findings.add(entry.passed)


def as_json(details: Details) -> list[JsonValue]:
    """The details as they leave in answers and tokens."""
    return [dict(each.members) for each in details]


def unmatched(wanted: Details, granted: Details) -> tuple[tuple[int, ...], Details]:
    """The indexes of what of `wanted` is not itself among the granted, and what of `granted` is left to cover it.

    One granted detail covers one wanted detail: asking twice for a payment that was granted once is asking for more.
    """
    left = list(granted)
    beyond = []
    for index, detail in enumerate(wanted):
        same = next((each for each in left if each.canonical == detail.canonical), None)
        if same is None:
            beyond.append(index)
        else:
            left.remove(same)
    return tuple(beyond), tuple(left)


def typed(value: JsonValue) -> dict[int, AuthorizationDetail]:
    """The elements that have a type, by their place."""
    elements = value[:MAX_DETAILS] if isinstance(value, list) else []
    found = {}
    for index, element in enumerate(elements):
        named = element.get("type") if isinstance(element, dict) and _type_fault(element) is None else None
        if isinstance(element, dict) and isinstance(named, str):
            found[index] = AuthorizationDetail(named, element)
    return found


def _type_fault(element: Mapping[str, JsonValue]) -> str | None:
    named = element.get("type")
    if not isinstance(named, str):
        return "must be there, a string" if named is None else "must be a string"
    if not 0 < len(named) <= MAX_TYPE_LENGTH or not named.isprintable():
        return f"must have 1 to {MAX_TYPE_LENGTH} printable characters"
    return None


_LISTS = ("locations", "actions", "datatypes", "privileges")


def shape_faults(value: JsonValue) -> list[DetailFault]:
    """What is wrong with a list of details as such."""
    if not isinstance(value, list):
        return [DetailFault(0, "", "must be a list of objects")]
    if not 0 < len(value) <= MAX_DETAILS:
        return [DetailFault(0, "", f"must have 1 to {MAX_DETAILS} elements")]
    return [fault for index, element in enumerate(value) for fault in _element_faults(index, element)]


def _element_faults(index: int, element: JsonValue) -> Iterator[DetailFault]:
    at = f"/{index}"
    if not isinstance(element, dict):
        yield DetailFault(index, at, "must be an object")
        return
    if (fault := _type_fault(element)) is not None:
        yield DetailFault(index, f"{at}/type", fault)
    for name in _LISTS:
        if name in element and not _is_words(element[name]):
            yield DetailFault(index, f"{at}/{name}", f"must be a list of 1 to {MAX_ITEMS} strings")
    if "identifier" in element and not isinstance(element["identifier"], str):
        yield DetailFault(index, f"{at}/identifier", "must be a string")


def _is_words(value: JsonValue) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= MAX_ITEMS
        and all(isinstance(each, str) and each for each in value)
    )
