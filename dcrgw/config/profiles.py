"""Market profiles: the data files of `dcrgw/profiles`, read and judged."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from dcrgw.config.model import MarketSettings
from dcrgw.core.registration.profile import Document, Profile, from_document, resolve


@cache
def profile_names() -> tuple[str, ...]:
    """The names that a market may use."""
    folder = files("dcrgw").joinpath("profiles")
    return tuple(sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml")))


@cache
def load_profile(name: str) -> Profile:
    """The profile of this name, without any bank's policy. Raises: ValueError for an unknown or a broken one."""
    return from_document(name, resolve(_document(name), _document))


def profile_of(market: MarketSettings) -> Profile:
    """A market's profile with the bank's policy. Raises: ValueError whose text begins with the key at fault."""
    policy = dict(market.policy)
    if market.dn_match is not None:
        policy["dn_match"] = market.dn_match
    return load_profile(market.profile).with_policy(policy)


def _document(name: str) -> Document:
    if name not in profile_names():
        raise ValueError(f"{name}: no such profile")
    return tomllib.loads(files("dcrgw").joinpath("profiles", f"{name}.toml").read_text("utf-8"))
