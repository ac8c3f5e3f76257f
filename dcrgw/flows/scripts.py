"""Looking after the bank's scripts: every change is one revision, and none serves untried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dcrgw.core.checks import gate
from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.scripts.entry_checks import INUM
from dcrgw.core.scripts.entry_json import (
    Difference,
    EntryRefused,
    Members,
    difference,
    patched,
    read_entry,
    shown,
)
from dcrgw.core.scripts.trial import Trial
from dcrgw.errors import ErrorCode, Misconfigured, Rejected
from dcrgw.flows.waiving import Waiver, note
from dcrgw.ports import Ports
from dcrgw.ports.clock import Clock
from dcrgw.ports.script_entries import ScriptChange, ScriptEntries, ScriptRevision, ScriptVerdict
from dcrgw.ports.script_serving import ScriptServing, ScriptState
from dcrgw.ports.scripts import IdGenerator, Occasion

_SPEC = "docs/managing-scripts.md"
_CODE = ErrorCode.INVALID_REQUEST
#: More revisions than anybody makes of one script.
_ALL = 100_000

KNOWN = gate("admin.script.known", "There is a script of this inum", spec=_SPEC, code=_CODE, status=404)
ENTRY = gate("admin.script.entry", "The entry is of the form, member by member", spec=_SPEC, code=_CODE, status=422)
TRIAL = gate(
    "admin.script.trial",
    "The script compiles, initialises and does on its cases what they say",
    spec=_SPEC,
    code=_CODE,
    status=422,
)
GATE = gate(
    "admin.script.gate",
    "Recorded decisions stay as they are under the change, but for as many as [reload.gate] allows",
    spec="docs/operations.md, The gate",
    code=_CODE,
    status=422,
)
HELD = gate("admin.script.held", "The gate holds a change of the script", spec=_SPEC, code=_CODE, status=409)
REVISION = gate(
    "admin.script.revision", "If-Match names the revision that stands", spec="RFC 9110 §13.1.1", code=_CODE, status=412
)
ALONE = gate(
    "admin.script.alone", "No other script has the inum, or the name in its type", spec=_SPEC, code=_CODE, status=409
)
HOME = gate(
    "admin.script.home", "The script is kept in the registry, not in a file", spec=_SPEC, code=_CODE, status=409
)
SEALED = gate(
    "admin.script.sealed", "Hidden values can be sealed before they are kept", spec=_SPEC, code=_CODE, status=409
)


@dataclass(frozen=True, slots=True)
class ScriptDesk:
    """What looking after scripts takes."""

    entries: ScriptEntries
    serving: ScriptServing
    clock: Clock
    #: Whose id_generator may choose the inum of an entry that is given none.
    ids: IdGenerator | None = None
    #: Where it is kept who let a change past the gate.
    ports: Ports | None = None


@dataclass(frozen=True, slots=True)
class ScriptOrder:
    """Who changes a script and why. `replaces` is the revision that the author saw (If-Match).

    `force_disabled`: store it untried, and disabled. `anyway`: take it whatever recorded decisions say.
    """

    author: str
    reason: str = ""
    replaces: int | None = None
    force_disabled: bool = False
    anyway: bool = False
    interaction_id: str = ""


async def all_scripts(desk: ScriptDesk) -> tuple[ScriptEntry, ...]:
    """Every script of both homes, by type, descending level and name: in the order in which they run."""
    entries = (*desk.serving.files(), *await desk.entries.all())
    return tuple(sorted(entries, key=lambda entry: (entry.type, -entry.level, entry.name)))


async def script(desk: ScriptDesk, inum: str, revision: int | None = None) -> ScriptEntry:
    """One script as it stands, or at a revision. Raises: Rejected for an unknown one."""
    if revision is not None:
        return await _at_revision(desk, inum, revision)
    found = _of_file(desk, inum) or await desk.entries.entry(inum)
    if found is None:
        raise KNOWN.rejection("there is no such script")
    return found


async def add(desk: ScriptDesk, members: Members, order: ScriptOrder) -> ScriptEntry:
    """A new script. Raises: Rejected with every fault of the entry or of its trial."""
    entry = _read(await _with_inum(desk, members), None)
    if _of_file(desk, entry.inum) is not None:
        raise ALONE.rejection(f"a script of the configuration has the inum {entry.inum}")
    if await desk.entries.entry(entry.inum) is not None:
        raise ALONE.rejection(f"there is a script {entry.inum} already: change that one, or give another name or inum")
    entry = replace(entry, revision=await desk.entries.next_revision(entry.inum))
    return await _store(desk, entry, ScriptChange.ADDED, order, None)


async def _with_inum(desk: ScriptDesk, members: Members) -> Members:
    """The members, with an inum of the bank's id_generator where they have none and it makes one.

    Raises: Misconfigured where that is no inum; Unavailable.
    """
    if members.get("inum") or desk.ids is None:
        return members
    made = await desk.ids.generate_id(Occasion(market="", operation="admin"), "script")
    if made is None:
        return members
    if not INUM.fullmatch(made):
        raise Misconfigured("the id_generator script made an inum of another form")
    return {**members, "inum": made}


async def put(desk: ScriptDesk, inum: str, members: Members, order: ScriptOrder) -> ScriptEntry:
    """A script with a new state. Raises: Rejected."""
    before = await _changeable(desk, inum, order)
    return await _store(desk, _read(members, before), ScriptChange.CHANGED, order, before)


async def patch(desk: ScriptDesk, inum: str, change: Members, order: ScriptOrder) -> ScriptEntry:
    """A script with some members changed (RFC 7396). Raises: Rejected."""
    before = await _changeable(desk, inum, order)
    members = patched(shown(before), dict(change))
    assert isinstance(members, dict)
    return await _store(desk, _read(members, before), ScriptChange.CHANGED, order, before)


async def switch(desk: ScriptDesk, inum: str, enabled: bool, order: ScriptOrder) -> ScriptEntry:
    """A script enabled or disabled; unchanged, and no new revision, where it was so. Raises: Rejected."""
    before = await _changeable(desk, inum, order)
    if before.enabled is enabled:
        return before
    change = ScriptChange.ENABLED if enabled else ScriptChange.DISABLED
    return await _store(desk, _following(before, enabled=enabled), change, order, before)


async def roll_back(desk: ScriptDesk, inum: str, revision: int, order: ScriptOrder) -> ScriptEntry:
    """A script as it was at an earlier revision, as its newest one. Raises: Rejected."""
    before = await _changeable(desk, inum, order)
    entry = replace(await _at_revision(desk, inum, revision), revision=before.revision + 1)
    return await _store(desk, entry, ScriptChange.ROLLED_BACK, order, before)


async def delete(desk: ScriptDesk, inum: str, order: ScriptOrder) -> ScriptEntry:
    """The script as it was; its history stays. Raises: Rejected."""
    before = await _changeable(desk, inum, order)
    await _weigh(desk, before, None, order)
    await _commit(desk, _following(before, enabled=False), ScriptChange.DELETED, order, before)
    return before


async def accept(desk: ScriptDesk, inum: str, held: str, order: ScriptOrder) -> ScriptEntry:
    """A script whose change the gate held under this mark, and which now serves as changed.

    Who accepts is audited first, and stays so where another edit came in between and nothing is taken.
    Raises: Rejected where it holds none, or another.
    """
    entry = await script(desk, inum)
    state = desk.serving.states().get(inum, ScriptState())
    if not state.held:
        raise HELD.rejection("there is no change of the script that the gate refused")
    if held != state.held:
        raise HELD.rejection(f"the script was edited again: what the gate holds now is {state.held}")
    await _waive(desk, entry, order)
    if not await desk.serving.accept(inum, held):
        raise HELD.rejection("the script was edited again meanwhile: see what the gate says of that")
    return await script(desk, inum)


async def tried(desk: ScriptDesk, inum: str) -> Trial:
    """A script tried on its cases as it stands. Raises: Rejected for an unknown one."""
    return await desk.serving.try_out(await script(desk, inum))


async def history(desk: ScriptDesk, inum: str, limit: int) -> tuple[ScriptRevision, ...]:
    """The revisions of a script, newest first, also of a deleted one. Raises: Rejected."""
    found = await desk.entries.history(inum, limit)
    if not found and _of_file(desk, inum) is not None:
        raise HOME.rejection("the script is a file: its history is where the file is kept")
    if not found:
        raise KNOWN.rejection("there is no such script")
    return found


async def diff(desk: ScriptDesk, inum: str, old: int | None, new: int | None) -> Difference:
    """What changed from one revision to another: by default from the last but one to the last. Raises: Rejected."""
    newest = (await history(desk, inum, 1))[0].entry.revision
    after = newest if new is None else new
    before = max(1, after - 1) if old is None else old
    return difference(await _at_revision(desk, inum, before), await _at_revision(desk, inum, after))


def _of_file(desk: ScriptDesk, inum: str) -> ScriptEntry | None:
    return next((entry for entry in desk.serving.files() if entry.inum == inum), None)


async def _changeable(desk: ScriptDesk, inum: str, order: ScriptOrder) -> ScriptEntry:
    of_file = _of_file(desk, inum)
    if of_file is not None:
        raise HOME.rejection(f"the script is kept in {of_file.file}: edit the file, or its [[script]] table")
    before = await script(desk, inum)
    if order.replaces is not None and order.replaces != before.revision:
        raise REVISION.rejection(f"the script is at revision {before.revision}, not {order.replaces}: look at it again")
    return before


async def _at_revision(desk: ScriptDesk, inum: str, revision: int) -> ScriptEntry:
    for each in await history(desk, inum, _ALL):
        if each.entry.revision == revision:
            return each.entry
    raise KNOWN.rejection(f"there is no revision {revision} of the script")


def _read(members: Members, before: ScriptEntry | None) -> ScriptEntry:
    try:
        return read_entry(members, before=before)
    except EntryRefused as refused:
        raise Rejected([ENTRY.failed(str(fault)).fault for fault in refused.faults]) from refused


def _following(before: ScriptEntry, *, enabled: bool) -> ScriptEntry:
    return replace(before, enabled=enabled, revision=before.revision + 1)


async def _store(
    desk: ScriptDesk, entry: ScriptEntry, change: ScriptChange, order: ScriptOrder, before: ScriptEntry | None
) -> ScriptEntry:
    """Try it, then keep it, then let it serve."""
    if order.force_disabled:
        entry = replace(entry, enabled=False)
    elif change is not ScriptChange.DISABLED:
        _judge((await desk.serving.try_out(entry)).faults)
    await _weigh(desk, entry, entry, order)
    await _commit(desk, entry, change, order, before)
    return entry


async def _weigh(desk: ScriptDesk, entry: ScriptEntry, wanted: ScriptEntry | None, order: ScriptOrder) -> None:
    """Let a script become as wanted (None: gone) only where recorded decisions stay, or the author says so."""
    if not order.anyway:
        faults = await desk.serving.weigh(entry.inum, wanted)
        if faults:
            raise Rejected([GATE.failed(fault).fault for fault in faults])
        return
    await _waive(desk, entry, order)
    if wanted is not None:
        await desk.serving.let_pass(wanted)


async def _waive(desk: ScriptDesk, entry: ScriptEntry, order: ScriptOrder) -> None:
    assert desk.ports is not None, "a desk whose authors may waive keeps who did"
    change = f"{entry.type}/{entry.name} ({entry.inum}), revision {entry.revision}"
    await note(Waiver("script", change, order.author, order.interaction_id, order.reason), desk.ports)


def _judge(faults: Sequence[str]) -> None:
    if faults:
        raise Rejected([TRIAL.failed(fault).fault for fault in faults])


async def _commit(
    desk: ScriptDesk, entry: ScriptEntry, change: ScriptChange, order: ScriptOrder, before: ScriptEntry | None
) -> None:
    if any((each.type, each.name) == (entry.type, entry.name) for each in desk.serving.files()):
        raise ALONE.rejection(f"a script of the configuration is the {entry.type} script {entry.name}")
    revision = ScriptRevision(entry, change, order.author, desk.clock.now(), order.reason)
    try:
        verdict = await desk.entries.store(revision, before.revision if before else None)
    except Misconfigured as unsealed:
        fix = "give it by reference (env:NAME, file:/path), or set registry.sealing_keys"
        raise SEALED.rejection(f"a hidden value cannot be kept without a sealing key: {fix}") from unsealed
    if verdict is ScriptVerdict.NAME_TAKEN:
        raise ALONE.rejection(f"another {entry.type} script has the name {entry.name}")
    if verdict is ScriptVerdict.CONFLICT:
        raise REVISION.rejection("the script was changed at the same moment: look at it again")
    await desk.serving.look()
