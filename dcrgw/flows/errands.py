"""Bringing what the market's authorization server (AS) is to be told to its end.

Whoever claimed an errand does it: the request that began it, the same bytes again, the outbox, an operator's order.
Each step is one commit, so that whoever comes after a killed process finds out how far it came:

    CREATE   client pending + errand  | the AS makes it    | client active, errand over
    UPDATE   errand with a successor  | the AS replaces it | the successor in the client's place, errand over
    DELETE   client deleted + errand  | the AS deletes it  | errand over
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from dcrgw.core.checks import Report
from dcrgw.core.market import Market
from dcrgw.core.registration.client import ClientStatus, RegisteredClient
from dcrgw.core.upstream import gates, judging, wanting
from dcrgw.core.upstream.client import UPSTREAM_SECRET, UPSTREAM_TOKEN, UpstreamClient, UpstreamRef
from dcrgw.core.upstream.errand import CLAIM_MARGIN_S, Act, Errand, deletion
from dcrgw.core.upstream.server import UpstreamServer
from dcrgw.errors import GatewayError, Misconfigured, Rejected, Unavailable
from dcrgw.flows.attempt import LOST_ANSWER, OLD_TOKEN, Attempt, Making
from dcrgw.flows.secrets import CLIENT_SECRET
from dcrgw.flows.undoing import lied, outdated, overtaken, refused, with_token
from dcrgw.ports import Ports
from dcrgw.ports.registry import Change, CommitVerdict

#: For the operator.
NO_SERVER = "the configuration has no authorization server behind the market any more"
PUT_IT_BACK = "put [market.upstream] back until nothing waits any more; `dcrgw reconcile` lists what does"
#: Whoever has to put it back is a person.
_BACK_IN_S = 300


def server_of(market: Market) -> UpstreamServer:
    """The AS behind a market. Raises: Unavailable where there is none any more: what it was to be told waits for it."""
    if market.upstream is None:
        raise Unavailable(f"upstream.{market.name}", f"{NO_SERVER}: {PUT_IT_BACK}", retry_after_s=_BACK_IN_S)
    return market.upstream


def settle_told(client: RegisteredClient, market: Market) -> None:
    """Whoever has to hear of a client's change can be told. Raises: Unavailable where its AS was taken away."""
    if client.upstream is not None:
        server_of(market)


def claim_s(server: UpstreamServer) -> float:
    """How long a claim on one attempt lasts."""
    return server.attempt_s + CLAIM_MARGIN_S


async def carry(errand: Errand, market: Market, ports: Ports, report: Report) -> RegisteredClient | None:
    """The client as it stands once the errand is over; None where it is no more. For the holder of its claim.

    Raises: Rejected where the AS says no, and all that was begun is undone; Unavailable where nobody knows, and the
    errand is put off; Misconfigured.
    """
    report.facts["client_id"] = errand.client_id
    return await _ACTS[errand.act](Attempt(errand, server_of(market), ports, report))


async def farewell(client: RegisteredClient, report_id: str, interaction_id: str, ports: Ports) -> Errand | None:
    """What the AS is to be told of a client that ends here; None where no AS knows of it."""
    open_now = await ports.errands.of_client(client.market, client.client_id)
    return deletion(client, open_now, report_id, interaction_id, ports.clock.now())


async def farewell_now(
    client: RegisteredClient, market: Market, ports: Ports, report: Report, *, is_busy: bool = False
) -> Errand | None:
    """The same, for who is about to tell it: claimed, unless somebody else may be telling the AS something just now.

    `is_busy`: the client has an errand, though its market may have no AS any more.
    """
    if market.upstream is None:
        # It may have had one when the client was registered: once it has it again, that one is told.
        is_known = is_busy or client.upstream is not None
        return await farewell(client, report.report_id, report.interaction_id, ports) if is_known else None
    open_now = await ports.errands.of_client(client.market, client.client_id)
    now = ports.clock.now()
    errand = deletion(client, open_now, report.report_id, report.interaction_id, now)
    if errand is None or open_now is not None:
        return errand
    return replace(errand, attempts=1, claimed_until=now + claim_s(market.upstream))


async def told_or_left(errand: Errand | None, market: Market, ports: Ports, report: Report) -> None:
    """Tell the AS what was just begun. What it does not hear now is the outbox's: the client is gone here."""
    if errand is None or not errand.claimed_until:
        return
    try:
        await carry(errand, market, ports, report)
    except GatewayError as failure:
        report.facts["upstream"] = str(failure)


