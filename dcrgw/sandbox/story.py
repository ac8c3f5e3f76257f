"""The story of one client's whole life, a payment in it, and of refusals, told as it happens; else it is a failure.

The TPP acts by the same means as `dcrgw tpp`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dcrgw.core.checks import Report
from dcrgw.sandbox.consent_story import tell_consent
from dcrgw.sandbox.narrator import Line, Narrator
from dcrgw.sandbox.reports import passed_by_stage
from dcrgw.sandbox.session import Session
from dcrgw.sandbox.statements import Order, mint
from dcrgw.sandbox.telling import StoryFailed, ask, expect, short
from dcrgw.sandbox.upstream import PAGES
from dcrgw.tpp import credentials, grants, management, registration, sandbox_index, setup
from dcrgw.tpp.handshake import shake_hands
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.prepared import Moment
from dcrgw.tpp.requests import Wish
from dcrgw.tpp.setup import Setup

#: What the refused request does wrong, and the checks that must say so.
OUTSIDE_THE_STATEMENT = "https://elsewhere.example/cb"
BEYOND_THE_ROLES = "openid accounts fundsconfirmations"
REASONS = frozenset({"rules.redirect_uris.subset", "rules.scope.within_roles"})

#: What the TPP asks for when it changes its registration: less than before.
SMALLER_SCOPE = "openid accounts"


async def tell(session: Session, reports: Callable[[], Sequence[Report]], say: Narrator) -> None:
    """The steps from the statement to the refusal, against a gateway that serves `session.config`.

    Raises: StoryFailed.
    """
    _statement(session, say)
    tpp = setup.from_options(sandbox_index.options(session.folder.path))
    await _handshake(tpp, session, say)
    known = await _registration(tpp, say)
    _checks(_last(reports), say)
    pages = PAGES if session.upstream is not None else None
    await tell_consent(tpp, known, session.index["customers"][0], say, on_pages=pages)
    await _life(tpp, known, say)
    await _refusal(tpp, reports, say)


def _statement(session: Session, say: Narrator) -> None:
    with say.step("The directory signs a software statement for the TPP") as line:
        order = Order(session.parties.default.software.software_id)
        minted = mint(session.parties.world, order, keystore=session.endpoints.keystore, at=time.time())
        claims = minted.claims or {}
        for name in ("iss", "org_name", "software_id", "software_roles", "software_redirect_uris"):
            line(f"{name}: {short(claims[name])}")
        session.folder.write(session.index["software_statement"], minted.statement.encode())


async def _handshake(tpp: Setup, session: Session, say: Narrator) -> None:
    with say.step("The TPP opens mutual TLS with its transport certificate") as line:
        context = credentials.tls_context(tpp.transport, tpp.server_ca)
        shaken = await shake_hands(session.index["registration_endpoint"], context)
        line(f"{shaken.version}, {shaken.cipher}")
        line(f"the gateway is {', '.join(shaken.server_names)}")
        line(f"the TPP is {session.index['transport_subject_dn']}")


async def _registration(tpp: Setup, say: Narrator) -> KnownClient:
    with say.step("The TPP posts a signed registration request") as line:
        answer = await ask(tpp, registration.prepare(tpp, Moment()), 201, line)
        line(f"{answer.connected_ms:.0f} ms of them to connect")
    with say.step("The TPP is registered") as line:
        expect(bool(answer.members.get("client_id")), "the answer has no client_id", answer)
        for name in ("client_id", "client_id_issued_at", "scope", "redirect_uris", "software_statement"):
            if name in answer.members:
                line(f"{name}: {short(answer.members[name])}")
        line(f"and {len(answer.members)} members in all")
    return KnownClient(tpp.registration_endpoint, answer.members)


def _checks(report: Report, say: Narrator) -> None:
    with say.step("What the gateway checked") as line:
        passed = passed_by_stage(report)
        expect(bool(passed), "the gateway's report holds no passed check")
        for stage, count in passed.items():
            line(f"{stage}: {count} passed")
        line(f"report {report.report_id}: {report.decision}")


async def _life(tpp: Setup, known: KnownClient, say: Narrator) -> None:
    """The client's own life: token, read, update, delete, and nothing after."""
    with say.step("The client gets an access token") as line:
        granted = await ask(tpp, grants.prepare(tpp, known, Moment()), 200, line)
        token = str(granted.members.get("access_token", ""))
        expect(bool(token), "the token endpoint's answer has no access_token", granted)
        line(f"{known.auth_method}; {granted.members.get('token_type')} for {granted.members.get('expires_in')} s")
    with say.step("The client reads its registration") as line:
        found = await ask(tpp, management.read(known, token, Moment()), 200, line)
        expect(found.members.get("client_id") == known.client_id, "another client was read", found)
        line(f"scope: {found.members.get('scope')}, ETag {found.headers.get('ETag', 'none')}")
    with say.step("The client gives up a part of its scope") as line:
        smaller = replace(tpp, wish=Wish(audience=tpp.wish.audience, scope=SMALLER_SCOPE))
        updated = await ask(tpp, management.update(smaller, known, token, Moment()), 200, line)
        expect(updated.members.get("scope") == SMALLER_SCOPE, "the scope is another than asked for", updated)
        line(f"scope: {SMALLER_SCOPE}, ETag {updated.headers.get('ETag', 'none')}")
    with say.step("The client is deleted") as line:
        await ask(tpp, management.delete(known, token, Moment()), 204, line)
    with say.step("Nothing of it can be used any more") as line:
        gone = await ask(tpp, management.read(known, token, Moment()), 401, line)
        line(f"WWW-Authenticate: {short(gone.headers.get('WWW-Authenticate', 'none'))}")


async def _refusal(tpp: Setup, reports: Callable[[], Sequence[Report]], say: Narrator) -> None:
    with say.step("The TPP asks for more than its statement allows") as line:
        line(f"redirect_uris: {short([OUTSIDE_THE_STATEMENT])}, scope: {short(BEYOND_THE_ROLES)}")
        wish = replace(tpp.wish, redirect_uris=(OUTSIDE_THE_STATEMENT,), scope=BEYOND_THE_ROLES)
        answer = await ask(tpp, registration.prepare(replace(tpp, wish=wish), Moment()), 400, line)
        line(f"error: {answer.members.get('error')}")
        named = _reasons(answer.members, line)
        expect(named >= REASONS, f"the refusal does not name {', '.join(sorted(REASONS - named))}", answer)
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
