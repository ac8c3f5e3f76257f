"""What decided, by name: the generation of the configuration, of a market's trust and of the scripts.

Numbers count within one process. Beside them stand digests of what they are made of, which are the same on every node
and after every start: so two decisions can be told to have been made by the same rules, or not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from cryptography.hazmat.primitives.serialization import Encoding

from dcrgw.config.printing import effective
from dcrgw.core.checks import Report
from dcrgw.core.market import Market
from dcrgw.materials import Materials
from dcrgw.scripting.host import ScriptHost

#: Hex digits of a digest that are told: enough to tell apart what one bank ever had.
_SHOWN = 16
#: Generations that are remembered; requests of older ones are long over.
_REMEMBERED = 16


class Names:
    """Remembers the names of the last generations, and reads those of the scripts off their host."""

    def __init__(self, host: ScriptHost) -> None:
        self._host = host
        self._known: dict[int, tuple[str, Mapping[str, str]]] = {}
        self._scripts = -1, ""

    def keep(self, number: int, materials: Materials) -> None:
        """Remember a generation that serves from now on. Secrets are no part of its names."""
        settings = (f"{each.key} = {each.value}" for each in effective(materials.settings))
        trust = {name: _of_trust(market) for name, market in materials.markets.items()}
        self._known[number] = _digest(line.encode() for line in settings), trust
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]

    def of(self, report: Report, begun: float) -> Mapping[str, str]:
        """The names of what decided. `begun` is when the request's first question was put, monotonic seconds."""
        configuration, trust = self._known.get(report.generation, ("", {}))
        found = {
            "gateway": str(report.generation) if report.generation else "",
            "configuration": configuration,
            "trust": trust.get(report.market, ""),
            "scripts": self._scripts_named(begun),
        }
        return {name: text for name, text in found.items() if text}

    def _scripts_named(self, begun: float) -> str:
        host = self._host
        if self._scripts[0] != host.swaps:
            entries = [each.entry for each in host.scripts]
            told = [f"{each.name} {each.revision} {_digest([each.text.encode()])[:8]}" for each in entries]
            self._scripts = host.swaps, f"{host.swaps}: {', '.join(told)}" if told else ""
        # Each call takes those that serve at its moment: where they changed on the way, it may have been either.
        return self._scripts[1] + (" (swapped meanwhile)" if host.swapped_at > begun else "")


def _of_trust(market: Market) -> str:
    anchors = market.anchors
    groups = (anchors.roots, anchors.intermediates, anchors.qualified_roots)
    each = [sorted(one.public_bytes(Encoding.DER) for one in group) for group in groups]
    return _digest(hashlib.sha256(der).digest() for group in (*each, sorted(market.self_signed or ())) for der in group)


def _digest(parts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:_SHOWN]
