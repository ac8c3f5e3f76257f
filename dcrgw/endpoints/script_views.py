"""What administrators see of scripts: never a hidden value, never a reference to a secret."""

from __future__ import annotations

from typing import Any

from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.core.scripts.entry_json import Difference, shown
from dcrgw.core.scripts.trial import CaseRun, Trial
from dcrgw.ports.script_entries import ScriptRevision
from dcrgw.ports.script_serving import ScriptError, ScriptState


def line(entry: ScriptEntry, state: ScriptState | None) -> dict[str, Any]:
    """One line of a list."""
    return {
        "inum": entry.inum,
        "type": entry.type,
        "name": entry.name,
        "level": entry.level,
        "mode": entry.mode,
        "enabled": entry.enabled,
        "revision": entry.revision,
        "home": "file" if entry.file else "registry",
        **_standing(entry, state),
    }


def whole(entry: ScriptEntry, state: ScriptState | None) -> dict[str, Any]:
    """All of an entry but its hidden values, and its state."""
    return {**shown(entry), **_standing(entry, state)}


def told_revision(revision: ScriptRevision) -> dict[str, Any]:
    """One line of a script's history."""
    return {
        "revision": revision.entry.revision,
        "change": revision.change.value,
        "author": revision.author,
        "at": revision.at,
        "reason": revision.reason,
    }


def told_difference(difference: Difference) -> dict[str, Any]:
    """What two revisions differ in."""
    members = [{"member": name, "from": old, "to": new} for name, old, new in difference.members]
    return {"members": members, "text": difference.text}


def told_error(error: ScriptError) -> dict[str, Any]:
    """One failure."""
    return {
        "inum": error.inum,
        "name": error.name,
        "at": error.at,
        "generation": error.generation,
        "interaction_id": error.interaction_id,
        "report_id": error.report_id,
        "method": error.method,
        "what": error.what,
        "trace": error.trace,
    }


def told_trial(trial: Trial) -> dict[str, Any]:
    """How a script did on its cases."""
    return {
        "passed": not trial.faults,
        "faults": list(trial.faults),
        "cases": [told_run(run) for run in trial.runs],
    }


def told_run(run: CaseRun) -> dict[str, Any]:
    """One case as it went."""
    return {
        "name": run.case.name,
        "method": run.case.method,
        "outcome": run.outcome,
        "problems": list(run.problems),
        "returned": run.returned,
        "changes": dict(run.changes),
        "refusal": None if run.refusal is None else dict(run.refusal),
        "failure": run.failure,
        "trace": run.trace,
        "log": run.printed,
        "took_ms": round(run.took_s * 1000, 3),
    }


def _standing(entry: ScriptEntry, state: ScriptState | None) -> dict[str, Any]:
    """What serves of it, and the mark of the change that the gate holds."""
    if state is None:
        return {"state": "not loaded" if entry.enabled else "disabled", "held": None}
    return {"state": state.words, "held": state.held or None}
