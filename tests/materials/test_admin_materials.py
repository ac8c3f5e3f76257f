"""The administration, opened: names become numbers, and its CA is nobody else's."""

from __future__ import annotations

import grp
import os
import pwd
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from bank_configuration import CANARY, settings
from bank_files import ROOT, bank_folder, put

from dcrgw.config.faults import ConfigurationRefused
from dcrgw.core.administration import Administrator, LocalUsers, Rights
from dcrgw.materials import AdminMaterials, open_materials
from dcrgw.testkit.certificates import CertificateAuthority

OPERATORS = CertificateAuthority.create("Operators")
SERVER = OPERATORS.issue_server("admin.bank.example")
TLS: dict[str, Any] = {
    "port": 9443,
    "certificate": "admin.pem",
    "key": "admin.key",
    "client_ca": ["operators.pem"],
    "readers": ["bob"],
    "writers": ["alice"],
    "hosts": ["admin.bank.example"],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRANSPORT_PASSWORD", CANARY)
    put(tmp_path / "admin.pem", SERVER.chain_pem)
    put(tmp_path / "admin.key", SERVER.key_pem)
    put(tmp_path / "operators.pem", OPERATORS.certificate_pem)
    return bank_folder(tmp_path)


def opened(folder: Path, admin: Mapping[str, Any]) -> AdminMaterials:
    found = open_materials(settings({"admin": admin}, folder / "dcrgw.toml"), time.time()).admin
    assert found is not None
    return found


def faults(folder: Path, admin: Mapping[str, Any]) -> list[str]:
    with pytest.raises(ConfigurationRefused) as caught:
        opened(folder, admin)
    return [fault.key for fault in caught.value.faults]


def test_the_gateways_user_and_root_write_and_the_listed_do_what_they_are_listed_for(folder: Path) -> None:
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    socket = opened(folder, {"socket": "a.sock", "group": group, "readers": [user, "%77"], "writers": ["4711"]}).socket
    assert socket is not None
    assert (socket.path, socket.group) == (folder / "a.sock", os.getgid())
    assert socket.writers.uids == {0, os.geteuid(), 4711}
    assert socket.writers.gids == frozenset()
    assert (socket.readers.uids, socket.readers.gids) == ({os.getuid()}, {77})
    assert set(socket.writers.told) >= {pwd.getpwuid(0).pw_name, "4711"}


def test_users_and_groups_that_the_machine_does_not_have_are_refused_all_at_once(folder: Path) -> None:
    admin = {"socket": "a.sock", "group": "no-such-group", "readers": ["no-such-user"], "writers": ["%no-such-group"]}
    assert set(faults(folder, admin)) == {"admin.group", "admin.readers[0]", "admin.writers[0]"}


def test_a_socket_needs_its_folder(folder: Path) -> None:
    assert faults(folder, {"socket": "missing/a.sock"}) == ["admin.socket"]


def test_a_tls_administration_has_its_own_anchors_and_names(folder: Path) -> None:
    found = opened(folder, {"tls": TLS})
    assert found.socket is None
    assert found.tls is not None
    assert found.tls.anchors.roots == (OPERATORS.certificate,)
    assert found.tls.rights == Rights(frozenset({"bob"}), frozenset({"alice"}))


def test_a_ca_that_vouches_for_tpps_vouches_for_no_administrator(folder: Path) -> None:
    put(folder / "both.pem", OPERATORS.certificate_pem + ROOT.certificate_pem)
    assert faults(folder, {"tls": {**TLS, "client_ca": ["both.pem"]}}) == ["admin.tls.client_ca"]


def test_a_ca_by_another_certificate_is_still_the_one_that_vouches_for_tpps(folder: Path) -> None:
    renewed = CertificateAuthority.create("Renewed", key=ROOT.key)
    put(folder / "renewed.pem", renewed.certificate_pem)
    assert faults(folder, {"tls": {**TLS, "client_ca": ["operators.pem", "renewed.pem"]}}) == ["admin.tls.client_ca"]


def test_a_ca_that_issued_one_of_tpps_vouches_for_no_administrator(folder: Path) -> None:
    put(folder / "roots.pem", ROOT.certificate_pem + OPERATORS.intermediate("TPPs").certificate_pem)
    assert faults(folder, {"tls": TLS}) == ["admin.tls.client_ca"]


def test_the_listeners_certificate_names_its_hosts(folder: Path) -> None:
    assert faults(folder, {"tls": {**TLS, "hosts": ["admin.bank.example", "other.example"]}}) == ["admin.tls.hosts[1]"]


def test_a_pair_that_cannot_be_read_is_one_fault_among_others(folder: Path) -> None:
    put(folder / "admin.key", b"nonsense")
    assert faults(folder, {"socket": "missing/a.sock", "tls": TLS}) == ["admin.tls.key", "admin.socket"]


def test_rights_are_by_name_and_writers_read() -> None:
    rights = Rights(frozenset({"bob", "alice"}), frozenset({"alice"}))
    assert rights.of("alice") == Administrator("alice", may_write=True)
    assert rights.of("bob") == Administrator("bob", may_write=False)
    assert rights.of("Alice") is rights.of("") is None


def test_users_are_held_by_number_or_by_any_of_their_groups() -> None:
    users = LocalUsers(frozenset({7}), frozenset({70}))
    assert users.hold(7, ())
    assert users.hold(8, (1, 70))
    assert not users.hold(70, (7,))
    assert not LocalUsers().hold(0, (0,))
