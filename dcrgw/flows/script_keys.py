"""Keys that the bank's script gives: for a directory whose settings say `keys = "script"`, and for no other."""

from __future__ import annotations

from dcrgw.core.checks import Report
from dcrgw.core.jose.keys import KeySet, KeySetUnusable, key_set
from dcrgw.core.jose.proving import SharedSecret, wants_secret
from dcrgw.core.jose.reader import ReadPolicy, Unverified, unverified_claims
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.errors import Misconfigured
from dcrgw.flows.occasions import questions_of
from dcrgw.ports import Ports
from dcrgw.ports.scripts import KeysCall, Occasion


async def script_keys(
    token: Unverified,
    of: str,
    directory: str,
    policy: ReadPolicy,
    ports: Ports,
    report: Report,
    statement: SoftwareStatement | None = None,
) -> KeySet | SharedSecret | None:
    """What must prove a statement or a request (`of`); None where no script has the method.

    Raises: Misconfigured where what it gives is neither a JWK Set nor a secret; JoseRefused for a payload that is no
    JSON; Unavailable.
    """
    call = KeysCall(
        occasion=Occasion(report.market, report.operation, report.report_id, report.interaction_id),
        directory=directory,
        of=of,
        jws=token.text,
        claims=unverified_claims(token),
        is_shared=wants_secret(token, policy),
        statement=statement,
    )
    given = await ports.scripts.keys(call, questions_of(directory, ports))
    if given is None:
        return None
    if not given.strip():
        return KeySet({}, source="script")
    try:
        return SharedSecret(given) if call.is_shared else key_set(given.encode(), source="script")
    except (KeySetUnusable, ValueError) as error:
        raise Misconfigured(f"directory {directory}: the script's keys for a {of} cannot be used: {error}") from error
