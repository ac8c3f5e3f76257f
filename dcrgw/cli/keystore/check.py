"""`dcrgw keystore check`: would a store serve, and for how long? One file, or all that a configuration names."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
from cryptography import x509

from dcrgw.adapters import keystores
from dcrgw.adapters.keystore_files import KeystoreRefused
from dcrgw.adapters.keystores import KeyPair
from dcrgw.cli.faults import show_faults
from dcrgw.cli.keystore.options import FILE, password_option, refusals, with_password
from dcrgw.cli.options import CONFIG
from dcrgw.cli.tables import tell
from dcrgw.config.faults import ConfigFault, ConfigurationRefused
from dcrgw.config.loading import load
from dcrgw.config.secrets import SecretReference, too_open
from dcrgw.materials import open_materials
from dcrgw.materials.expiry import WARN_DAYS, endings
from dcrgw.materials.opening import names_host


@click.command()
@click.argument("file", type=FILE, required=False)
@click.option("--key", type=FILE, help="The private key's file, where FILE is a PEM certificate.")
@click.option("--trust", is_flag=True, help="FILE is a trust store.")
@click.option("--host", help="A name that the certificate must have: the listener's.")
@password_option("--password", "the store, or of an encrypted key")
@CONFIG
def check(
    file: Path | None, key: Path | None, trust: bool, host: str | None, password: SecretReference | None, path: Path
) -> None:
    """Judge FILE as a start would; without FILE everything that --config names, with the days that are left."""
    if file is None:
        _check_configuration(path)
        return
    with refusals():
        if trust:
            found = with_password(file, password, lambda secret: keystores.open_trust_store(file, secret))
            faults = list(_faults_of_trust(file, found, time.time()))
        else:
            place, pair = _pair(file, key, password)
            faults = list(_faults_of_pair(place, pair, host, time.time()))
    _end(str(file), faults)


def _pair(file: Path, key: Path | None, password: SecretReference | None) -> tuple[Path, KeyPair]:
    if key is not None:
        return key, with_password(key, password, lambda secret: keystores.open_pem(file, key, secret))
    entries = with_password(file, password, lambda secret: keystores.pair_of(file, secret))
    return file, entries


def _faults_of_pair(place: Path, pair: KeyPair, host: str | None, at: float) -> Iterator[ConfigFault]:
    exposed = too_open(place)
    if exposed is not None:
        yield ConfigFault(str(place), exposed, f"chmod go= {place}")
    try:
        keystores.judge_pair(pair, at)
    except KeystoreRefused as refused:
        yield ConfigFault(refused.path, refused.reason, refused.fix)
    if host is not None and not names_host(pair.certificate, host):
        yield ConfigFault(pair.source, f"the certificate does not name {host}", "ask for one that does")
    tell(f"  {_line(pair.certificate, at)}")
    for each in pair.chain:
        tell(f"  below {_line(each, at)}")


def _faults_of_trust(file: Path, found: tuple[x509.Certificate, ...], at: float) -> Iterator[ConfigFault]:
    for certificate in found:
        tell(f"  {_line(certificate, at)}")
        subject = certificate.subject.rfc4514_string()
        if not _is_authority(certificate):
            yield ConfigFault(str(file), f"{subject} is no CA certificate", "a trust store holds CAs only; remove it")
        if certificate.not_valid_after_utc.timestamp() < at:
            yield ConfigFault(str(file), f"{subject} has expired", "renew it, or take it out")


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _check_configuration(path: Path) -> None:
    at = time.time()
    try:
        materials = open_materials(load(path), at)
    except ConfigurationRefused as refused:
        _end(str(path), list(refused.faults))
        return
    for ending in endings(materials):
        step = ending.step(at)
        mark = "!" if step is not None and step <= WARN_DAYS[1] else "?" if step is not None else " "
        tell(f"{mark} {ending.told(at)}")
    show_faults("warning", materials.warnings, "yellow")
    _end(str(path), [])


def _line(certificate: x509.Certificate, at: float) -> str:
    days = int((certificate.not_valid_after_utc.timestamp() - at) // 86_400)
    return f"{certificate.subject.rfc4514_string()}: {days} days left"


def _end(what: str, faults: list[ConfigFault]) -> None:
    show_faults("refused", faults, "red")
    if faults:
        click.echo(f"{what} would be refused.", err=True)
        sys.exit(1)
    click.echo(f"{what} is sound.")
