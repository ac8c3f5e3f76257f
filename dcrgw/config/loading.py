"""The door to the settings: a TOML file in, `Settings` out, or every fault at once."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from dcrgw.config import rules
from dcrgw.config.explaining import explain, key_of
from dcrgw.config.faults import ConfigFault, ConfigurationRefused
from dcrgw.config.manifests import scripts_of, with_manifests
from dcrgw.config.model import Settings
from dcrgw.config.sections.outgoing import KEYSET_LIFETIME_S
from dcrgw.config.sections.scripts import ScriptSettings

MAX_BYTES = 1024 * 1024


def load(path: Path | str) -> Settings:
    """The settings of a file. Relative paths in it start at the file's own folder.

    Only this file and the manifests of scripts that it names are read: keystores and secrets are opened by whoever
    uses them.
    Raises: ConfigurationRefused with every fault.
    """
    path = Path(path)
    return from_document(with_manifests(_document(path), path.absolute().parent, _document), path)


def load_manifest(path: Path) -> tuple[ScriptSettings, ...] | None:
    """The scripts of a manifest; None for a file that is a configuration. Raises: ConfigurationRefused."""
    document = _document(path)
    if "market" in document or "listeners" in document:
        return None
    try:
        tables = TypeAdapter(tuple[ScriptSettings, ...])
        return tables.validate_python(tuple(scripts_of(path, document)), context={"base": path.absolute().parent})
    except ValidationError as error:
        within: list[Any] = [{**each, "loc": ("script", *each["loc"])} for each in _details(error)]
        raise ConfigurationRefused(path, explain(within)) from None


def from_document(document: Mapping[str, Any], source: Path) -> Settings:
    """The settings of a document that stands for the file `source`. Raises: ConfigurationRefused."""
    base = source.absolute().parent
    settings: Settings | None
    faults: list[ConfigFault] = []
    try:
        settings = _validated(document, base)
    except ValidationError as error:
        found = _details(error)
        faults = explain(found)
        settings = _mended(document, found, base)
    if settings is not None:
        told = [fault.key for fault in faults]
        faults += [fault for fault in rules.judge(settings) if not _follows(fault, told)]
    if settings is None or faults:
        raise ConfigurationRefused(source, faults) from None
    settings._source = source
    settings._warnings = (*rules.warnings(settings), *_clamped(document))
    return settings


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused_whole(path, f"cannot be read ({error.strerror})", "name the configuration file") from None
    if len(content) > MAX_BYTES:
        raise _refused_whole(path, f"is larger than {MAX_BYTES} bytes", "name the configuration file")
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refused_whole(path, f"is not UTF-8 in line {line}", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise _refused_whole(path, f"is not TOML: {error}", "correct the line") from None
    except RecursionError:
        raise _refused_whole(path, "is nested too deep", "correct the file") from None


def _refused_whole(path: Path, reason: str, fix: str) -> ConfigurationRefused:
    return ConfigurationRefused(path, [ConfigFault(path.name, reason, fix)])


def _validated(document: Mapping[str, Any], base: Path) -> Settings:
    return Settings.model_validate(document, context={"base": base})


def _details(error: ValidationError) -> list[ErrorDetails]:
    """The errors that stand for themselves: not those of a list short of a refused item, or of a derived default."""
    found = error.errors(include_url=False, include_input=False)
    found = [each for each in found if each["type"] != "default_factory_not_called"]
    inner = {each["loc"][:n] for each in found for n in range(len(each["loc"]))}
    return [each for each in found if each["type"] != "too_short" or each["loc"] not in inner]


def _follows(fault: ConfigFault, told: Sequence[str]) -> bool:
    """True for a fault that may be gone once those told already are: it would only hide the others."""
    if any(fault.concerns(key) for key in told):
        return True
    for referring, named in _REFERRING:
        if re.fullmatch(referring, fault.key):
            return any(re.fullmatch(named, key) for key in told)
    return False


#: Faults that may come of what stands in for another refused setting.
_REFERRING = (
    (r"market\[\d+\]\.directories.*", r"directory(\[\d+\](\.name)?)?"),
    (r"script\[\d+\]\.markets.*", r"market(\[\d+\](\.name)?)?"),
    (r"registry\.sealing_keys", r"market(\[\d+\](\.profile)?)?"),
)


def _clamped(document: Mapping[str, Any]) -> list[ConfigFault]:
    written = document.get("keysets", {}).get("lifetime_s")
    least, most = KEYSET_LIFETIME_S
    if written is None or least <= written <= most:
        return []
    return [ConfigFault("keysets.lifetime_s", "is brought within its bounds", f"write {least:.0f} to {most:.0f}")]


def _mended(document: Mapping[str, Any], errors: Sequence[ErrorDetails], base: Path) -> Settings | None:
    """The settings with a harmless value wherever one was refused, so that the rules can judge the rest.

    Only ever judged, never served. None when the document is beyond mending.
    """
    draft = copy.deepcopy(dict(document))
    for _ in range(_ROUNDS):
        for error in sorted(errors, key=lambda each: len(each["loc"]), reverse=True):
            _mend(draft, error["loc"])
        try:
            return _validated(draft, base)
        except ValidationError as error:
            errors = _details(error)
    return None


def _mend(draft: Any, location: Sequence[str | int]) -> None:
    *path, last = location
    for part in path:
        try:
            draft = draft[part]
        except (KeyError, IndexError, TypeError):
            return
    harmless = _HARMLESS.get(".".join(part for part in location if isinstance(part, str)))
    if isinstance(draft, dict):
        draft.pop(last, None)
        if harmless is not None:
            is_list = key_of(location) in ("directory", "market")
            draft[last] = [copy.deepcopy(harmless)] if is_list else copy.deepcopy(harmless)
    elif isinstance(draft, list) and isinstance(last, int) and last < len(draft):
        # Tables keep their place, since faults name them by it; of plain values the bad one goes.
        if isinstance(harmless, dict):
            draft[last] = copy.deepcopy(harmless)
        else:
            del draft[last]


#: Each round mends one level: a table, then what is in it, then a list that lost its last value.
_ROUNDS = 4
_LISTENER: dict[str, Any] = {"port": 0}
_DIRECTORY: dict[str, Any] = {
    "name": "mended",
    "issuers": ["mended"],
    "jwks_endpoint": "https://mended.invalid/jwks",
}
_MARKET: dict[str, Any] = {
    "name": "mended",
    "base_url": "https://mended.invalid",
    "profile": "rfc7591",
    "directories": ["mended"],
    "trust": ["mended.pem"],
}
_SCRIPT: dict[str, Any] = {"type": "client_registration", "name": "mended", "file": "mended.py"}
_HARMLESS: dict[str, Any] = {
    "environment": "sandbox",
    "listeners": {"mtls": _LISTENER},
    "listeners.mtls": _LISTENER,
    "listeners.mtls.port": 0,
    "listeners.public.port": 0,
    "registry": {"path": "mended"},
    "registry.path": "mended",
    "directory": _DIRECTORY,
    "market": _MARKET,
    **{f"directory.{name}": value for name, value in _DIRECTORY.items()},
    **{f"market.{name}": value for name, value in _MARKET.items()},
    **{f"script.{name}": value for name, value in _SCRIPT.items()},
}
