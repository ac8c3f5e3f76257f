"""Registry and authorization server (AS) held against each other, both ways, and what differs mended on order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

from dcrgw.core.checks import Report, gate
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.upstream import wanting
from dcrgw.core.upstream.client import UpstreamClient, UpstreamRef, WantedClient
from dcrgw.core.upstream.difference import KEPT, Difference, Kind, compare, stranded, waiting
from dcrgw.core.upstream.errand import Act, Errand, errand_key
from dcrgw.core.upstream.server import UpstreamServer
from dcrgw.errors import ErrorCode, GatewayError, Unavailable
from dcrgw.flows import audit
from dcrgw.flows.carrying import with_secret
from dcrgw.flows.errands import NO_SERVER, carry, claim_s, server_of
from dcrgw.ports import Ports
from dcrgw.ports.registry import Archive, Change, ClientQuery, CommitVerdict

MARKET_KNOWN = gate(
    "admin.reconcile.market",
    "The market has an authorization server behind it",
    spec="docs/operations.md, Reconciling",
    code=ErrorCode.INVALID_REQUEST,
    status=404,
)

#: How many clients an AS that lists none is asked for at once.
_AT_ONCE = 8
_PAGE = 500
_MOST_ERRANDS = 10_000
#: What an errand under way may yet explain, where the AS gives ids of its own.
_PERHAPS = "something under way may have made it: look again once that is over"


@dataclass(frozen=True, slots=True)
class Found:
    """What a look found. `following` is where the next one begins; `lists` whether the AS says what it has."""

    differences: tuple[Difference, ...]
    looked_at: int
    following: str | None
    lists: bool


@dataclass(frozen=True, slots=True)
class Mending:
    """One order to mend. `author` is who answers for it, `reason` why."""

    market: str
    client_id: str
    author: str
    interaction_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of it: `nothing` to mend, `mended`, or `left`, and why."""

    outcome: str
    difference: Difference | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReconcileDesk:
    """For operators. `markets` are all of them."""

    markets: Mapping[str, Market] = field(repr=False)
    ports: Ports = field(repr=False)
    archive: Archive = field(repr=False)

    async def reconciled(self) -> tuple[str, ...]:
        """The names of the markets with an AS of their own, and of those that had one which was not told all."""
        having = [name for name, market in self.markets.items() if market.upstream is not None]
        waiting_for_one = {each.market for each in await self.ports.errands.opened(limit=_MOST_ERRANDS)}
        return (*having, *sorted(waiting_for_one.difference(having)))

    async def look(self, name: str, after: str | None, limit: int) -> Found:
        """What differs in one market: of an AS that lists its clients at all of them, else of the next `limit`.

        Raises: Rejected for a market that never had an AS, Unavailable, Misconfigured.
        """
        ports = self.ports
        open_now = {each.client_id: each for each in await ports.errands.opened(name, _MOST_ERRANDS)}
        if open_now and not self._has_server(name):
            now = ports.clock.now()
            return Found(tuple(stranded(each, NO_SERVER, now) for each in open_now.values()), 0, None, False)
        market = self._market(name)
        server = server_of(market)
        found = [] if after else [waiting(each, server, ports.clock.now()) for each in open_now.values()]
        listed = await ports.upstream.listed(name)
        clients = [each async for each in self._clients(name, after, None if listed is not None else limit)]
        if listed is None:
            compared = await self._asked(clients, server)
            following = clients[-1].client_id if len(clients) == limit else None
        else:
            there = {each.ref.client_id: each for each in listed}
            compared = [compare(each, there.get(each.client_id), server) for each in clients]
            compared += _strays(there, clients, open_now, server, name)
            following = None
        found += [each for each in compared if each is not None and each.client_id not in open_now]
        found = [each for each in found if each.kind in _OF_ERRANDS or await self._is_so(each, market)]
        return Found(tuple(found), len(clients), following, listed is not None)

    async def mend(self, order: Mending) -> Mended:
        """Mend what differs about one client at this moment. An audit row tells who wanted it.

        What the gateway did not make at the AS is never touched. Raises: Rejected, Unavailable, Misconfigured.
        """
        market = self._market(order.market)
        found, there = await self._difference(market, order.client_id)
        if found is None:
            return Mended("nothing")
        if not found.is_mendable:
            return Mended("left", found, found.detail)
        errand = await self._begun(found, there, market, order)
        if errand is None:
            return Mended("left", found, "something else is under way for this client just now")
        report = self._report(order, found.kind.value)
        try:
            await carry(errand, market, self.ports, report)
        except GatewayError as failure:
            return Mended("left", found, failure.reason if isinstance(failure, Unavailable) else str(failure))
        return Mended("mended", found, report.facts.get("tpp_must_read", ""))

    def _has_server(self, name: str) -> bool:
        market = self.markets.get(name)
        return market is not None and market.upstream is not None

    def _market(self, name: str) -> Market:
        market = self.markets.get(name)
        if market is None or market.upstream is None:
            raise MARKET_KNOWN.rejection("there is no such market with an authorization server behind it")
        return market

    async def _clients(self, market: str, after: str | None, most: int | None) -> AsyncIterator[RegisteredClient]:
        """The market's clients in the order of their ids."""
        place, left = after, most
        while left is None or left > 0:
            limit = _PAGE if left is None else min(left, _PAGE)
            query = ClientQuery(market=market, after=(market, place) if place is not None else None, limit=limit)
            page = await self.archive.search(query)
            for each in page:
                yield each
            if len(page) < limit:
                return
            place, left = page[-1].client_id, None if left is None else left - len(page)

    async def _asked(self, clients: list[RegisteredClient], server: UpstreamServer) -> list[Difference | None]:
        """What differs, the AS asked for each client that it is to have; what is over here cannot be asked for."""
        room = asyncio.Semaphore(_AT_ONCE)

        async def ask(client: RegisteredClient) -> Difference | None:
            async with room:
                return compare(client, await self._there(client), server)

        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(ask(each)) for each in clients if each.status in KEPT]
        return [each.result() for each in asking]

    async def _there(self, client: RegisteredClient) -> UpstreamClient | None:
        if client.upstream is None:
            return None
        # Searches give no secrets, and its token is one.
        whole = await self.ports.registry.client(client.market, client.client_id)
        ref = whole.upstream_ref() if whole is not None else None
        return await self.ports.upstream.read(client.market, ref) if ref is not None else None

    async def _is_so(self, found: Difference, market: Market) -> bool:
        """Whether it still differs: what was read first may have changed before the other was."""
        if found.kind in (Kind.ALIVE, Kind.STRAY):
            client = await self.ports.registry.client(market.name, found.client_id)
            return client is None or client.status not in KEPT
        again, _ = await self._difference(market, found.client_id)
        return again is not None and again.kind is found.kind

    async def _difference(self, market: Market, client_id: str) -> tuple[Difference | None, UpstreamClient | None]:
        """What differs about one client at this moment, and what the AS has of it."""
        server, ports = server_of(market), self.ports
        errand = await ports.errands.of_client(market.name, client_id)
        if errand is not None:
            return waiting(errand, server, ports.clock.now()), None
        client = await ports.registry.client(market.name, client_id)
        if client is not None and client.status in KEPT:
            there = await self._there(client)
            return compare(client, there, server), there
        listed = await ports.upstream.listed(market.name)
        there = next((each for each in listed or () if each.ref.client_id == client_id), None)
        if client is not None:
            return compare(client, there, server), there
        if there is None:
            return None, None
        open_now = {each.client_id: each for each in await ports.errands.opened(market.name, _MOST_ERRANDS)}
        [stray] = _strays({client_id: there}, [], open_now, server, market.name)
        return stray, there

    async def _begun(
        self, found: Difference, there: UpstreamClient | None, market: Market, order: Mending
    ) -> Errand | None:
        """The errand that mends it, claimed; None where another one is under way."""
        ports, server = self.ports, server_of(market)
        if found.kind in _OF_ERRANDS:
            open_now = await ports.errands.of_client(market.name, found.client_id)
            return await ports.errands.claim(open_now.key, claim_s(server)) if open_now is not None else None
        made = await self._errand(found, there, market, order)
        if made is None:
            return None
        report = self._report(order, found.kind.value)
        report.decision = "mending"
        begun = await ports.registry.commit(Change(audit=audit.record(report, found.client_id), begins=made))
        return made if begun.verdict is CommitVerdict.STORED else None

    async def _errand(
        self, found: Difference, there: UpstreamClient | None, market: Market, order: Mending
    ) -> Errand | None:
        server, ports = server_of(market), self.ports
        act = Act.DELETE if found.kind in (Kind.ALIVE, Kind.STRAY) else Act.UPDATE
        now = ports.clock.now()
        key = errand_key(act, market.name, found.client_id, "reconcile", str(now))
        wanted: WantedClient | None = None
        ref: UpstreamRef | None = there.ref if there is not None else None
        if act is Act.UPDATE:
            client = await ports.registry.client(market.name, found.client_id)
            if client is None:
                return None
            client = with_secret(client, server, ports.randomness)
            wanted = wanting.want(client, server, key).value
            ref = client.upstream_ref() if found.kind is Kind.DIFFERS else None
        return Errand(
            key,
            act,
            market.name,
            found.client_id,
            ports.randomness.report_id(),
            order.interaction_id,
            begun_at=now,
            due_at=now,
            wanted=wanted,
            ref=ref,
            attempts=1,
            claimed_until=now + claim_s(server),
        )

    def _report(self, order: Mending, kind: str) -> Report:
        facts = {"client_id": order.client_id, "difference": kind}
        if order.reason:
            facts["reason"] = order.reason
        ports = self.ports
        return replace(
            Report(ports.randomness.report_id(), order.interaction_id, "reconcile", order.market, ports.clock.now()),
            facts=facts,
            author=order.author,
        )


_OF_ERRANDS = frozenset({Kind.WAITING, Kind.OVERDUE})


def _strays(
    there: Mapping[str, UpstreamClient],
    clients: list[RegisteredClient],
    open_now: Mapping[str, Errand],
    server: UpstreamServer,
    market: str,
) -> list[Difference]:
    """What the gateway made there and nobody here knows of."""
    known = {each.client_id for each in clients} | open_now.keys()
    # Until it is confirmed nobody here knows what the AS calls a client.
    unsure = not server.takes_client_id and any(each.act is Act.CREATE for each in open_now.values())
    detail = _PERHAPS if unsure else ""
    return [Difference(Kind.STRAY, market, each, detail, not unsure) for each in sorted(there.keys() - known)]
