"""When the market's authorization server (AS) says no, lies, or answers too late: nothing stays half done."""

from __future__ import annotations

from dataclasses import replace

from dcrgw.core.checks import CATALOGUE
from dcrgw.core.registration.client import ClientStatus, RegisteredClient, is_client_id
from dcrgw.core.upstream import answers, gates
from dcrgw.core.upstream.client import UPSTREAM_TOKEN, UpstreamClient, UpstreamRef
from dcrgw.core.upstream.errand import Act, Errand, errand_key
from dcrgw.errors import Rejected
from dcrgw.flows.attempt import Attempt
from dcrgw.ports.registry import Change, CommitVerdict

NOT_OURS = "it told of a client that it was not asked to make, or that was there before: it is left alone"
#: How often an open deletion is told what it has yet to delete, while it is claimed at the same moment.
_ROUNDS = 5


async def refused(attempt: Attempt, said: Rejected) -> Rejected:
    """The AS said no: nothing stays of what was begun, and the TPP hears why."""
    errand = attempt.errand
    held = (errand.wanted.secret if errand.wanted else None, errand.ref.token if errand.ref else None)
    findings = [
        CATALOGUE.get(fault.check, gates.METADATA).failed(answers.without(fault.description, held))
        for fault in said.faults
    ]
    for finding in findings:
        attempt.report.findings.add(finding)
    if errand.yields:
        # That the AS has what is registered is wanted all the same: the operator has to look.
        await attempt.put_off(str(said), unsure=errand.unsure)
    elif not errand.unsure:
        await attempt.end("undone", undoes=True)
    else:
        await _undo_what_may_be(attempt)
    return Rejected([finding.fault for finding in findings])


async def _undo_what_may_be(attempt: Attempt) -> None:
    """An attempt before may have done what the AS refuses now."""
    errand = attempt.errand
    following: Errand | None = None
    if attempt.server.finds_clients and errand.act is Act.CREATE:
        following = attempt.follow(Act.DELETE, "undone", unsure=True)
    elif errand.act is Act.UPDATE:
        present = await attempt.ports.registry.client(errand.market, errand.client_id)
        following = attempt.as_it_stands(present, errand.ref, "undone") if present is not None else None
        following = replace(following, unsure=True) if following is not None else None
    await attempt.end("undone", following, undoes=True)


async def outdated(attempt: Attempt) -> bool:
    """Whether the client was changed otherwise since: in a market that had no AS for a while. Then it ends."""
    errand = attempt.errand
    if errand.successor is None:
        return False
    present = await attempt.ports.registry.client(errand.market, errand.client_id)
    if present is None or present.request_digest == errand.over_digest:
        return False
    await attempt.end("undone", attempt.as_it_stands(present, present.upstream_ref(), "outdated"), undoes=True)
    return True


async def lied(attempt: Attempt, told: UpstreamClient) -> Rejected:
    """What the AS has is not what it was asked for: it shall have what it had before."""
    rejected = Rejected([finding.fault for finding in attempt.report.findings.failures])
    if attempt.errand.act is Act.UPDATE:
        await _restore(attempt, told)
        return rejected
    undoing: Errand | None = None
    if not _is_ours(attempt, told):
        attempt.tell_orphan(NOT_OURS)
    elif await _is_for_deletion(attempt, told.ref):
        undoing = attempt.follow(Act.DELETE, "undone", unsure=False, ref=told.ref)
    else:
        attempt.tell_orphan("it gave a client_id that another client has, or that none may have")
    if await attempt.end("undone", undoing, undoes=True) is CommitVerdict.LOST:
        await overtaken(attempt, told)
    return rejected


async def overtaken(attempt: Attempt, told: UpstreamClient) -> None:
    """The AS did what nobody waits for any more: whoever ends that client must know what it is called there."""
    errand, ports, ref = attempt.errand, attempt.ports, told.ref
    if not _is_ours(attempt, told):
        attempt.tell_orphan(NOT_OURS)
        await ports.registry.commit(Change(audit=attempt.note("overtaken")))
        return
    for _ in range(_ROUNDS):
        open_now = await ports.errands.of_client(errand.market, errand.client_id)
        if open_now is not None and open_now.act is Act.DELETE:
            knowing = replace(open_now, ref=ref, due_at=ports.clock.now(), claimed_until=0.0)
            change = Change(audit=attempt.note("overtaken"), ends=open_now.claim, begins=knowing)
        elif open_now is not None and ref.client_id == errand.client_id:
            return  # whoever carries it now finds the same client there
        elif await _is_for_deletion(attempt, ref, is_over=open_now is None):
            change = Change(audit=attempt.note("overtaken"), begins=_stray(attempt, ref))
        else:
            return
        if (await ports.registry.commit(change)).verdict is CommitVerdict.STORED:
            return


def with_token(ref: UpstreamRef, former: UpstreamRef | None) -> UpstreamRef:
    """What was found, with the token that is held already where none came with it."""
    if ref.token is not None or former is None:
        return ref
    return replace(ref, token=former.token, uri=ref.uri or former.uri)


async def _restore(attempt: Attempt, told: UpstreamClient) -> None:
    """The AS gets the client back as it stands here; the token that it gave meanwhile is kept."""
    errand = attempt.errand
    ref = with_token(told.ref, errand.ref)

    def making(present: RegisteredClient) -> Change:
        held = {**present.secrets, **({UPSTREAM_TOKEN: ref.token} if ref.token else {})}
        return Change(
            audit=attempt.note("undone"),
            client=replace(present, secrets=held),
            replaces=present.version,
            ends=errand.claim,
            undoes=errand if errand.successor is not None else None,
            begins=attempt.as_it_stands(present, ref, "undone"),
        )

    if await attempt.settle(making) is CommitVerdict.LOST:
        await overtaken(attempt, replace(told, ref=ref))


def _is_ours(attempt: Attempt, told: UpstreamClient) -> bool:
    """Whether what the AS tells of is what it was asked to make: by the id that we chose, else by its own word."""
    if attempt.server.takes_client_id:
        return told.ref.client_id == attempt.errand.client_id
    return told.is_new


async def _is_for_deletion(attempt: Attempt, ref: UpstreamRef, *, is_over: bool = False) -> bool:
    """Whether a client there is nobody's: never what a client here is known by, nor what no client may be called.

    `is_over`: the errand that asked for it is gone, and with it the pending client.
    """
    if ref.client_id == attempt.errand.client_id and not is_over:
        return True
    if not is_client_id(ref.client_id):
        return False
    known = await attempt.ports.registry.client(attempt.errand.market, ref.client_id)
    return known is None or (is_over and known.status is ClientStatus.DELETED)


def _stray(attempt: Attempt, ref: UpstreamRef) -> Errand:
    errand, now = attempt.errand, attempt.ports.clock.now()
    key = errand_key(Act.DELETE, errand.market, ref.client_id, errand.key)
    return Errand(
        key, Act.DELETE, errand.market, ref.client_id, errand.report_id, errand.interaction_id, now, now, ref=ref
    )
