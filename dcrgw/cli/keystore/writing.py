"""`dcrgw keystore import` and `convert`: one store of several files, or of another store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from dcrgw.adapters import keystores
from dcrgw.adapters.keystore_files import KeystoreRefused
from dcrgw.adapters.keystores import KeyPair
from dcrgw.cli.keystore.options import (
    FILE,
    force_option,
    new_password,
    password_option,
    refusals,
    secret,
    with_password,
    write_private,
    write_public,
)
from dcrgw.config.secrets import SecretReference


@click.command("import")
@click.argument("certificate", type=FILE)
@click.option("--key", type=FILE, required=True, help="The private key that the certificate was asked for with, PEM.")
@password_option("--key-password", "an encrypted key")
@click.option("--chain", type=FILE, multiple=True, help="Intermediates, PEM; may be given again.")
@click.option("--into", type=FILE, required=True, help="The PKCS#12 store to write.")
@password_option("--new-password", "the store to write", name="chosen")
@click.option("--alias", default="dcrgw", show_default=True, help="The entry's name.")
@force_option
def import_(
    certificate: Path, key: Path, key_password: SecretReference | None, chain: tuple[Path, ...], into: Path,
    chosen: SecretReference | None, alias: str, force: bool,
) -> None:  # fmt: skip
    """Join the CERTIFICATE that came back from the directory with its key, in one PKCS#12 store.

    Refused when they do not belong together, or the certificate is not valid now.
    """
    with refusals():
        pair = with_password(key, key_password, lambda secret: keystores.open_pem(certificate, key, secret))
        others = [each for path in chain for each in keystores.open_certificates(path)]
        whole = keystores.chained(pair, others)
        keystores.judge_pair(whole, time.time())
        write_private(into, _pkcs12(whole, alias, new_password(into, chosen)), force=force)


@click.command()
@click.argument("store", type=FILE)
@click.argument("target", type=FILE)
@click.option(
    "--to",
    "form",
    type=click.Choice(["pkcs12", "pem"]),
    help="Else by TARGET's name: PEM for .pem, PKCS#12 for all else.",
)
@click.option("--alias", help="The entry to take, where there are several keys.")
@password_option("--password", "STORE")
@password_option("--new-password", "TARGET; a PEM key without one is not encrypted", name="chosen")
@force_option
def convert(
    store: Path, target: Path, form: Literal["pkcs12", "pem"] | None, alias: str | None,
    password: SecretReference | None, chosen: SecretReference | None, force: bool,
) -> None:  # fmt: skip
    """Write what STORE (PKCS#12, JKS or PEM) holds to TARGET: a key pair, or a trust store without any key.

    As PEM a key pair is one file: key, certificate, intermediates.
    """
    form = form or ("pem" if target.suffix.lower() == ".pem" else "pkcs12")
    with refusals():
        entries = with_password(store, password, lambda secret: keystores.entries_of(store, secret))
        if any(entry.key is not None for entry in entries):
            pair = keystores.pair_among(store, entries, alias)
            keystores.judge_belonging(pair)
            if form == "pem":
                content = _pem(pair, secret(chosen))
            else:
                content = _pkcs12(pair, alias or "dcrgw", new_password(target, chosen))
            write_private(target, content, force=force)
        else:
            found = [each for entry in entries for each in entry.certificates]
            if not found:
                raise KeystoreRefused(store, "holds nothing", "name another store")
            if form == "pem":
                write_public(target, _pem_of(found), force=force)
            else:
                names = [entry.alias for entry in entries for _ in entry.certificates]
                write_public(target, _java_trust_store(found, names, new_password(target, chosen)), force=force)


def _pkcs12(pair: KeyPair, alias: str, password: bytes) -> bytes:
    encryption = BestAvailableEncryption(password)
    return pkcs12.serialize_key_and_certificates(alias.encode(), pair.key, pair.certificate, pair.chain, encryption)


def _java_trust_store(found: list[x509.Certificate], names: list[str], password: bytes) -> bytes:
    """As keytool makes them: each certificate marked as trusted, without which Java sees an empty store."""
    entries = [
        pkcs12.PKCS12Certificate(certificate, (name or f"ca-{n}").encode())
        for n, (certificate, name) in enumerate(zip(found, names, strict=True), start=1)
    ]
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(password))


def _pem(pair: KeyPair, password: bytes | None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return key + _pem_of([pair.certificate, *pair.chain])


def _pem_of(certificates: list[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)
