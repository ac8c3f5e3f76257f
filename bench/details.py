"""G15: what it costs to judge the authorization_details of one payment, with nothing around it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from bench.goals import GOALS, Measured
from dcrgw.core.authorization.details import examine, parsed
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.strict_json import JsonValue
from dcrgw.ports.details import DetailContext, DetailOperation
from dcrgw.ports.scripts import Occasion
from dcrgw.scripting.detail_types import DetailTypes
from dcrgw.scripting.files import read_script
from dcrgw.scripting.host import ScriptHost
from dcrgw.scripting.inline import InlineRunner

#: The example with its schema.
SCRIPT = Path(__file__).parents[1] / "config/scripts/payment_initiation.py"
TYPE = "payment_initiation"
PAYMENT = {
    "type": TYPE,
    "instructedAmount": {"currency": "EUR", "amount": "123.50"},
    "creditorName": "Merchant A",
    "creditorAccount": {"iban": "DE02100100109307118603"},
    "remittanceInformationUnstructured": "Order 7",
}
_TURNS = 2_000


async def measure_judgement(rounds: int) -> Measured:
    """From the parameter's text to the verdict, in microseconds of this thread: JSON, shape, type, schema, script."""
    measured, text = Measured(GOALS["G15"]), json.dumps([PAYMENT])
    entry = read_script(ScriptEntry("BEEF-0015", TYPE, "authz_detail", "", file=str(SCRIPT), mode="inline")).entry
    host = ScriptHost(on_event=lambda *_args, **_fields: None)
    host.swap([await InlineRunner().load(entry, {})])
    types, client = DetailTypes(host), _client()
    context = DetailContext(client, DetailOperation.CHECK, Occasion(client.market, "check_details"))
    for turn in range(rounds + 1):
        begun = time.thread_time()
        for _ in range(_TURNS):
            await _judged(text, types, context)
        spent_us = (time.thread_time() - begun) / _TURNS * 1e6
        if turn:  # the first warms up
            measured.ratios.append(spent_us)
            measured.rounds.append({"judgement_us": spent_us})
    await host.close()
    return measured


async def _judged(text: str, types: DetailTypes, context: DetailContext) -> None:
    value = parsed(text).value
    assert value is not None
    examined = examine(value, context.client, types.types(context.client.market))
    faults = await types.judge(tuple(examined.found.values()), context, _nothing)
    if examined.at_fault or faults:
        raise AssertionError("a right payment was refused")


async def _nothing(name: str, _arguments: object) -> JsonValue:
    raise ValueError(f"{name} is not asked here")


def _client() -> RegisteredClient:
    return RegisteredClient(
        client_id="bench",
        client_id_issued_at=1,
        market="uk",
        metadata=ClientMetadata({"scope": "openid payments", "authorization_details_types": [TYPE]}),
        software_id="software",
        org_id="organisation",
        directory="primary",
        software_statement=None,
        statement_claims={},
        ssa_jti=None,
        x5t_s256="A" * 43,
        subject_key="subject",
        request_digest="digest",
        secrets={},
    )
