"""Who may administer, from the names in the settings to what the kernel and certificates prove."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from dcrgw.adapters.keystores import KeyPair
from dcrgw.adapters.local_users import user_name
from dcrgw.config.faults import ConfigFault
from dcrgw.config.sections.listeners import Admin, AdminTlsListener
from dcrgw.core.administration import LocalUsers, Rights
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.materials.opening import Opening


@dataclass(frozen=True, slots=True)
class AdminSocket:
    """The socket file, the gid that may open it beside its owner, and who may do what."""

    path: Path
    group: int | None
    readers: LocalUsers
    writers: LocalUsers


@dataclass(frozen=True, slots=True)
class AdminTls:
    """The listener for administrators elsewhere."""

    settings: AdminTlsListener
    pair: KeyPair
    anchors: TrustAnchors
    rights: Rights


@dataclass(frozen=True, slots=True)
class AdminMaterials:
    """Either or both."""

    socket: AdminSocket | None
    tls: AdminTls | None


def admin_socket(opening: Opening, admin: Admin) -> AdminSocket | None:
    """The socket of the settings. The gateway's own user and root always are writers."""
    if admin.socket is None:
        return None
    opening.folder("admin.socket", admin.socket.parent)
    own = os.geteuid()
    writers = _users(opening, "admin.writers", admin.writers)
    names = dict.fromkeys([user_name(own), user_name(0), *writers.told])
    return AdminSocket(
        admin.socket,
        opening.gid("admin.group", admin.group) if admin.group is not None else None,
        _users(opening, "admin.readers", admin.readers),
        LocalUsers(writers.uids | {own, 0}, writers.gids, tuple(names)),
    )


def admin_tls(
    opening: Opening, tls: AdminTlsListener | None, pair: KeyPair | None, of_tpps: Iterable[x509.Certificate]
) -> AdminTls | None:
    """The TLS listener of the settings. Its anchors must be none that vouch for TPPs (`of_tpps`)."""
    if tls is None:
        return None
    roots = opening.trust_files(
        "admin.tls.client_ca", tls.client_ca, tls.client_ca_password, "admin.tls.client_ca_password"
    )
    vouching = tuple(of_tpps)
    for shared in (root for root in roots if any(reaches(root, each) for each in vouching)):
        subject = shared.subject.rfc4514_string()
        fix = "issue administrators' certificates from a CA that issues nothing else"
        opening.faults.append(ConfigFault("admin.tls.client_ca", f"{subject} vouches for TPPs too", fix))
    if pair is None:
        return None
    for i, host in enumerate(tls.hosts):
        opening.server_name(f"admin.tls.hosts[{i}]", pair, host)
    return AdminTls(tls, pair, TrustAnchors(roots), Rights(frozenset(tls.readers), frozenset(tls.writers)))


def reaches(root: x509.Certificate, of_tpps: x509.Certificate) -> bool:
    """Whether leaves of `of_tpps` lead to `root` too: it has the same key, signed across or renewed, or issued it."""
    if root.public_key() == of_tpps.public_key():
        return True
    try:
        of_tpps.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _users(opening: Opening, key: str, names: Sequence[str]) -> LocalUsers:
    users = [opening.uid(f"{key}[{i}]", name) for i, name in enumerate(names) if not name.startswith("%")]
    groups = [opening.gid(f"{key}[{i}]", name[1:]) for i, name in enumerate(names) if name.startswith("%")]
    return LocalUsers(
        frozenset(uid for uid in users if uid is not None),
        frozenset(gid for gid in groups if gid is not None),
        tuple(names),
    )
