"""Who asks at the administration's door, proven by the kernel or by a certificate, never by a header."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from dcrgw.adapters.local_users import user_name
from dcrgw.core.administration import Administrator, LocalUsers, Rights
from dcrgw.core.certificates.holder import ANY_KIND
from dcrgw.core.certificates.identity import identify
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.certificates.revocation import Mode, RevocationPolicy
from dcrgw.core.checks import gate
from dcrgw.edge.peer import peer_chain, peer_user
from dcrgw.errors import ErrorCode, Rejected
from dcrgw.flows.revocation import demand, judge_revocation
from dcrgw.ports.clock import Clock
from dcrgw.ports.revocation import Revocation

PERMITTED = gate(
    "admin.permitted",
    "The configuration lets this user, or this certificate's holder, do this",
    spec="docs/configuration.md, admin",
    code=ErrorCode.INVALID_REQUEST,
    status=403,
)


class Door(Protocol):
    """One way in."""

    async def enter(self, request: web.BaseRequest) -> Administrator:
        """Who asks. Raises: Rejected for a stranger."""
        ...

    @property
    def writers_told(self) -> Iterable[str]:
        """Who may change, for somebody who may not."""
        ...


@dataclass(frozen=True, slots=True)
class SocketDoor:
    """For a socket file: the user who connected."""

    readers: LocalUsers
    writers: LocalUsers

    @property
    def writers_told(self) -> Iterable[str]:
        """Users' names, and groups' with % in front."""
        return self.writers.told

    async def enter(self, request: web.BaseRequest) -> Administrator:
        """The user, by the credentials that the kernel noted."""
        user = peer_user(request)
        if user is None:
            raise PERMITTED.rejection("the connection tells no user")
        # The machine's user directory may be across a network.
        name = await asyncio.to_thread(user_name, user.uid)
        if self.writers.hold(user.uid, user.gids):
            return Administrator(name, may_write=True)
        if self.readers.hold(user.uid, user.gids):
            return Administrator(name, may_write=False)
        listed = ", ".join(dict.fromkeys((*self.readers.told, *self.writers.told)))
        raise PERMITTED.rejection(f"no permission to look: you are {name}, those who may are {listed}")


@dataclass(frozen=True, slots=True)
class CertificateDoor:
    """For a mutual TLS listener: the common name of the certificate, proven anew for every request."""

    anchors: TrustAnchors
    rights: Rights
    clock: Clock
    #: What is asked about certificates that the operator's CA took back, in whose name.
    revocation: Revocation
    policy: RevocationPolicy
    asker: str

    @property
    def writers_told(self) -> Iterable[str]:
        """Common names."""
        return sorted(self.rights.writers)

    async def enter(self, request: web.BaseRequest) -> Administrator:
        """The holder of the certificate. Its name reads `CN=…`: no local user's does."""
        chain, at = peer_chain(request), self.clock.now()
        # The operator's CA names people as it likes: what counts is the one common name.
        judged = identify(chain, self.anchors, at, ANY_KIND)
        if judged.value is None:
            raise Rejected([finding.fault for finding in judged.failures])
        if self.policy.mode is not Mode.OFF:
            demand(await judge_revocation(chain, self.asker, self.anchors, self.policy, self.revocation, at))
        administrator = self.rights.of(judged.value.common_name)
        if administrator is None:
            raise PERMITTED.rejection("no permission to look: the certificate's common name is not listed")
        return Administrator(f"CN={administrator.name}", administrator.may_write)


def demand_writer(administrator: Administrator, operation: str, door: Door) -> None:
    """Raises: Rejected for somebody who may only look."""
    if not administrator.may_write:
        listed = ", ".join(door.writers_told)
        raise PERMITTED.rejection(
            f"no permission to {operation}: you are {administrator.name}, writers are {listed or 'nobody'}"
        )
