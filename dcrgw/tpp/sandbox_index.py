"""Reads a running sandbox's sandbox.json: everything that a TPP there needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dcrgw.core import strict_json
from dcrgw.tpp.requests import JSON

INDEX = "sandbox.json"
VERSION = 1
#: The part of the folder that `dcrgw tpp` writes to.
OURS = "tpp"

#: What belongs to the gateway's market rather than to the TPP.
_OF_MARKET = (
    "market", "profile", "issuer", "well_known", "registration_endpoint", "token_endpoint", "request_audience",
    "request_media_type", "request_metadata", "token_endpoint_auth_methods",
)  # fmt: skip


class SandboxUnusable(ValueError):
    """There is no sandbox to read there. The message says what to do."""


def options(folder: Path, *, market: str | None = None, tpp: str | None = None) -> dict[str, Any]:
    """The options of `dcrgw tpp` for one TPP (its name in `more`) in one market. Raises: SandboxUnusable."""
    index = _index(folder)
    chosen: dict[str, Any] = dict(index)
    if tpp is not None:
        chosen.update(_named(index.get("more"), tpp, "TPP"))
    if market is not None:
        by_name = {entry["market"]: entry for entry in index.get("markets", [])}
        entry = _named(by_name, market, "market")
        # A TPP that was asked for keeps its own keys and statement in whatever market.
        chosen.update({name: entry[name] for name in _OF_MARKET if name in entry} if tpp is not None else entry)
    return {**_options(folder, chosen), "client": _client_file(folder, chosen, tpp)}


def _index(folder: Path) -> Mapping[str, Any]:
    file = folder / INDEX
    try:
        index = strict_json.loads_object(file.read_bytes())
    except FileNotFoundError:
        raise SandboxUnusable(f"{file} is not there: start the sandbox first (dcrgw sandbox)") from None
    except (OSError, strict_json.JsonRefused):
        raise SandboxUnusable(f"{file} cannot be read") from None
    if index.get("version") != VERSION:
        raise SandboxUnusable(f"{file} is not of version {VERSION}: sandbox and command must be of one release")
    return index


def _named(entries: object, name: str, kind: str) -> Mapping[str, Any]:
    known = entries if isinstance(entries, Mapping) else {}
    if name not in known:
        raise SandboxUnusable(f"the sandbox has no {kind} {name}; it has {', '.join(sorted(known)) or 'none'}")
    found: Mapping[str, Any] = known[name]
    return found


def _client_file(folder: Path, chosen: Mapping[str, Any], tpp: str | None) -> Path:
    """Where a TPP's client in a market is kept, so that the next command knows it."""
    return folder / OURS / f"client-{'-'.join(filter(None, (chosen.get('market'), tpp)))}.json"


def _options(folder: Path, chosen: Mapping[str, Any]) -> dict[str, Any]:
    def path(name: str) -> Path | None:
        return folder / chosen[name] if name in chosen else None

    found = {
        "registration_endpoint": chosen.get("registration_endpoint"),
        "token_endpoint": chosen.get("token_endpoint"),
        "issuer": chosen.get("issuer"),
        "well_known": chosen.get("well_known"),
        "cert": path("transport_cert"),
        "key": path("transport_key"),
        "server_ca": path("server_ca"),
        "signing_key": path("signing_key"),
        "kid": chosen.get("kid"),
        "ssa": path("software_statement"),
        "audience": chosen.get("request_audience"),
        "redirect_uri": tuple(chosen.get("redirect_uris", ())),
        "scope": chosen.get("scope"),
        "auth_method": next(iter(chosen.get("token_endpoint_auth_methods", ())), None),
        "as_json": chosen.get("request_media_type") == JSON,
        "media_type": chosen.get("request_media_type"),
        "claims": chosen.get("request_metadata"),
    }
    return {name: value for name, value in found.items() if value}
