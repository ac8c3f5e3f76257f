"""The story of one registration and one refusal, told as it happens; anything else than told is a failure."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dcrgw.core.checks import Report
from dcrgw.sandbox.narrator import Line, Narrator
from dcrgw.sandbox.reports import passed_by_stage
from dcrgw.sandbox.session import Session
from dcrgw.sandbox.statements import Order, mint
from dcrgw.sandbox.visitor import Visitor
from dcrgw.tpp.client import Answer

#: What the refused request does wrong, and the checks that must say so.
OUTSIDE_THE_STATEMENT = "https://elsewhere.example/cb"
BEYOND_THE_ROLES = "openid accounts fundsconfirmations"
REASONS = frozenset({"rules.redirect_uris.subset", "rules.scope.within_roles"})

_SHOWN = 72


class StoryFailed(Exception):
    """Something went otherwise than told; the text says what."""


async def tell(session: Session, reports: Callable[[], Sequence[Report]], say: Narrator) -> None:
    """The steps from the statement to the refusal, against a gateway that serves `session.config`.

    Raises: StoryFailed.
    """
    visitor = Visitor(session.folder.path, session.index)
    statement = _statement(session, say)
    await _handshake(visitor, session, say)
    with say.step("The TPP posts a signed registration request") as line:
        answer = await visitor.post(visitor.request(statement, time.time()))
        line(f"POST {session.index['registration_endpoint']}, application/jose, PS256")
        line(f"answer: {answer.status} after {answer.total_ms:.0f} ms, {answer.connected_ms:.0f} of them to connect")
        _expect(answer.status == 201, f"the registration was answered {answer.status}, not 201", answer)
    _checks(_last(reports), say)
    _registered(answer, say)
    await _refusal(visitor, statement, reports, say)


def _statement(session: Session, say: Narrator) -> str:
    with say.step("The directory signs a software statement for the TPP") as line:
        order = Order(session.parties.default.software.software_id)
        minted = mint(session.parties.world, order, keystore=session.endpoints.keystore, at=time.time())
        claims = minted.claims or {}
        for name in ("iss", "org_name", "software_id", "software_roles", "software_redirect_uris"):
            line(f"{name}: {_short(claims[name])}")
        return minted.statement


async def _handshake(visitor: Visitor, session: Session, say: Narrator) -> None:
    with say.step("The TPP opens mutual TLS with its transport certificate") as line:
        shaken = await visitor.shake_hands()
        line(f"{shaken.version}, {shaken.cipher}")
        line(f"the gateway is {', '.join(shaken.server_names)}")
        line(f"the TPP is {session.index['transport_subject_dn']}")


def _checks(report: Report, say: Narrator) -> None:
    with say.step("What the gateway checked") as line:
        passed = passed_by_stage(report)
        _expect(bool(passed), "the gateway's report holds no passed check")
        for stage, count in passed.items():
            line(f"{stage}: {count} passed")
        line(f"report {report.report_id}: {report.decision}")


def _registered(answer: Answer, say: Narrator) -> None:
    with say.step("The TPP is registered") as line:
        _expect(bool(answer.members.get("client_id")), "the answer has no client_id", answer)
        for name, value in answer.members.items():
            if name in ("client_id", "client_id_issued_at", "scope", "redirect_uris", "software_statement"):
                line(f"{name}: {_short(value)}")
        line(f"and {len(answer.members)} members in all")


async def _refusal(visitor: Visitor, statement: str, reports: Callable[[], Sequence[Report]], say: Narrator) -> None:
    with say.step("The TPP asks for more than its statement allows") as line:
        body = visitor.request(statement, time.time(), redirect_uris=(OUTSIDE_THE_STATEMENT,), scope=BEYOND_THE_ROLES)
        line(f"redirect_uris: {_short([OUTSIDE_THE_STATEMENT])}, scope: {_short(BEYOND_THE_ROLES)}")
        answer = await visitor.post(body)
        _expect(answer.status == 400, f"the wrong request was answered {answer.status}, not 400", answer)
        line(f"answer: 400 {answer.members.get('error')}")
        named = _reasons(answer.members, line)
        _expect(named >= REASONS, f"the refusal does not name {', '.join(sorted(REASONS - named))}", answer)
        line(f"report {_last(reports).report_id}: {_last(reports).decision}")


def _reasons(body: Mapping[str, Any], line: Line) -> frozenset[str]:
    errors = body.get("errors")
    found = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    for error in found:
        line(f"{error.get('check')}: {error.get('description')} ({error.get('spec')})")
    return frozenset(str(error.get("check")) for error in found)


def _last(reports: Callable[[], Sequence[Report]]) -> Report:
    found = reports()
    if not found:
        raise StoryFailed("the gateway made no report")
    return found[-1]


def _expect(condition: bool, sentence: str, answer: Answer | None = None) -> None:
    if not condition:
        raise StoryFailed(sentence if answer is None else f"{sentence}: {json.dumps(dict(answer.members))[:2000]}")


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"
