"""The administration's listeners: a socket file, mutual TLS, or both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dcrgw.adapters.keystores import install
from dcrgw.edge.binding import SocketFile
from dcrgw.edge.limits import Limits
from dcrgw.edge.listeners import Listener
from dcrgw.edge.problems import problem_answer
from dcrgw.edge.tls import server_context
from dcrgw.endpoints.admin import AdminEndpoint, Desks
from dcrgw.endpoints.administrators import CertificateDoor, SocketDoor
from dcrgw.errors import ErrorCode
from dcrgw.materials import AdminMaterials
from dcrgw.materials.administration import AdminSocket, AdminTls
from dcrgw.materials.revocation import ADMINISTRATION, revocation_policy

#: A bundle that is imported. Reasons and scripts are bounded where they are read.
_BODY_BYTES = 4 * 1024 * 1024
#: Who speaks over a socket file need not know the machine's name.
_LOCAL_HOSTS = frozenset({"localhost"})


def admin_listeners(admin: AdminMaterials | None, desks: Desks, limits: Limits) -> Iterator[Listener]:
    """The listeners of the settings, not yet started."""
    narrow = replace(limits, body_bytes=_BODY_BYTES)
    if admin is not None and admin.socket is not None:
        yield _socket(admin.socket, desks, narrow)
    if admin is not None and admin.tls is not None:
        yield _tls(admin.tls, desks, narrow)


def _socket(socket: AdminSocket, desks: Desks, limits: Limits) -> Listener:
    return Listener(
        "admin",
        AdminEndpoint(SocketDoor(socket.readers, socket.writers), _LOCAL_HOSTS, desks),
        file=SocketFile(socket.path, socket.group),
        limits=limits,
        hosts=_LOCAL_HOSTS,
        malformed=ErrorCode.INVALID_REQUEST,
        answer=problem_answer,
    )


def _tls(tls: AdminTls, desks: Desks, limits: Limits) -> Listener:
    hosts = frozenset(host.lower() for host in tls.settings.hosts)
    policy = revocation_policy(tls.settings.revocation)
    clock, revocation = desks.ports.clock, desks.ports.revocation
    return Listener(
        "admin.tls",
        AdminEndpoint(
            CertificateDoor(tls.anchors, tls.rights, clock, revocation, policy, ADMINISTRATION), hosts, desks
        ),
        host=tls.settings.host,
        port=tls.settings.port,
        limits=limits,
        ssl_context=server_context(
            lambda context: install(context, tls.pair),
            client_anchors=tls.anchors.roots,
            minimum=tls.settings.minimum_tls,
        ),
        hosts=hosts,
        malformed=ErrorCode.INVALID_REQUEST,
        answer=problem_answer,
    )
