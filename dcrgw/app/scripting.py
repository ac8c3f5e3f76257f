"""The bank's scripts at run time: their processes, and the host that the flows know."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from fnmatch import fnmatchcase

from dcrgw.app.gating import Gatekeeper
from dcrgw.config.model import Settings
from dcrgw.config.secrets import SecretReference
from dcrgw.core.market import Market
from dcrgw.core.scripts.entry import ScriptEntry, ScriptProperty
from dcrgw.edge.events import Sink
from dcrgw.edge.health import Health
from dcrgw.edge.redaction import redact_text
from dcrgw.errors import Misconfigured
from dcrgw.materials import Materials
from dcrgw.materials.scripts import script_entry, worker_settings
from dcrgw.ports.clock import Clock
from dcrgw.ports.decisions import Decisions
from dcrgw.ports.script_entries import ScriptEntries
from dcrgw.scripting.files import ScriptFiles
from dcrgw.scripting.host import ScriptHost
from dcrgw.scripting.keeping import ScriptKeeper
from dcrgw.scripting.prepared import Prepared
from dcrgw.scripting.runner import Loaded
from dcrgw.scripting.runners import Runners


class Scripting:
    """Made before any secret is read, since the scripts' processes must not have seen one."""

    def __init__(self, settings: Settings, clock: Clock, on_event: Sink) -> None:
        section = settings.scripting
        self._clock, self._on_event = clock, on_event
        self._keeper: ScriptKeeper | None = None
        self._materials: Materials | None = None
        self._watch: asyncio.Task[None] | None = None
        #: After so many swaps: what is hidden now, and what was before, for calls that began with that.
        self._hidden: tuple[int, frozenset[str], frozenset[str]] = -1, frozenset(), frozenset()
        self.runners = Runners(worker_settings(section), on_event)
        self.host = ScriptHost(on_event=on_event, redact=redact_text, deadline_s=section.deadline_s, now=clock.now)
        if any(script.enabled and script.mode == "worker" for script in settings.scripts):
            self.runners.start()

    async def serve(
        self, materials: Materials, entries: ScriptEntries, health: Health, decisions: Decisions
    ) -> Gatekeeper:
        """Load what settings and registry name, serve it, and look for changes from then on; what tries changes.

        Raises: Misconfigured with every fault of the scripts that the settings name.
        """
        settings = materials.settings
        self.follow(materials)
        gatekeeper = Gatekeeper(lambda: self._serving, self._scripts, decisions, self._on_event)
        self._keeper = ScriptKeeper(
            host=self.host,
            runner=self.runners,
            script_files=ScriptFiles([script_entry(script) for script in settings.scripts]),
            entries=entries,
            resolve=lambda entry: _Properties(self._serving).of(entry),
            clock=self._clock,
            on_event=self._on_event,
            on_health=lambda ok, reason: health.set("scripts", ok, reason),
            note=lambda loaded: _uncalled(loaded, self._serving),
            deadline_s=settings.scripting.deadline_s,
            gate=gatekeeper.scripts,
        )
        await self._keeper.start()
        # The one task of the scripts: kept here, ended by `close`.
        self._watch = asyncio.get_running_loop().create_task(self._keeper.watch(), name="watch scripts")
        return gatekeeper

    def follow(self, materials: Materials) -> None:
        """Take properties and markets from another generation at the next look; which scripts there are stays."""
        self._materials = materials

    @property
    def _serving(self) -> Materials:
        assert self._materials is not None
        return self._materials

    def _scripts(self) -> tuple[Prepared, ...]:
        return self.keeper.serving()

    def hidden(self) -> frozenset[str]:
        """The hidden values of the scripts that serve, and of those that served before them."""
        swaps, now, before = self._hidden
        if swaps != self.host.swaps and self._keeper is not None:
            now, before = frozenset(value for each in self._scripts() for value in each.hidden), now
            self._hidden = self.host.swaps, now, before
        return now | before

    @property
    def keeper(self) -> ScriptKeeper:
        """What serves, for those who look after it; once `serve` has been called."""
        assert self._keeper is not None
        return self._keeper

    async def close(self) -> None:
        """Put every script away and end every process."""
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        await self.host.close()
        await self.runners.close()


class _Properties:
    """The values of scripts' properties, their secrets resolved."""

    def __init__(self, materials: Materials) -> None:
        self._of_files = materials.script_properties
        self._base = materials.settings.source.parent
        self._section = materials.settings.scripting
        self._markets = frozenset(materials.markets)

    def of(self, entry: ScriptEntry) -> dict[str, str]:
        """By name. Raises: Misconfigured."""
        if entry.file is not None:
            return {name: value.get_secret_value() for name, value in self._of_files[entry.name].items()}
        if unknown := sorted(set(entry.markets) - self._markets):
            raise Misconfigured(f"there is no market {unknown[0]}: there are {', '.join(sorted(self._markets))}")
        # Who may send a script from afar need not be who may read this machine's secrets, or run as the gateway.
        if entry.mode == "inline" and not self._section.registry_inline:
            raise Misconfigured("a script of the registry runs in a worker, unless scripting.registry_inline is true")
        # Read at each look, so that a rotated secret is a change like any other.
        return {
            each.value1: self._resolved(each) for each in (*entry.module_properties, *entry.configuration_properties)
        }

    def _resolved(self, each: ScriptProperty) -> str:
        if not each.is_reference:
            return each.value2
        permitted = any(fnmatchcase(each.value2, pattern) for pattern in self._section.registry_secrets)
        if not permitted or ".." in each.value2:
            raise Misconfigured(
                f"the secret reference of its property {each.value1} is none that scripting.registry_secrets permits"
            )
        try:
            return SecretReference.parse(each.value2, self._base).resolve().get_secret_value()
        except (ValueError, Misconfigured):
            # Not the reference itself: an error shows neither secrets nor where they are.
            raise Misconfigured(f"the secret of its property {each.value1} cannot be had: is it there?") from None


_JWKS = frozenset({"getSoftwareStatementJwks", "getDcrJwks"})
_SECRETS = frozenset({"getSoftwareStatementHmacSecret", "getDcrHmacSecret"})


def _uncalled(loaded: Loaded, materials: Materials) -> str:
    """What of a script's sources of trust nothing calls as the settings are, and why; empty where all is called."""
    if not any(directory.keys == "script" for directory in materials.settings.directories):
        idle, why = loaded.methods & (_JWKS | _SECRETS), 'no directory has keys = "script"'
    elif not any("HS256" in _algorithms(market) for market in materials.markets.values()):
        idle, why = loaded.methods & _SECRETS, "no profile lists HS256"
    else:
        return ""
    return f"{', '.join(sorted(idle))} not called: {why}" if idle else ""


def _algorithms(market: Market) -> frozenset[str]:
    return market.profile.statement.algorithms | market.profile.request.algorithms
