"""What if one thing were wrong: negatives of one good registration, each signed anew so that it reaches its own check.

Whoever signed the recorded tokens is not here, so throwaway keys sign: they stand beside the recorded ones in the
case's key sets, and a throwaway authority beside the market's anchors where a certificate is spoilt. Nothing of it
leaves the case. Scripts are not run: what they would say is not the catalogue's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from dcrgw.compliance.bundle import Bundle
from dcrgw.compliance.keeping import Closed
from dcrgw.compliance.making import EmptyRegistry, FixedClock, GivenKeys
from dcrgw.compliance.no_scripts import NoScripts
from dcrgw.compliance.recorded_ports import Answers, ports_of
from dcrgw.compliance.replay import flow_of
from dcrgw.core.authorization.tokens import AccessToken
from dcrgw.core.certificates.revocation import RevocationPolicy
from dcrgw.core.checks import Report, Verdict
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.core.jose import base64url
from dcrgw.core.jose.keys import KeySet, key_set
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.strict_json import loads_object
from dcrgw.errors import GatewayError
from dcrgw.ports import Ports
from dcrgw.ports.recording import recorded
from dcrgw.ports.registry import Committed, CommitVerdict
from dcrgw.testkit.keys import SigningKey, jwks

#: Stands in a draft where the statement will, once it is signed.
_STATEMENT = "<the statement>"
DIRECTORY_KID, SOFTWARE_KID = "what-if-directory", "what-if-software"


class NoGoodStart(ValueError):
    """The bundle is not a registration or an update that was taken: there is nothing to spoil."""


@dataclass(slots=True)
class Draft:
    """One request in the making. A fault changes it in one point; None among the tokens means that there is none."""

    operation: str
    market: Market
    at: float
    chain: tuple[bytes, ...]
    media_type: str | None
    request: dict[str, Any]
    statement: dict[str, Any] | None
    is_signed: bool
    directory_key: SigningKey
    software_key: SigningKey
    request_header: dict[str, Any] = field(default_factory=dict)
    statement_header: dict[str, Any] = field(default_factory=dict)
    #: Key sets as published; JWKs as they are.
    directory_keys: list[dict[str, Any]] = field(default_factory=list)
    software_keys: list[dict[str, Any]] = field(default_factory=list)
    #: Spoil the finished token's text.
    bend_request: Callable[[str], str] = str
    bend_statement: Callable[[str], str] = str
    body: bytes | None = None
    #: The client that an update is of.
    current: RegisteredClient | None = None

    def arrival(self, recorded_arrival: Arrival) -> Arrival:
        """The request as it arrives."""
        return replace(
            recorded_arrival,
            market=self.market.name,
            chain=self.chain,
            media_type=self.media_type,
            body=self._body() if self.body is None else self.body,
        )

    def _body(self) -> bytes:
        members = dict(self.request)
        if self.statement is not None and members.get("software_statement") == _STATEMENT:
            signed = self.directory_key.sign(self.statement, header=self.statement_header)
            members["software_statement"] = self.bend_statement(signed)
        if not self.is_signed:
            return json.dumps(members).encode()
        return self.bend_request(self.software_key.sign(members, header=self.request_header)).encode()


Spoil = Callable[[Draft], None]
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `expected` are the ids of which one must refuse; none: it must be taken all the same."""

    name: str
    expected: frozenset[str]
    spoil: Spoil


@dataclass(frozen=True, slots=True)
class Tried:
    """One case: what was expected, and what came."""

    fault: Fault
    closed: Closed

    @property
    def failed(self) -> tuple[str, ...]:
        """The checks that refused."""
        return tuple(each.check.id for each in self.closed.report.findings.failures)

    @property
    def judged(self) -> frozenset[str]:
        """Every check that said anything but that it does not apply."""
        return frozenset(each.check.id for each in self.closed.report.findings if each.verdict is not Verdict.SKIPPED)

    @property
    def is_as_expected(self) -> bool:
        """The planted fault was found by its own check; or what is no fault was taken."""
        if not self.fault.expected:
            return not self.failed and self.closed.report.decision in _TAKEN
        return not self.fault.expected.isdisjoint(self.failed)


_OPERATIONS = frozenset({"create", "update"})
_TAKEN = frozenset({"registered", "updated"})


