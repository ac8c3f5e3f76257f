"""A request ready to be sent, with what it holds for people to read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from dcrgw.tpp import client, credentials
from dcrgw.tpp.client import Answer, Outgoing
from dcrgw.tpp.setup import Setup


@dataclass(frozen=True, slots=True)
class Moment:
    """What makes a request this one and no other: its time (epoch seconds), its jti, its label in the bank's log."""

    now: float = field(default_factory=time.time)
    jti: str = field(default_factory=lambda: str(uuid4()))
    interaction_id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that tell the label."""
        return {"x-fapi-interaction-id": self.interaction_id}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request. `shown` is what it holds, decoded: a title and its members; secrets are left out."""

    outgoing: Outgoing
    shown: Mapping[str, Mapping[str, Any]]


async def send(setup: Setup, prepared: Prepared, *, timeout_s: float = 30.0) -> Answer:
    """The bank's answer. Raises: ConnectionTrouble, CredentialsUnusable."""
    context = credentials.tls_context(setup.transport, setup.server_ca)
    return await client.send(
        prepared.outgoing, context, shows_certificate=setup.transport.is_given, timeout_s=timeout_s
    )
