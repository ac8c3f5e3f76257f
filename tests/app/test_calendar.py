"""Warnings before certificates end: at 30, 7 and 1 days, each once, for every certificate that matters (fault F34)."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bank_configuration import settings
from bank_files import PASSWORD, ROOT, bank_folder, put, trust_store

from dcrgw.app.calendar import Calendar
from dcrgw.edge.health import Condition, Health
from dcrgw.materials import Materials, open_materials
from dcrgw.materials.expiry import endings
from dcrgw.testkit.certificates import CertificateAuthority

DAY_S = 86_400.0


class MovableClock:
    def __init__(self, at: float) -> None:
        self.at = at

    def now(self) -> float:
        return self.at


@pytest.fixture
def materials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Materials:
    """A bank's, opened now."""
    monkeypatch.setenv("TRANSPORT_PASSWORD", PASSWORD)
    folder = bank_folder(tmp_path)
    put(folder / "directory.p12", trust_store(CertificateAuthority.create("Directory's servers")))
    changes = {
        "directory[0].signing_cert": "signing.pem",
        "directory[0].trust_keystore": "directory.p12",
        "directory[0].trust_keystore_password": f"file:{put(folder / 'p', PASSWORD.encode())}",
        "registry.path": "registry.sqlite",
    }
    found = settings(changes, folder / "dcrgw.toml")
    return open_materials(found, time.time())


class Watched:
    """A calendar, its clock and all that it told."""

    def __init__(self, materials: Materials) -> None:
        self.materials = materials
        self.clock = MovableClock(0.0)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.health = Health(self.clock)
        self.calendar = Calendar(self.clock, self.health, lambda event, **fields: self.events.append((event, fields)))

    def look(self, days_before: float) -> list[tuple[str, int]]:
        """What is told so many days before the listener's certificate ends."""
        ends = self.materials.mtls.expires_at
        self.clock.at = ends - days_before * DAY_S
        told = len(self.events)
        self.calendar.look(self.materials, anew=True)
        mine = [e for e in self.events[told:] if "the mutual TLS listener" in e[1]["uses"]]
        return [(event, fields["within_days"]) for event, fields in mine]

    @property
    def condition(self) -> Condition:
        (found,) = self.health.conditions
        return found


def test_every_certificate_that_the_bank_owns_or_trusts_is_looked_at(materials: Materials) -> None:
    uses = {use for ending in endings(materials) for use in ending.uses}
    assert uses == {
        "the mutual TLS listener",
        "transport to primary",
        "signing key for primary",
        "trust of market uk",
        "trust of directory primary",
    }
    # One certificate with two uses is one warning.
    assert len({ending.certificate for ending in endings(materials)}) == len(endings(materials))
    assert ROOT.certificate in {ending.certificate for ending in endings(materials)}


def test_each_warning_comes_once_at_its_day(materials: Materials) -> None:
    watched = Watched(materials)
    assert watched.look(30.5) == []
    assert watched.look(30) == [("certificate_expires", 30)]
    assert watched.look(8) == []
    assert watched.look(6.5) == [("certificate_expires", 7)]
    assert watched.look(0.5) == [("certificate_expires", 1)]
    assert watched.look(0.4) == []
    assert watched.look(-0.1) == [("certificate_expired", 0)]


def test_a_start_on_the_last_day_tells_the_one_warning_that_counts(materials: Materials) -> None:
    assert Watched(materials).look(0.5) == [("certificate_expires", 1)]


def test_readiness_shows_what_ends_and_ends_with_the_listeners_own_certificate(materials: Materials) -> None:
    watched = Watched(materials)
    watched.look(31)
    assert (watched.condition.ok, watched.condition.details) == (True, ())
    watched.look(5)
    assert watched.health.ready
    assert any("the mutual TLS listener" in told for told in watched.condition.details)
    watched.look(-1)
    assert not watched.health.ready


def test_an_expired_root_or_transport_certificate_does_not_end_readiness(materials: Materials) -> None:
    younger = replace(
        materials.mtls, certificate=CertificateAuthority.create("x", at=materials.mtls.expires_at).certificate
    )
    watched = Watched(materials)
    watched.clock.at = materials.mtls.expires_at + DAY_S
    watched.calendar.look(replace(materials, mtls=younger), anew=True)
    assert watched.health.ready
    assert any("transport to primary" in told for told in watched.condition.details)


def test_what_was_looked_at_a_moment_ago_is_not_looked_at_again(materials: Materials) -> None:
    watched = Watched(materials)
    watched.look(5)
    told = len(watched.events)
    watched.clock.at = materials.mtls.expires_at - 5 * DAY_S + 1
    watched.calendar.look(materials)
    assert len(watched.events) == told