class Workshop:
    """Makes cases of one good bundle. Raises: NoGoodStart."""

    def __init__(self, bundle: Bundle) -> None:
        if bundle.operation not in _OPERATIONS or bundle.decided.decision not in _TAKEN:
            raise NoGoodStart(
                f"{bundle.operation}, {bundle.decided.decision}: give a registration or update that was taken"
            )
        self.bundle = bundle
        self._request, self._statement, self._is_signed = _opened(bundle.arrival)
        known = {entry.port: entry.answer for entry in bundle.journal} if bundle.operation == "update" else {}
        found = known.get("registry.client")
        self._current = found if isinstance(found, RegisteredClient) else None
        profile = bundle.market.profile
        self._directory_key = _key(DIRECTORY_KID, profile.statement.algorithms)
        self._software_key = _key(SOFTWARE_KID, profile.request.algorithms)

    async def prove(self) -> None:
        """See that the request is taken here while nothing is wrong with it. Raises: NoGoodStart."""
        outcome = await self.run(Fault("nothing is wrong", frozenset(), lambda _: None))
        if not outcome.is_as_expected:
            why = ", ".join(outcome.failed) or outcome.closed.report.facts.get("failure", "")
            raise NoGoodStart(
                f"signed anew and with nothing wrong it is {outcome.closed.report.decision} ({why}):"
                " its negatives would tell nothing"
            )

    def draft(self) -> Draft:
        """The good request, to be spoilt."""
        request = json.loads(json.dumps(self._request))
        if self._statement is not None:
            request["software_statement"] = _STATEMENT
        return Draft(
            operation=self.bundle.operation,
            # Nobody publishes lists of the throwaway certificates, and of the recorded one only those of its time.
            # What an authorization server would say, like a script, is not the catalogue's.
            market=replace(self.bundle.market, revocation=RevocationPolicy(), upstream=None),
            at=self.bundle.at,
            chain=self.bundle.arrival.chain,
            media_type=self.bundle.arrival.media_type,
            request=request,
            statement=None if self._statement is None else json.loads(json.dumps(self._statement)),
            is_signed=self._is_signed,
            directory_key=self._directory_key,
            software_key=self._software_key,
            directory_keys=[self._directory_key.public_jwk()],
            software_keys=[self._software_key.public_jwk()],
            current=self._current,
        )

    async def run(self, fault: Fault) -> Tried:
        """The decision about the good request with this fault in it."""
        draft = self.draft()
        fault.spoil(draft)
        arrival, journal = draft.arrival(self.bundle.arrival), Journal()
        ports = recorded(self._ports(draft), journal)
        ports.randomness.report_id()
        # Another decision than the recorded one, and than every other case's; and the same one in every run.
        own = str(uuid5(NAMESPACE_OID, f"{self.bundle.report_id} {fault.name}"))
        report = Report(own, fault.name[:64], self.bundle.operation, draft.market.name, ports.clock.now())
        with suppress(GatewayError):  # what it was stands in the report's decision
            await flow_of(self.bundle.operation, draft.market)(arrival, draft.market, ports, report)
        return Tried(fault, Closed(report, Evidence(arrival, report.at, journal), draft.market))

    def _ports(self, draft: Draft) -> Ports:
        directory, software = _published(draft.directory_keys), _published(draft.software_keys)
        replayed = ports_of(self.bundle, Answers(draft.at))
        return Ports(
            clock=FixedClock(draft.at),
            randomness=replayed.randomness,
            keysets=GivenKeys(dict.fromkeys(draft.market.directories, directory), software),
            directories=replayed.directories,
            scripts=NoScripts(),
            registry=_Recalling(self.bundle),
            details=replayed.details,
        )


class _Recalling(EmptyRegistry):
    """Knows the recorded client and token, so that an update finds what it updates; keeps nothing."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        self._answers = {entry.port: entry.answer for entry in bundle.journal}

    async def client(self, market: str, client_id: str) -> RegisteredClient | None:
        """The recorded one."""
        found = self._answers.get("registry.client")
        return found if isinstance(found, RegisteredClient) and found.client_id == client_id else None

    async def access_token(self, hash: str) -> AccessToken | None:
        """The recorded one."""
        found = self._answers.get("registry.access_token")
        return found if isinstance(found, AccessToken) and found.hash == hash else None

    async def commit(self, change: Any) -> Committed:
        """Taken."""
        return Committed(CommitVerdict.STORED, change.client)


def _opened(arrival: Arrival) -> tuple[dict[str, Any], dict[str, Any] | None, bool]:
    """(request's claims, statement's claims, whether the request is signed)."""
    text = arrival.body.strip()
    is_signed = not text.startswith(b"{")
    claims = _payload(text) if is_signed else dict(loads_object(text))
    statement = claims.get("software_statement")
    return claims, _payload(statement.encode()) if isinstance(statement, str) else None, is_signed


def _payload(token: bytes) -> dict[str, Any]:
    return dict(loads_object(base64url.decode(token.split(b".")[1])))


@cache
def _key(kid: str, algorithms: frozenset[str]) -> SigningKey:
    return SigningKey.generate(kid, "ES256" if "ES256" in algorithms or not algorithms else sorted(algorithms)[0])


def _published(keys: list[dict[str, Any]]) -> KeySet:
    return key_set(jwks(*keys), source="what-if")
