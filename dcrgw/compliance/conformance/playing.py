"""Plays one case: its steps in order until one is answered wrongly, and clears away what came to be."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dcrgw.compliance.conformance import judging, making, scene, transcript
from dcrgw.compliance.conformance.filling import Lacking
from dcrgw.compliance.conformance.hooks import HookFailed
from dcrgw.compliance.conformance.loading import expectation
from dcrgw.compliance.conformance.making import Made
from dcrgw.compliance.conformance.pack import Case, Expectation, Pack, Step
from dcrgw.compliance.conformance.phone import Phone
from dcrgw.compliance.conformance.scene import Actor, Bank, Scene, Unusable
from dcrgw.compliance.conformance.transcript import Allowed, Exchange, Secrets
from dcrgw.compliance.conformance.wording import in_words, short
from dcrgw.tpp import management
from dcrgw.tpp.client import Answer
from dcrgw.tpp.credentials import CredentialsUnusable
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.management import is_bearer
from dcrgw.tpp.prepared import Moment
from dcrgw.tpp.setup import Incomplete
from dcrgw.tpp.trouble import ConnectionTrouble

#: The verdict on a case whose demand is not met, by its severity.
UNMET = {"must": "failed", "should": "warned", "may": "noted"}


@dataclass(slots=True)
class Played:
    """One case, played. `verdict`: passed, failed, warned, noted, skipped, or broken where nobody could tell."""

    case: Case
    id: str
    title: str
    clause: str
    severity: str = "must"
    verdict: str = "passed"
    reason: str = ""
    exchanges: list[Exchange] = field(default_factory=list)
    #: Clients that could not be cleared away: their ids.
    left_behind: list[str] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    #: No answer came from the bank.
    is_silence: bool = False


class _Unmet(Exception):
    """The bank does otherwise than the standard says."""


class _NotOffered(Exception):
    """The bank does not offer what the case is about."""


class _Silent(Exception):
    """No answer came where one had to."""


async def play(pack: Pack, bank: Bank, case: Case, variables: Mapping[str, Any], name: str, phone: Phone) -> Played:
    """The case, played to its end or as far as it goes; what it registered is cleared away whatever happens."""
    began = time.perf_counter()
    stage = scene.opened(pack, bank, case, variables)
    played = Played(case, name, str(case.title), str(case.clause))
    try:
        said = (case.title, case.clause, case.severity)
        played.title, played.clause, played.severity = (str(stage.values.fill(text)) for text in said)
        for need in case.needs:
            if not scene.has(bank, need):
                raise Lacking(need)
        player = _Player(stage, phone, played)
        try:
            for steps in case.moments:
                if await player.step(*steps):
                    break
        finally:
            # Reached on Ctrl-C too, which comes here as a cancellation.
            await player.clear()
    except Lacking as lacking:
        played.verdict, played.reason = "skipped", f"this needs {lacking.args[0]}"
    except _NotOffered as other:
        played.verdict, played.reason = "skipped", str(other)
    except (_Unmet, Unusable) as unmet:
        played.verdict, played.reason = UNMET[played.severity], str(unmet)
    except (_Silent, HookFailed, CredentialsUnusable, Incomplete) as broken:
        played.verdict, played.reason, played.is_silence = "broken", str(broken), isinstance(broken, _Silent)
    except asyncio.CancelledError:
        # The caller tells of it and then ends: what is left behind would be forgotten otherwise.
        played.verdict, played.reason, played.interrupted = "broken", "interrupted", True
    played.seconds = time.perf_counter() - began
    return played


@dataclass(slots=True)
class _Player:
    stage: Scene
    phone: Phone
    played: Played
    secrets: Secrets = field(default_factory=Secrets)

    async def step(self, raw: Step, *at_once: Step) -> bool:
        """Play a step, and its like at the same moment; True where the case has passed with it already."""
        if raw.statement is not None or "statement" not in self.stage.values.names:
            await scene.stated(self.stage, None, is_used=False)
        steps = [filled(each, self.stage) for each in (raw, *at_once)]
        made = await making.make(self.stage, steps[0], await self._bearer(steps[0]))
        exchanges = [self._noted(each.do, made) for each in steps]
        said = await self.phone.send_each(made.outgoing, steps[0].certificate, len(steps))
        # Of requests that are the same nobody knows whose an answer is: the first step has the one that says yes.
        said.sort(key=lambda each: not isinstance(each, Answer) or each.status >= 300)
        if isinstance(said[0], Answer):
            self._note_sent(made)
        for exchange, each in zip(exchanges, said, strict=True):
            self._told(exchange, each)
        left = deque(zip(steps, exchanges, said, strict=True))
        try:
            while left:
                step, exchange, answer = left[0]
                if self._judge(exchange, answer, step):
                    return True
                self._learn(*left.popleft()[::2])
            return False
        finally:
            # What came to be is cleared away, whatever is thought of the answer; and an answer is judged by what the
            # bank said before it, not by itself.
            for step, _, answer in left:
                self._learn(step, answer)

    async def clear(self) -> None:
        """Delete every client that came to be and is not gone."""
        for client_id, actor in self.stage.born.items():
            if not actor.is_gone and not await self._deleted(actor):
                self.played.left_behind.append(short(client_id))

    async def _deleted(self, actor: Actor) -> bool:
        for attempt in range(2):
            try:
                if attempt:
                    # A token that a case spoilt is replaced once; and an address that leads nowhere, by the usual one.
                    actor.token, actor.known = None, actor.known.at_the_usual_address()
                request = management.delete(actor.known, await self._own(actor), Moment())
                made = Made(request.outgoing)
                exchange = self._noted("delete", made, implied=True)
                answer = await self.phone.send(made.outgoing)
                self._told(exchange, answer)
            except ConnectionTrouble as trouble:
                exchange.trouble = short(self.secrets.without(str(trouble)))
                if actor.known == actor.known.at_the_usual_address():
                    return False
                continue
            except (Lacking, Incomplete, _Unmet, Unusable, _Silent, CredentialsUnusable):
                continue
            if answer.status in (200, 204):
                return True
        return False

    async def _bearer(self, step: Step) -> str | None:
        if step.do == "register" and step.token == "own":
            return self.stage.own.initial_access_token
        if step.do in ("token", "fetch") and step.token == "own":
            return None
        match step.token:
            case "none":
                return None
            case "empty":
                return ""
            case "unknown":
                return secrets.token_urlsafe(32)
            case "other":
                return await self._own(self.stage.actor("other"))
        return await self._own(self.stage.actor(step.client))

    async def _own(self, actor: Actor) -> str:
        """The token by which a client manages its registration. Raises: Lacking, _Unmet, Unusable."""
        token = await self._given(actor)
        if not is_bearer(token):
            raise Unusable("the bank gave a token that cannot be sent (RFC 6750 section 2.1)")
        return token

    async def _given(self, actor: Actor) -> str:
        given, management = actor.known.registration_access_token, self.stage.management
        if management == "registration-access-token" and given is None:
            raise Lacking("a registration_access_token, which the bank did not give")
        if management != "access-token" and given is not None:
            return given
        if actor.token is None:
            actor.token = await self._granted(actor)
        return actor.token

    async def _granted(self, actor: Actor) -> str:
        name = next((name for name, each in self.stage.actors.items() if each is actor), None)
        if name is None:
            self.stage.actors[name := "(clearing away)"] = actor
        step = Step.model_validate({"do": "token", "client": name, "expect": [Expectation()]})
        made = await making.make(self.stage, step, None)
        exchange = self._noted("token", made, implied=True)
        try:
            answer = await self.phone.send(made.outgoing)
        except ConnectionTrouble as trouble:
            exchange.trouble = short(self.secrets.without(str(trouble)))
            raise _Silent(f"the token endpoint gave no answer: {exchange.trouble}") from None
        self._told(exchange, answer)
        token = answer.members.get("access_token")
        if answer.status != 200 or not isinstance(token, str):
            raise _Unmet(f"the client gets no token: {answer.status} {answer.members.get('error', '')}".rstrip())
        return token

    def _noted(self, do: str, made: Made, *, implied: bool = False) -> Exchange:
        self.secrets.meet_request(made.outgoing)
        exchange = Exchange(do, self.secrets.without(transcript.sent(made)), implied=implied)
        self.played.exchanges.append(exchange)
        return exchange

    def _told(self, exchange: Exchange, answer: Answer | ConnectionTrouble) -> None:
        if isinstance(answer, ConnectionTrouble):
            exchange.trouble = short(self.secrets.without(str(answer)))
            return
        self.secrets.meet(answer.members)
        exchange.received = self.secrets.without(transcript.received(answer))

    def _note_sent(self, made: Made) -> None:
        self.stage.last, self.stage.last_shown = made.outgoing, made.shown
        self.stage.values.names["sent"] = dict(made.claims)
        self.secrets.meet(made.claims)

    def _learn(self, step: Step, answer: Answer | ConnectionTrouble) -> None:
        if isinstance(answer, ConnectionTrouble):
            return
        stage, members = self.stage, answer.members
        if step.do == "register" and 200 <= answer.status < 300 and isinstance(members.get("client_id"), str):
            stage.entered(step.client, KnownClient(making.endpoint(stage), members))
        elif step.do == "token" and isinstance(members.get("access_token"), str):
            stage.actor(step.client).token = str(members["access_token"])
        elif step.do in ("read", "update") and answer.status == 200 and step.client in stage.actors:
            actor = stage.actors[step.client]
            if members.get("client_id") == actor.known.client_id:
                actor.known = actor.known.learnt(answer)
                stage.told(step.client)
        elif step.do == "delete" and answer.status in (200, 204) and step.url is None:
            stage.actor(step.client).is_gone = step.token == "own" and step.certificate == "own"

    def _judge(self, exchange: Exchange, answer: Answer | ConnectionTrouble, step: Step) -> bool:
        """True where the case has passed with this. Raises: _Unmet, _NotOffered, _Silent, Lacking."""
        # What is expected may refer to what was sent: it is filled in only now.
        expected = [expectation(self.stage.pack, each) for each in step.expect]
        named = [each if isinstance(each, str) else each.like or "the answer" for each in step.expect]
        if isinstance(answer, ConnectionTrouble):
            return self._no_answer(exchange, expected, named)
        found: list[list[str]] = []
        for wanted in expected:
            found.append(judging.differences(answer, wanted, self.stage.values))
            if not found[-1]:
                break
        met = len(found) - 1 if not found[-1] else None
        self._allow(exchange, expected, named, found, met)
        if met is None:
            raise _Unmet(_sentence(exchange))
        wanted = expected[met]
        if wanted.then == "skip":
            raise _NotOffered(wanted.note or "the bank does not offer this")
        return wanted.then == "stop"

    def _no_answer(self, exchange: Exchange, expected: list[Expectation], named: list[str]) -> bool:
        met = next((index for index, wanted in enumerate(expected) if wanted.no_connection), None)
        self._allow(exchange, expected, named, [], met)
        if met is None:
            raise _Silent(f"no answer to {exchange.do}: {exchange.trouble}")
        return expected[met].then == "stop"

    def _allow(
        self,
        exchange: Exchange,
        expected: list[Expectation],
        named: list[str],
        found: list[list[str]],
        met: int | None,
    ) -> None:
        """Note all that is allowed, which of it was met, and in what the answer differs from those judged before."""
        exchange.met = "" if met is None else named[met]
        exchange.allowed = tuple(
            Allowed(
                named[index],
                tuple(self.secrets.without(in_words(wanted, self.stage.values))),
                tuple(self.secrets.without(found[index] if index < len(found) else ())),
                index == met,
            )
            for index, wanted in enumerate(expected)
        )


def filled(step: Step, stage: Scene) -> Step:
    """The step with its references replaced, but for those of what is expected."""
    said = step.model_dump(by_alias=True, exclude_unset=True, exclude={"expect"})
    return Step.model_validate({**stage.values.fill(said), "expect": step.expect})


def _sentence(exchange: Exchange) -> str:
    ways = [f"{each.name}: {'; '.join(each.differences)}" for each in exchange.allowed]
    return f"{exchange.do} was answered {(exchange.received or {}).get('status')}; " + " | ".join(ways)
