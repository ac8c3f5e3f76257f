"""How it behaves while it runs: reloads, pages, the log."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dcrgw.config.sections.base import Int, Seconds, Section, Text, like
from dcrgw.config.values import FilePath


class GateSettings(Section):
    """Recorded decisions on which every change is tried before it serves. Where none are named, none is tried."""

    bundles: tuple[FilePath, ...] = Field(default=(), description="Bundles, or folders of them.")
    recorded: Int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="How many of the last decisions of each operation are taken from the gateway's own record besides "
        "(needs `recording`).",
    )
    allowed_changes: Int = Field(
        default=0,
        ge=0,
        description="Decisions that may come out otherwise, or store another client, without the change being refused.",
    )
    deadline_s: Seconds = Field(
        default=60, gt=0, le=600, description="Longest trial; what takes longer is refused. It holds up no request."
    )

    @property
    def is_on(self) -> bool:
        """Whether there is anything to try a change on."""
        return bool(self.bundles or self.recorded)


class ReloadSettings(Section):
    """How changes are taken while the gateway runs. SIGHUP and `dcrgw reload` work besides."""

    interval_s: Seconds = Field(
        default=5,
        ge=0,
        le=3600,
        description="How often the configuration and the files that it names are looked at; 0 for never.",
    )
    gate: GateSettings = Field(
        default_factory=GateSettings, description="Recorded decisions on which every change is tried before it serves."
    )


class ConsentSettings(Section):
    """The pages on which customers sign in and decide what a TPP gets."""

    customers: FilePath | None = Field(
        default=None, description="Customers who may sign in: a file made by `dcrgw customers`."
    )
    bank_name: Text | None = Field(
        default=None,
        description="The name above each page.",
        json_schema_extra=like("the host of the market's issuer"),
    )
    attempts: Int = Field(
        default=5, ge=1, le=100, description="Sign-ins at one account from one network before it must wait."
    )
    attempts_of_network: Int = Field(
        default=50, ge=1, le=100_000, description="Sign-ins at all accounts from one network before it must wait."
    )
    attempts_s: Int = Field(default=900, ge=10, le=86_400, description="The time in which they are counted.")
    waiting: Int = Field(
        default=10_000,
        ge=100,
        le=1_000_000,
        description="Requests that may wait for a sign-in; beyond it the oldest of the network with most ends.",
    )


class LoggingSettings(Section):
    """The log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level written.")
    format: Literal["json", "console"] = Field(default="json", description="JSON lines, or text for people.")
