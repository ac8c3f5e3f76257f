"""How the gateway asks others, and how long it takes their word."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from dcrgw.config.sections.base import Int, Seconds, Section, Text
from dcrgw.config.values import AllowedNetwork, ProxyUrl, Secret

KEYSET_LIFETIME_S = (60.0, 3600.0)


def _clamp(value: float) -> float:
    least, most = KEYSET_LIFETIME_S
    return min(max(value, least), most)


class Fetch(Section):
    """Limits of every outgoing request."""

    total_s: Seconds = Field(default=5, gt=0, le=60, description="Look-up, connection, TLS and body together.")
    max_bytes: Int = Field(default=262144, ge=1024, le=4194304, description="Largest answer taken.")
    allowed_networks: tuple[AllowedNetwork, ...] = Field(
        default=(), description="Networks beyond public addresses that may be asked (CIDR); sandbox only."
    )


class Outbound(Section):
    """How the gateway reaches the world."""

    proxy: ProxyUrl | None = Field(default=None, description="HTTP proxy, as http://host:port.")
    proxy_username: Text | None = Field(default=None, description="User name at the proxy.")
    proxy_password: Secret | None = Field(default=None, description="Password at the proxy.")


class KeySetSettings(Section):
    """Caching of directories' and software's key sets."""

    lifetime_s: Annotated[Seconds, AfterValidator(_clamp)] = Field(
        default=300, description="Life of a key set that names none itself; brought within 60 to 3600."
    )
    stale_s: Seconds = Field(
        default=3600, ge=0, le=3600, description="How long an old set serves while its source is down."
    )
    cooldown_s: Seconds = Field(
        default=60, ge=1, le=3600, description="Least time between two fetches for an unknown key id."
    )


class StandingSettings(Section):
    """Caching of the directory's word."""

    lifetime_s: Seconds = Field(
        default=60, ge=0, le=300, description="How long the directory's word on a TPP is used again."
    )