async def _create(attempt: Attempt) -> RegisteredClient:
    errand = attempt.errand
    try:
        told = await attempt.ask(_made(attempt))
    except Rejected as said:
        raise await refused(attempt, said) from said
    except Misconfigured as fault:
        # It has nothing to do with the gateway, so that it made nothing now; what came of earlier attempts is open.
        await _leave(attempt, fault, is_open=errand.unsure)
        raise

    def confirmed(present: RegisteredClient, told: UpstreamClient) -> RegisteredClient:
        known = known_as(present, told, attempt.server)
        return replace(known, client_id=told.ref.client_id, status=ClientStatus.ACTIVE)

    if told.ref.client_id != errand.client_id:
        attempt.report.facts["provisional_client_id"] = errand.client_id
    return await _confirm(attempt, told, "registered", confirmed)


async def _update(attempt: Attempt) -> RegisteredClient:
    errand = attempt.errand
    if await outdated(attempt):
        raise Unavailable("upstream", "the client was changed while its authorization server was away")
    try:
        told = await attempt.ask(_replaced(attempt))
    except Rejected as said:
        raise await refused(attempt, said) from said
    except Misconfigured as fault:
        await _leave(attempt, fault, is_open=errand.unsure or errand.successor is None)
        raise

    def confirmed(present: RegisteredClient, told: UpstreamClient) -> RegisteredClient:
        if errand.successor is None:
            return known_as(present, told, attempt.server)
        # Operators suspend and restore meanwhile; nobody else changes a client that has an errand.
        following = replace(errand.successor, status=present.status, version=present.version + 1)
        return known_as(following, told, attempt.server)

    return await _confirm(attempt, told, "mended" if errand.successor is None else "updated", confirmed)


async def _delete(attempt: Attempt) -> None:
    try:
        is_certain = await attempt.ask(_gone(attempt))
    except (Rejected, Misconfigured) as fault:
        await attempt.put_off(str(fault), unsure=attempt.errand.unsure)
        raise Unavailable("upstream", str(fault)) from fault
    if not is_certain or (attempt.errand.unsure and not attempt.server.finds_clients):
        attempt.tell_orphan(OLD_TOKEN)
    await attempt.end("deleted")


async def _made(attempt: Attempt) -> UpstreamClient:
    """The client at the AS: the one that an earlier attempt may have made, or a new one."""
    market, wanted = attempt.errand.market, attempt.wanted
    if attempt.errand.unsure and attempt.server.finds_clients:
        found = await attempt.ports.upstream.find(market, wanted)
        if found is not None and not judging.differing(wanted, found):
            return found
    elif attempt.errand.unsure:
        attempt.tell_orphan(LOST_ANSWER, attempt.errand.attempts - 1)
    return await attempt.ports.upstream.create(market, wanted)


async def _replaced(attempt: Attempt) -> UpstreamClient:
    """The client at the AS as it is wanted. An answer that was lost may have held the token of today."""
    errand, upstream, ref = attempt.errand, attempt.ports.upstream, attempt.errand.ref
    if ref is None:
        return await _made(attempt)
    if errand.unsure and attempt.server.finds_clients:
        found = await upstream.find(errand.market, attempt.wanted)
        if found is not None:
            ref = with_token(found.ref, ref)
            if not judging.differing(attempt.wanted, found):
                return replace(found, ref=ref)
    return await upstream.update(errand.market, ref, attempt.wanted)


async def _gone(attempt: Attempt) -> bool:
    """Whether the client is gone there for certain, and not only unknown by the token that is held here."""
    errand, upstream, ref = attempt.errand, attempt.ports.upstream, attempt.errand.ref
    is_looked_for = ref is None or errand.unsure
    if is_looked_for and errand.wanted is not None and attempt.server.finds_clients:
        found = await upstream.find(errand.market, errand.wanted)
        if found is None:
            return True
        ref = with_token(found.ref, ref)
    # What was recorded before there was an answer is None.
    if ref is None or await upstream.delete(errand.market, ref) is not False:
        return True
    return not is_looked_for and await _gone_by_todays_token(attempt)


