"""Market profiles: the data files of `dcrgw/profiles`, and those that a bank brings itself, read and judged."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path

from dcrgw.config.model import Settings
from dcrgw.config.sections.markets import MarketSettings
from dcrgw.core.registration.profile import Document, Profile, from_document, resolve


@cache
def profile_names() -> tuple[str, ...]:
    """The names that a market may use."""
    folder = files("dcrgw").joinpath("profiles")
    return tuple(sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml")))


@cache
def load_profile(place: str | Path) -> Profile:
    """The profile of this name, or of this file, without any bank's policy.

    A file may extend a profile that is shipped. Raises: ValueError for an unknown or a broken one.
    """
    if isinstance(place, str):
        return from_document(place, resolve(_document(place), _document))
    return from_document(place.stem, resolve(_own_document(place), _document))


def profile_files() -> tuple[Path, ...]:
    """The files that profiles are read from, where they lie as files."""
    folder = files("dcrgw").joinpath("profiles")
    return tuple(each for each in folder.iterdir() if isinstance(each, Path) and each.suffix == ".toml")


def forget_profiles() -> None:
    """Read every profile anew when it is next asked for."""
    profile_names.cache_clear()
    load_profile.cache_clear()


def profile_of(market: MarketSettings) -> Profile:
    """A market's profile with the bank's policy. Raises: ValueError whose text begins with the key at fault."""
    policy = dict(market.policy)
    if market.dn_match is not None:
        policy["dn_match"] = market.dn_match
    return load_profile(market.profile).with_policy(policy)


def profile_served(market: MarketSettings, settings: Settings) -> Profile:
    """The same, as a gateway of these settings serves it.

    The OB directory signs statements of its sandbox and of production as one issuer, so that in production only
    those that say `production` are taken, unless the bank's policy says otherwise. Raises: as `profile_of`.
    """
    profile = profile_of(market)
    says_environment = "software_environment" in profile.statement.claims
    if settings.is_sandbox or not says_environment or "statement_environments" in market.policy:
        return profile
    return profile.with_policy({"statement_environments": ["production"]})


def _own_document(file: Path) -> Document:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{file} is no TOML: {error}") from None


def _document(name: str) -> Document:
    if name not in profile_names():
        raise ValueError(f"{name}: no such profile; there are {', '.join(profile_names())}, or a file of your own")
    return tomllib.loads(files("dcrgw").joinpath("profiles", f"{name}.toml").read_text("utf-8"))
