"""What a verdict on authorization_details looks like: docs/openapi-details.json."""

from __future__ import annotations

from dcrgw.core.authorization.details import MAX_DETAILS
from dcrgw.core.strict_json import JsonValue
from dcrgw.flows.check_details import Checked

#: Faults told; the list says if there are more.
MOST_FAULTS = 200


def checked_view(checked: Checked) -> dict[str, JsonValue]:
    """The verdict: each detail with its own, then every fault."""
    at_fault = {fault.index for _, fault in checked.faults}
    texts = {each.index: each for each in checked.texts}
    details: list[JsonValue] = []
    for index, each in sorted(checked.found.items())[:MAX_DETAILS]:
        told: dict[str, JsonValue] = {"index": index, "valid": index not in at_fault, "detail": dict(each.members)}
        if index in texts:
            told["text"] = texts[index].text
            if texts[index].note is not None:
                told["client_note"] = texts[index].note
        details.append(told)
    faults: list[JsonValue] = [
        {"index": fault.index, "pointer": fault.pointer, "check": entry.id, "description": fault.description}
        for entry, fault in checked.faults[:MOST_FAULTS]
    ]
    return {
        "valid": not checked.faults,
        "client_id": checked.client_id,
        "authorization_details": details,
        "errors": faults,
    }
