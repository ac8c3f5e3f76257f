"""What passes between the gateway and a loaded script: plain JSON values in both directions.

The same values serve both modes: inline they are handed over as they are, to a worker they go down a pipe.
So a script cannot tell the modes apart, and nothing but JSON ever comes back from a worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.core.strict_json import JsonValue
from dcrgw.errors import GatewayError


@dataclass(frozen=True, slots=True)
class MethodCall:
    """One call of one method. `facts` is what the call is about, by the type's own binding (`scripting.bindings`);
    `interaction_id` ties the script's log to the request's.
    """

    method: str
    facts: Mapping[str, JsonValue] = field(repr=False)
    interaction_id: str = ""


@dataclass(frozen=True, slots=True)
class MethodAnswer:
    """What came of a call.

    `returned` is the method's own answer where it is JSON (True, False, a text, None …). `changes` are what the
    script changed, by the type's own binding: absent what it left alone. `refusal` is the script's declared no
    (`error`, `description`, `status`), which holds whatever was returned. `printed` is what it wrote, capped.
    """

    returned: JsonValue = None
    changes: Mapping[str, JsonValue] = field(default_factory=dict)
    refusal: Mapping[str, JsonValue] | None = None
    printed: str = field(default="", repr=False)


class ScriptFailed(Exception):
    """The call has no answer: the script raised, overran, died or answered what is not JSON.

    `what` is one sentence for the operator that names no value of the request; `trace` the script's own frames;
    `printed` what it wrote before.
    """

    #: It ended by a capability's failure that the script did not catch.
    is_capability = False
    #: That failure: then the request fails by it, as it would without a script.
    failure: GatewayError | None = None

    #: The script's own code raised it: nothing overran, died or answered what it may not.
    is_raised = False

    def __init__(self, what: str, *, trace: str = "", printed: str = "") -> None:
        self.what, self.trace, self.printed = what, trace, printed
        super().__init__(what)
