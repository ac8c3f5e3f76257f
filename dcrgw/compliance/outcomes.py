"""What became of a request: the decision with its findings, and the client as it was to be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dcrgw.compliance.bundle import Bundle, Decided
from dcrgw.compliance.plain import Writer
from dcrgw.core.evidence import Entry
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.strict_json import JsonValue
from dcrgw.ports.registry import Change

#: By `metadata.scope`, `attributes.tier`, `status`: in the words of JSON.
Stored = Mapping[str, JsonValue]

_COMMIT = "registry.commit"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One decision of one request. `stored` is None where no client was to be stored."""

    decided: Decided
    stored: Stored | None = None


def recorded_outcome(bundle: Bundle) -> Outcome:
    """As it was recorded."""
    return Outcome(bundle.decided, _recorded_client(bundle.journal, bundle.questions))


def stored_of(client: RegisteredClient) -> Stored:
    """What of a client is the decision's: not its ids, times and hashes."""
    return _stored({"metadata": client.metadata.members, "attributes": client.attributes, "status": client.status})


def _recorded_client(journal: Sequence[Entry], questions: Sequence[Any]) -> Stored | None:
    for index in reversed(range(len(journal))):
        if journal[index].port == _COMMIT:
            question = journal[index].question
            found = _live(question[0]) if question else _written(questions[index])
            if found is not None:
                return found
    return None


def _live(change: Any) -> Stored | None:
    return stored_of(change.client) if isinstance(change, Change) and change.client is not None else None


def _written(question: Any) -> Stored | None:
    """The same of a question as it stands in the document, where a replay leaves it: nobody has judged its shape."""
    match question:
        case [
            {"client": {"metadata": {"members": dict(members)}, "attributes": dict(attributes), "status": str(status)}}
        ]:
            return _stored({"metadata": members, "attributes": attributes, "status": status})
    return None


def _stored(client: Mapping[str, Any]) -> Stored:
    parts = [(part, name, value) for part in ("metadata", "attributes") for name, value in client[part].items()]
    found = {f"{part}.{name}": Writer().plain(value) for part, name, value in parts}
    return {**found, "status": Writer().plain(client["status"])}
