"""What a gateway decides by, as a document: for another process of ours that tries it on recorded decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from dcrgw.compliance import values
from dcrgw.compliance.kept import text_of
from dcrgw.compliance.plain import Writer
from dcrgw.compliance.scripted import ScriptSet
from dcrgw.compliance.settings import Rules
from dcrgw.core.authorization.detail_rules import DeclaredType, Less
from dcrgw.core.authorization.detail_schema import compiled
from dcrgw.core.market import Market
from dcrgw.core.scripts.entry import ScriptEntry
from dcrgw.scripting.hiring import WorkerSettings
from dcrgw.scripting.prepared import Prepared


@dataclass(frozen=True, slots=True)
class Serving:
    """Everything of a gateway that decides: its markets, scripts and detail types. `named` for people."""

    named: str
    markets: Mapping[str, Market]
    scripts: ScriptSet

    @property
    def rules(self) -> Rules:
        """For a replay."""
        return Rules(self.named, markets=self.markets, scripts=self.scripts)


def carried(serving: Serving) -> str:
    """Its document: the same text for what decides alike. Secrets of scripts are in it: never for a file or a log."""
    chosen = serving.scripts
    return text_of(
        {
            "markets": {name: Writer().plain(market) for name, market in serving.markets.items()},
            "scripts": [_script(each) for each in sorted(chosen.scripts, key=lambda each: each.entry.inum)],
            "declared": [_declared(each) for each in chosen.declared],
            "workers": asdict(chosen.workers),
            "deadline_s": chosen.deadline_s,
        }
    )


def delivered(plain: Mapping[str, Any], named: str) -> Serving:
    """What `carried` wrote, of its JSON."""
    scripts = ScriptSet.of_gateway(
        [_read_script(each) for each in plain["scripts"]],
        [_read_declared(each) for each in plain["declared"]],
        # Few at a time: it runs beside a gateway that serves.
        workers=replace(WorkerSettings(**plain["workers"]), count=1, most=1),
        deadline_s=plain["deadline_s"],
    )
    return Serving(named, {name: _MARKET.read(each) for name, each in plain["markets"].items()}, scripts)


_MARKET, _ENTRY = values.shape(Market), values.shape(ScriptEntry)


def _script(each: Prepared) -> dict[str, Any]:
    # Cases have been tried; a revision's number decides nothing.
    entry = replace(each.entry, cases=(), revision=1)
    return {"entry": Writer().plain(entry), "properties": dict(each.properties), "is_missing": each.is_missing}


def _read_script(plain: Mapping[str, Any]) -> Prepared:
    return Prepared(_ENTRY.read(plain["entry"]), plain["properties"], plain["is_missing"])


def _declared(each: DeclaredType) -> dict[str, Any]:
    return {
        "type": each.type,
        "markets": list(each.markets),
        "schema": None if each.schema is None else each.schema.text,
        "texts": list(each.texts.items()),
        "narrows": dict(each.narrows),
    }


def _read_declared(plain: Mapping[str, Any]) -> DeclaredType:
    return DeclaredType(
        plain["type"],
        tuple(plain["markets"]),
        None if plain["schema"] is None else compiled(plain["schema"]),
        # In their order: the first language is for everybody else.
        dict(plain["texts"]),
        {place: Less(rule) for place, rule in plain["narrows"].items()},
    )
