"""The JSON Schema of a bundle's document, read off the same shapes that write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance import values
from dcrgw.compliance.failures import KeptFailure
from dcrgw.core.evidence import Arrival, Timing
from dcrgw.core.market import Market

_PARTS: Mapping[str, Any] = {
    "arrival": Arrival,
    "market": Market,
    "generations": Mapping[str, str],
    "timings": tuple[Timing, ...],
    "failure": KeptFailure,
}


_TEXT = {"type": "string"}
_FINDING = {
    "description": "Check, verdict, description and detail; of a pass the check alone, "
    "of what did not apply the check, a blank, and why.",
    "oneOf": [_TEXT, {"type": "array", "prefixItems": [_TEXT] * 4, "minItems": 4, "maxItems": 4}],
}
_DECIDED = {
    "type": "object",
    "properties": {
        "decision": _TEXT,
        "findings": {"type": "array", "items": _FINDING},
        "facts": {"type": "object", "additionalProperties": _TEXT},
    },
    "required": ["decision", "findings", "facts"],
    "additionalProperties": False,
}


def bundle_schema() -> dict[str, Any]:
    """The schema of one document (JSON Schema 2020-12)."""
    shapes = {name: values.shape(kind) for name, kind in _PARTS.items()}
    for label in values.labels():
        method = values.method(label)
        shapes |= {f"{label}/{index}": one for index, one in enumerate(method.arguments)}
        shapes[f"{label}/answer"] = method.answer
    described, definitions = _described({name: shape.adapter for name, shape in shapes.items()})
    content = {
        "report_id": {"type": "string"},
        "interaction_id": {"type": "string"},
        "operation": {"type": "string"},
        "at": {"type": "number", "description": "Epoch seconds."},
        **{name: described[name] for name in _PARTS if name != "failure"},
        "decided": _DECIDED,
        "roll": {"type": "integer", "minimum": 0, "description": "Lines of the roll that the writer's dcrgw knew."},
        "journal": {"type": "array", "items": {"oneOf": [_entry(label, described) for label in values.labels()]}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A decision of dcrgw with its evidence",
        "description": (bundles.__doc__ or "").strip(),
        **_object(
            {
                "format": {"const": bundles.FORMAT},
                "version": {"const": bundles.VERSION},
                "sha256": {"type": "string", "description": "SHA-256, hex, of `content` in canonical JSON."},
                "content": _object(content),
            }
        ),
        "$defs": definitions,
    }


def _described(adapters: Mapping[str, TypeAdapter[Any]]) -> tuple[dict[str, Any], Any]:
    """Each adapter's one element, and the definitions that they share."""
    inputs = [(name, "validation", adapter) for name, adapter in adapters.items()]
    schemas, shared = TypeAdapter.json_schemas(inputs)  # type: ignore[arg-type]  # a literal among a tuple's types
    return {name: schema["prefixItems"][0] for (name, _), schema in schemas.items()}, shared.get("$defs", {})


def _entry(label: str, described: Mapping[str, Any]) -> dict[str, Any]:
    arguments = [described[f"{label}/{index}"] for index in range(len(values.method(label).arguments))]
    question = {"type": "array", "prefixItems": arguments, "maxItems": len(arguments)}
    if not arguments:
        del question["prefixItems"]
    ended = [{"required": [word]} for word in ("answer", "failure")]
    members = {"port": {"const": label}, "question": question}
    optional = {"answer": described[f"{label}/answer"], "failure": described["failure"]}
    return {
        "type": "object",
        "properties": {**members, **optional},
        "required": list(members),
        "oneOf": ended,
        "additionalProperties": False,
    }


def _object(members: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(members), "required": list(members), "additionalProperties": False}
