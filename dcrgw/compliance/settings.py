"""Under which rules a bundle is decided again: those of the recording, or others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dcrgw.compliance.bundle import Bundle, Decided
from dcrgw.compliance.replay import replay
from dcrgw.config.loading import load
from dcrgw.config.profiles import load_profile, profile_names
from dcrgw.core.market import Market
from dcrgw.core.registration.profile import Profile
from dcrgw.materials import open_materials


@dataclass(frozen=True, slots=True)
class Rules:
    """`named` as the tester wrote it. Nothing set: the recording's own market, and nothing is decided anew.

    `at` is epoch seconds, None for the recorded time.
    """

    named: str
    profile: Profile | None = None
    markets: Mapping[str, Market] | None = None
    at: float | None = None

    def market_of(self, bundle: Bundle) -> Market:
        """The market in which the bundle is decided. Raises: KeyError where the configuration has no such market."""
        if self.markets is not None:
            return self.markets[bundle.market.name]
        return replace(bundle.market, profile=self.profile) if self.profile else bundle.market

    async def decide(self, bundle: Bundle) -> Decided:
        """What becomes of the bundle's request under these rules. Raises: KeyError as `market_of`."""
        return (await replay(bundle, at=self.at, market=self.market_of(bundle))).decided


def rules_of(named: str, at: float | None, now: float) -> Rules:
    """The rules that a tester names: `recorded`, a profile's name, or a configuration file.

    `now` is the time by which a configuration's keystores are judged. Raises: ValueError for what is none of
    these, Misconfigured for a configuration with faults.
    """
    if named == "recorded":
        return Rules(named, at=at)
    if named in profile_names():
        return Rules(named, profile=load_profile(named), at=at)
    path = Path(named)
    if path.is_file():
        return Rules(named, markets=open_materials(load(path), now).markets, at=at)
    raise ValueError(
        f"{named} is neither `recorded`, nor a configuration file, nor one of {', '.join(profile_names())}"
    )
