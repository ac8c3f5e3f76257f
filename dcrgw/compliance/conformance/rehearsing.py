"""A dry run: every request of a pack as a curl line, and nothing sent. What the bank would have said is made up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from dcrgw.compliance.conformance import making, scene
from dcrgw.compliance.conformance.filling import Lacking
from dcrgw.compliance.conformance.pack import Pack, Step
from dcrgw.compliance.conformance.playing import filled
from dcrgw.compliance.conformance.running import Planned
from dcrgw.compliance.conformance.scene import Bank, Scene
from dcrgw.tpp import curl, private_file
from dcrgw.tpp.credentials import Transport
from dcrgw.tpp.curl import Left
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.setup import Incomplete

#: What stands for the bank's own words.
CLIENT_ID, TOKEN, SECRET = "CLIENT_ID", "TOKEN", "CLIENT_SECRET"
_CERTIFICATES = {"stranger": "A-STRANGERS.pem", "expired": "AN-EXPIRED.pem"}


async def rehearse(pack: Pack, bank: Bank, planned: Planned, folder: Path) -> AsyncIterator[str]:
    """The lines of one case; bodies are left in the folder for curl.

    Raises: HookFailed, CredentialsUnusable.
    """
    stage = scene.opened(pack, bank, planned.case, planned.variables)
    yield f"# {planned.name}: {stage.values.fill(planned.case.title)}"
    yield f"# see {stage.values.fill(planned.case.clause)}"
    try:
        for need in planned.case.needs:
            if not scene.has(bank, need):
                raise Lacking(need)
        for index, step in enumerate(planned.case.steps, 1):
            if _needs_token(stage, step):
                yield f"# {TOKEN} is the access_token that this answers"
                yield await _line(stage, _token_step(step), folder / f"{planned.name}.token.body")
                stage.actor(step.client).token = TOKEN
            yield await _line(stage, step, folder / f"{planned.name}.{index}.body")
            named = (each if isinstance(each, str) else each.like or "this answer" for each in step.expect)
            moment = "at the same moment as the line before; " if step.at_once else ""
            yield f"# {moment}expected: {', or '.join(named)}"
    except (Lacking, Incomplete) as missing:
        yield f"# not played: this needs {missing}"
    yield ""


def _needs_token(stage: Scene, step: Step) -> bool:
    """Whether a step uses an access token that no step of the case asks for."""
    manages = step.do not in ("register", "token", "fetch") and step.token == "own"
    known = stage.actors.get(step.client)
    return manages and stage.management == "access-token" and known is not None and known.token is None


def _token_step(step: Step) -> Step:
    return Step.model_validate({"do": "token", "client": step.client, "expect": [{}]})


async def _line(stage: Scene, raw: Step, body: Path) -> str:
    await scene.stated(stage, None, is_used=False)
    step = filled(raw, stage)
    made = await making.make(stage, step, _bearer(step))
    if made.outgoing.body:
        private_file.write(body, made.outgoing.body)
    stage.last = made.outgoing
    stage.values.names["sent"] = dict(made.claims)
    if step.do == "token":
        stage.actor(step.client).token = TOKEN
    if step.do == "register":
        _pretend(stage, step, dict(made.claims))
    own = stage.bank.tester.own
    transport, other = own.transport, stage.bank.tester.other
    if step.certificate == "other" and other is not None:
        transport = other.transport
    elif step.certificate != "own":
        named = _CERTIFICATES.get(step.certificate)
        transport = Transport(Path(named)) if named else Transport()
    # Tokens are made up here, so that they may stand in the line.
    shown = replace(made.outgoing, headers={**made.outgoing.headers, **made.outgoing.secret_headers}, secret_headers={})
    return curl.command(shown, transport, own.bank.server_ca, Left(body if made.outgoing.body else None))


def _pretend(stage: Scene, step: Step, claims: dict[str, object]) -> None:
    if step.client in stage.actors:
        return
    made_up = {
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "registration_access_token": TOKEN,
        "token_endpoint_auth_method": claims.get("token_endpoint_auth_method", "tls_client_auth"),
    }
    stage.entered(step.client, KnownClient(making.endpoint(stage), {**claims, **made_up}))


def _bearer(step: Step) -> str | None:
    if step.token == "none" or (step.do in ("register", "token", "fetch") and step.token == "own"):
        return None
    return {"empty": "", "own": TOKEN}.get(step.token, "ANOTHER_TOKEN")
