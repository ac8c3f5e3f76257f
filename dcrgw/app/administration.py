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
from dcrgw.endpoints.admin import AdminEndpoint
from dcrgw.endpoints.administrators import CertificateDoor, SocketDoor
from dcrgw.endpoints.reloading import Reload
from dcrgw.errors import ErrorCode
from dcrgw.flows.reconcile import ReconcileDesk
from dcrgw.flows.scripts import ScriptDesk
from dcrgw.materials import AdminMaterials
from dcrgw.materials.administration import AdminSocket, AdminTls
from dcrgw.materials.revocation import ADMINISTRATION, revocation_policy
from dcrgw.ports import Ports
from dcrgw.ports.decisions import Decisions
from dcrgw.ports.registry import Archive

#: A bundle that is imported. Reasons and scripts are bounded where they are read.
_BODY_BYTES = 4 * 1024 * 1024
#: Who speaks over a socket file need not know the machine's name.
_LOCAL_HOSTS = frozenset({"localhost"})


def admin_listeners(
    admin: AdminMaterials | None,
    ports: Ports,
    archive: Archive,
    decisions: Decisions,
    scripts: ScriptDesk,
    reconciling: ReconcileDesk,
    limits: Limits,
    reload: Reload,
) -> Iterator[Listener]:
    """The listeners of the settings, not yet started."""
    narrow = replace(limits, body_bytes=_BODY_BYTES)
    if admin is not None and admin.socket is not None:
        yield _socket(admin.socket, ports, archive, decisions, scripts, reconciling, narrow, reload)
    if admin is not None and admin.tls is not None:
        yield _tls(admin.tls, ports, archive, decisions, scripts, reconciling, narrow, reload)


def _socket(
    socket: AdminSocket,
    ports: Ports,
    archive: Archive,
    decisions: Decisions,
    scripts: ScriptDesk,
    reconciling: ReconcileDesk,
    limits: Limits,
    reload: Reload,
) -> Listener:
    door = SocketDoor(socket.readers, socket.writers)
    return Listener(
        "admin",
        AdminEndpoint(door, _LOCAL_HOSTS, ports, archive, decisions, reload, scripts, reconciling),
        file=SocketFile(socket.path, socket.group),
        limits=limits,
        hosts=_LOCAL_HOSTS,
        malformed=ErrorCode.INVALID_REQUEST,
        answer=problem_answer,
    )


def _tls(
    tls: AdminTls,
    ports: Ports,
    archive: Archive,
    decisions: Decisions,
    scripts: ScriptDesk,
    reconciling: ReconcileDesk,
    limits: Limits,
    reload: Reload,
) -> Listener:
    hosts = frozenset(host.lower() for host in tls.settings.hosts)
    policy = revocation_policy(tls.settings.revocation)
    door = CertificateDoor(tls.anchors, tls.rights, ports.clock, ports.revocation, policy, ADMINISTRATION)
    return Listener(
        "admin.tls",
        AdminEndpoint(door, hosts, ports, archive, decisions, reload, scripts, reconciling),
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
