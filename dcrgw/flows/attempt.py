"""One attempt at one errand: what it asks, how it ends, and when it is put off or given up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from dcrgw.core.checks import Report
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.upstream import gates, wanting
from dcrgw.core.upstream.client import UpstreamRef, WantedClient
from dcrgw.core.upstream.errand import Act, Errand, errand_key, pause_s
from dcrgw.core.upstream.server import UpstreamServer
from dcrgw.errors import Misconfigured, Rejected, Unavailable
from dcrgw.flows import audit
from dcrgw.ports import Ports
from dcrgw.ports.registry import AuditRecord, Change, CommitVerdict
from dcrgw.ports.upstream import NotReached

T = TypeVar("T")

#: What is to be changed about a client as it stands.
Making = Callable[[RegisteredClient], Change]

#: How often a change is made anew while operators suspend and restore the client at the same moment.
_ROUNDS = 5
LOST_TOKEN = "an attempt whose answer was lost may have changed the client there, and the token to manage it by"
OLD_TOKEN = "it knows no client by the token that is held: it is gone there, or lives on by a token of later"
LOST_ANSWER = "each attempt whose answer was lost may have made a client there"


class Attempt:
    """For the holder of the errand's claim. `server` is the market's AS."""

    def __init__(self, errand: Errand, server: UpstreamServer, ports: Ports, report: Report) -> None:
        self.errand, self.server, self.ports, self.report = errand, server, ports, report

    @property
    def wanted(self) -> WantedClient:
        """What the AS is asked for."""
        assert self.errand.wanted is not None, "an errand that makes or changes a client says what is wanted"
        return self.errand.wanted

    async def ask(self, asking: Awaitable[T]) -> T:
        """The AS's answer. Where nobody knows it, the errand is put off.

        Raises: Rejected, Misconfigured as the AS answered; Unavailable.
        """
        try:
            async with asyncio.timeout(self.server.attempt_s):
                answer = await asking
        except (Rejected, Misconfigured):
            raise
        except Exception as failure:
            reason = failure.reason if isinstance(failure, Unavailable) else type(failure).__name__
            self.report.findings.add(gates.ANSWERED.unknown(reason))
            pause = await self.put_off(reason, unsure=self._is_unsure_after(failure))
            raise Unavailable("upstream", reason, retry_after_s=round(pause)) from failure
        self.report.findings.add(gates.ANSWERED.passed)
        return answer

    def _is_unsure_after(self, failure: Exception) -> bool:
        """To delete what is deleted does no harm; all else may have been done without our knowing."""
        done = self.errand.act is not Act.DELETE and not isinstance(failure, NotReached)
        return self.errand.unsure or done

    async def put_off(self, trouble: str, *, unsure: bool) -> float:
        """Leave it to a later attempt, or give it up when it was tried long enough. Seconds until the next."""
        errand, now = self.errand, self.ports.clock.now()
        pause = pause_s(errand.key, errand.attempts, self.server.retry_s)
        if _may_be_given_up(errand) and now - errand.begun_at >= self.server.give_up_s:
            await self._give_up(trouble, unsure)
        else:
            await self.ports.errands.put_off(errand.claim, now + pause, trouble, unsure)
        return pause

    async def settle(self, making: Making) -> CommitVerdict:
        """Commit what is to be changed about the client, as it stands at that moment."""
        for _ in range(_ROUNDS):
            present = await self.ports.registry.client(self.errand.market, self.errand.client_id)
            if present is None:
                return CommitVerdict.LOST
            verdict = (await self.ports.registry.commit(making(present))).verdict
            if verdict is not CommitVerdict.CONFLICT:
                return verdict
        raise Unavailable("registry", f"client {self.errand.client_id} changes all the time", retry_after_s=1)

    async def end(self, decision: str, begins: Errand | None = None, *, undoes: bool = False) -> CommitVerdict:
        """End the errand without a change of its client; `begins` is what follows from it."""
        undone = self.errand if undoes else None
        change = Change(audit=self.note(decision), ends=self.errand.claim, undoes=undone, begins=begins)
        verdict = (await self.ports.registry.commit(change)).verdict
        if verdict not in (CommitVerdict.STORED, CommitVerdict.LOST):
            # Something else is open where this would lead: it comes first.
            due_at = self.ports.clock.now() + self.server.retry_s
            await self.ports.errands.put_off(self.errand.claim, due_at, f"{decision}: {verdict}", True)
        return verdict

    def note(self, decision: str, client_id: str | None = None) -> AuditRecord:
        """The audit row of what is decided now."""
        self.report.decision = decision
        return audit.record(self.report, client_id or self.errand.client_id)

    def tell_orphan(self, why: str, at_most: int = 1) -> None:
        """For the operator: the AS may have a client, or so many, of which the registry knows nothing."""
        self.report.facts["orphan"] = why
        self.report.facts["orphans_at_most"] = str(at_most)

    def follow(self, act: Act, trouble: str, *, unsure: bool, ref: UpstreamRef | None = None) -> Errand:
        """What takes this errand's place, due at once. The same bytes may come again: they begin another."""
        now = self.ports.clock.now()
        return replace(
            self.errand,
            key=errand_key(act, self.errand.market, self.errand.client_id, self.errand.key),
            act=act,
            ref=ref or self.errand.ref,
            due_at=now,
            claimed_until=0.0,
            unsure=unsure,
            trouble=trouble,
            # Nobody asks for it: it has no request.
            successor=None,
            request_digest="",
            subject_key="",
            over_digest="",
            used=(),
        )

    def as_it_stands(self, present: RegisteredClient, ref: UpstreamRef | None, trouble: str) -> Errand | None:
        """What gives the AS a client again as it is here. None where it cannot be, or just that was not done."""
        wanted = wanting.want(present, self.server, self.errand.key).value
        if self.errand.successor is None or wanted is None or ref is None:
            return None
        return replace(self.follow(Act.UPDATE, trouble, unsure=False, ref=ref), wanted=wanted)

    async def _give_up(self, trouble: str, unsure: bool) -> None:
        """What the AS never confirmed ends here; what it may have made of it is looked for, or told as an orphan."""
        errand = self.errand
        self.report.facts["given_up"] = trouble
        following: Errand | None = None
        if unsure and not self.server.finds_clients:
            is_new = errand.act is Act.CREATE
            self.tell_orphan(LOST_ANSWER if is_new else LOST_TOKEN, errand.attempts if is_new else 1)
        elif errand.act is Act.UPDATE:
            present = await self.ports.registry.client(errand.market, errand.client_id)
            following = self.as_it_stands(present, errand.ref, trouble) if present is not None else None
            following = replace(following, unsure=unsure) if following is not None else None
        elif self.server.finds_clients:
            following = self.follow(Act.DELETE, trouble, unsure=unsure)
        await self.end("given up", following, undoes=True)


def _may_be_given_up(errand: Errand) -> bool:
    """What a TPP asked for ends some day; that the AS has what the registry has is wanted for ever."""
    return errand.act is Act.CREATE or errand.successor is not None
