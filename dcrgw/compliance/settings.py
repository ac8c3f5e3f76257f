"""Under which rules a bundle is decided again: those of the recording, or others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache

from cryptography.x509 import Certificate

from dcrgw.compliance.bundle import Bundle
from dcrgw.compliance.outcomes import Outcome, stored_of
from dcrgw.compliance.replay import Undecidable, replay
from dcrgw.compliance.scripted import RunningScripts, ScriptSet, Sink, running
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.market import Market
from dcrgw.core.registration.profile import Profile
from dcrgw.scripting.runners import Runners


class Foreign(Undecidable):
    """A bundle of a market that the rules do not have."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`named` as the tester wrote it. Nothing set: the recording's own market, scripts and all.

    `markets` and `anchors` are by market; `trust` are certificates by the part of a market's trust that they replace.
    `at` is epoch seconds, None for the recorded time.
    """

    named: str
    profile: Profile | None = None
    markets: Mapping[str, Market] | None = None
    anchors: Mapping[str, TrustAnchors] | None = None
    trust: Mapping[str, tuple[Certificate, ...]] = field(default_factory=dict)
    scripts: ScriptSet | None = None
    at: float | None = None

    def market_of(self, bundle: Bundle) -> Market:
        """The market in which the bundle is decided. Raises: Foreign where the configuration has no such market."""
        name = bundle.market.name
        if any(known is not None and name not in known for known in (self.markets, self.anchors)):
            raise Foreign(f"its market {name} is not in {self.named}")
        market = bundle.market if self.markets is None else self.markets[name]
        if self.profile is not None:
            market = replace(market, profile=self.profile)
        if self.anchors is not None:
            market = replace(market, anchors=self.anchors[name])
        if self.trust:
            market = replace(market, anchors=_trusting(market.anchors, tuple(self.trust.items())))
        return market


@dataclass(frozen=True, slots=True)
class Deciding:
    """Rules that are ready to decide. Made by `deciding`."""

    rules: Rules
    scripts: RunningScripts | None = None

    async def decide(self, bundle: Bundle) -> Outcome:
        """What becomes of the bundle's request under these rules. Raises: Undecidable; Foreign as `Rules.market_of`."""
        market = self.rules.market_of(bundle)
        made = await replay(bundle, at=self.rules.at, market=market, scripts=self.scripts)
        return Outcome(made.decided, None if made.stored is None else stored_of(made.stored))


def tell_nobody(_event: str, **_fields: object) -> None:
    """Of what scripts print and do in a replay nobody is told, unless somebody asks."""


@asynccontextmanager
async def deciding(
    rules: Rules, on_event: Sink = tell_nobody, runners: Runners | None = None
) -> AsyncIterator[Deciding]:
    """The rules with their scripts loaded. Raises: as `running`."""
    if rules.scripts is None:
        yield Deciding(rules)
        return
    async with running(rules.scripts, on_event, runners) as scripts:
        yield Deciding(rules, scripts)


# Kept, since a path is judged once for each set of anchors, and known by its identity.
@lru_cache(maxsize=64)
def _trusting(anchors: TrustAnchors, parts: tuple[tuple[str, tuple[Certificate, ...]], ...]) -> TrustAnchors:
    return replace(anchors, **dict(parts))