async def _gone_by_todays_token(attempt: Attempt) -> bool:
    """The same where the token that is held is an old one, or the client gone: found again, it has one of today."""
    errand, upstream = attempt.errand, attempt.ports.upstream
    if errand.wanted is None or not attempt.server.finds_clients:
        return False
    try:
        found = await upstream.find(errand.market, errand.wanted)
    except Rejected:
        return False  # it takes such a client no more, nor says what became of the one of before
    return found is None or await upstream.delete(errand.market, found.ref) is not False


async def _leave(attempt: Attempt, fault: Misconfigured, *, is_open: bool) -> None:
    """After the AS turned the gateway away: undo what was begun, or try again where more hangs on it."""
    if is_open:
        await attempt.put_off(str(fault), unsure=attempt.errand.unsure)
    else:
        await attempt.end("undone", undoes=True)


async def _confirm(
    attempt: Attempt,
    told: UpstreamClient,
    decision: str,
    confirmed: Callable[[RegisteredClient, UpstreamClient], RegisteredClient],
) -> RegisteredClient:
    """The client as the AS confirmed it, stored. Raises: Rejected where it confirmed something else."""
    if told.secret is None:
        # It need not say again what it was told.
        told = replace(told, secret=attempt.wanted.secret)
    judged = judging.judge(attempt.wanted, told, attempt.server)
    attempt.report.findings.take(judged.findings)
    _tell_differing(attempt, told)
    if judged.value is None:
        raise await lied(attempt, told)
    made: list[RegisteredClient] = []
    verdict = await attempt.settle(_change_to(attempt, decision, lambda present: confirmed(present, told), made))
    if verdict is CommitVerdict.LOST:
        await overtaken(attempt, told)
        raise Unavailable("upstream", "somebody else ended this meanwhile", retry_after_s=1)
    if verdict is CommitVerdict.BUSY:
        pause = await attempt.put_off("the client that it gave is being deleted there", unsure=True)
        raise Unavailable("upstream", "what an earlier attempt made is being deleted", retry_after_s=round(pause))
    if verdict is not CommitVerdict.STORED:
        attempt.report.findings.add(gates.CLIENT_ID.failed("the bank's authorization server gave a taken client_id"))
        raise await lied(attempt, told)
    attempt.report.findings.passed(gates.TAKEN)
    attempt.report.facts["client_id"] = made[-1].client_id
    return made[-1]


def _change_to(
    attempt: Attempt,
    decision: str,
    confirmed: Callable[[RegisteredClient], RegisteredClient],
    made: list[RegisteredClient],
) -> Making:
    def making(present: RegisteredClient) -> Change:
        client = confirmed(present)
        made.append(client)
        _tell_new_secret(attempt, present, client)
        record = attempt.note(decision, client.client_id)
        return Change(audit=record, client=client, replaces=present.version, ends=attempt.errand.claim)

    return making


def _tell_differing(attempt: Attempt, told: UpstreamClient) -> None:
    differing = judging.differing(attempt.wanted, told)
    if differing:
        attempt.report.facts["upstream_differs"] = ", ".join(differing)


def _tell_new_secret(attempt: Attempt, before: RegisteredClient, after: RegisteredClient) -> None:
    """Not every server keeps the secret of a client that it makes anew, and its TPP knows only the one before."""
    held = before.secrets.get(CLIENT_SECRET)
    is_known = held is not None and before.status is not ClientStatus.PENDING
    if is_known and after.secrets.get(CLIENT_SECRET, held) != held:
        attempt.report.facts["tpp_must_read"] = "the server made another client_secret, which its TPP has yet to read"


def known_as(client: RegisteredClient, told: UpstreamClient, server: UpstreamServer) -> RegisteredClient:
    """The client with all by which the AS knows it. A secret that the AS made for its own method is the client's."""
    secrets = {**client.secrets, **({UPSTREAM_TOKEN: told.ref.token} if told.ref.token is not None else {})}
    if wanting.is_bridged(client.metadata, server):
        secrets |= {UPSTREAM_SECRET: told.secret} if told.secret is not None else {}
    else:
        secrets.pop(UPSTREAM_SECRET, None)
        if CLIENT_SECRET in secrets and told.secret is not None:
            secrets[CLIENT_SECRET] = told.secret
    former = client.upstream.uri if client.upstream is not None else None
    return replace(client, secrets=secrets, upstream=UpstreamRef(told.ref.client_id, told.ref.uri or former))


_ACTS: Mapping[Act, Callable[[Attempt], Awaitable[RegisteredClient | None]]] = {
    Act.CREATE: _create,
    Act.UPDATE: _update,
    Act.DELETE: _delete,
}
