"""The settings, as the operator writes them. docs/configuration.md is made from these descriptions.

Every section (`dcrgw.config.sections`) is frozen and refuses unknown keys. Rules that span several settings are in
`rules`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, PrivateAttr

from dcrgw.config.faults import ConfigFault
from dcrgw.config.sections.base import Section
from dcrgw.config.sections.directories import DirectorySettings
from dcrgw.config.sections.keeping import RecordingSettings, RegistrySettings, SigningSettings
from dcrgw.config.sections.listeners import Admin, Limits, Listeners
from dcrgw.config.sections.markets import MarketSettings
from dcrgw.config.sections.outgoing import Fetch, KeySetSettings, Outbound, StandingSettings
from dcrgw.config.sections.running import ConsentSettings, LoggingSettings, ReloadSettings
from dcrgw.config.sections.scripts import DetailTypeSettings, ScriptingSettings, ScriptSettings


class Settings(Section):
    """The whole configuration."""

    environment: Literal["production", "sandbox"] = Field(
        default="production", description="A sandbox may use loopback addresses and literal secrets; it warns of them."
    )
    listeners: Listeners = Field(description="Where the gateway is reached.")
    admin: Admin | None = Field(default=None, description="Where clients are looked after.")
    limits: Limits = Field(default_factory=Limits, description="What one connection or request may take.")
    registry: RegistrySettings = Field(description="Where registrations are kept.")
    recording: RecordingSettings = Field(
        default_factory=RecordingSettings, description="Whether decisions are kept with their evidence."
    )
    fetch: Fetch = Field(default_factory=Fetch, description="Limits of every outgoing request.")
    outbound: Outbound = Field(default_factory=Outbound, description="How the gateway reaches the world.")
    keysets: KeySetSettings = Field(default_factory=KeySetSettings, description="Caching of key sets.")
    standing: StandingSettings = Field(default_factory=StandingSettings, description="Caching of the directory's word.")
    signing: SigningSettings = Field(default_factory=SigningSettings, description="Our own signature keys.")
    reload: ReloadSettings = Field(
        default_factory=ReloadSettings, description="How changes are taken while the gateway runs."
    )
    consent: ConsentSettings = Field(
        default_factory=ConsentSettings, description="The pages on which customers sign in and decide."
    )
    logging: LoggingSettings = Field(default_factory=LoggingSettings, description="The log, on standard error.")
    directories: tuple[DirectorySettings, ...] = Field(
        alias="directory", min_length=1, description="Trust frameworks whose statements are taken."
    )
    markets: tuple[MarketSettings, ...] = Field(alias="market", min_length=1, description="Places where TPPs register.")
    scripting: ScriptingSettings = Field(
        default_factory=ScriptingSettings, description="How the bank's scripts are run."
    )
    scripts: tuple[ScriptSettings, ...] = Field(
        default=(), alias="script", description="The bank's interception scripts."
    )
    detail_types: tuple[DetailTypeSettings, ...] = Field(
        default=(), alias="detail_type", description="Types of authorization_details that need no script."
    )

    _source: Path = PrivateAttr(Path())
    _warnings: tuple[ConfigFault, ...] = PrivateAttr(())

    @property
    def source(self) -> Path:
        """The file that the settings were read from."""
        return self._source

    @property
    def warnings(self) -> tuple[ConfigFault, ...]:
        """What is served although it should not stay so; the log of a start names each."""
        return self._warnings

    @property
    def record_path(self) -> Path:
        """Where the record is, if recording is on."""
        return self.recording.path or self.registry.path.with_name("record.sqlite")

    @property
    def is_sandbox(self) -> bool:
        """True where loopback addresses and literal secrets are taken."""
        return self.environment == "sandbox"

    def directory(self, name: str) -> DirectorySettings | None:
        """The directory of this name."""
        return next((each for each in self.directories if each.name == name), None)

    def outbound_of(self, directory: DirectorySettings) -> Outbound:
        """The way out to a directory: its own, or everybody's."""
        return directory.outbound or self.outbound
