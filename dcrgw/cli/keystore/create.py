"""`dcrgw keystore create`: a key, and the request for its certificate that a directory signs."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from dcrgw.adapters.keystore_files import KeystoreRefused
from dcrgw.cli.faults import show_faults
from dcrgw.cli.keystore.options import (
    FILE,
    force_option,
    password_option,
    refusals,
    secret,
    write_private,
    write_public,
)
from dcrgw.cli.options import with_options
from dcrgw.config.faults import ConfigFault
from dcrgw.config.secrets import SecretReference
from dcrgw.core.certificates.kinds import PSD2_ROLES
from dcrgw.core.certificates.requests import REQUESTED, Applicant, faults, request

#: A detail of the applicant, and the option that gives it.
_OPTIONS = {
    "name": "--name", "country": "--country", "org_id": "--org-id", "software_id": "--software-id",
    "authorisation": "--authorisation", "psd2_roles": "--role", "hosts": "--host",
    "registration_number": "--registration-number", "state": "--state", "locality": "--locality",
}  # fmt: skip
_APPLICANT = (
    click.option("--name", default="", help="The organisation's registered name."),
    click.option("--country", default="", help="Its country, two capital letters, such as GB."),
    click.option("--org-id", default="", help="Its id at the directory."),
    click.option("--software-id", default="", help="The software statement's id at the directory."),
    click.option(
        "--authorisation", default="", metavar="PSDGB-FCA-900001",
        help="organizationIdentifier: by whom it is authorised, and its number there, as PSDGB-FCA-900001.",
    ),
    click.option("--authority-name", default="Financial Conduct Authority", show_default=True),
    click.option(
        "--role", "roles", multiple=True, type=click.Choice(list(PSD2_ROLES)), default=["PSP_AS"], show_default=True,
        help="PSD2 roles that are asked for.",
    ),
    click.option(
        "--host", "hosts", multiple=True, help="Host name, such as api.bank.example; the first is the common name."
    ),
    click.option("--registration-number", default="", help="CNPJ, 14 digits (Brazil)."),
    click.option("--state", default="", help="State (Brazil)."),
    click.option("--locality", default="", help="Town (Brazil)."),
    click.option("--unit", "units", multiple=True, help="OU as the CA tells you (brseal)."),
)  # fmt: skip


@click.command(epilog="Kinds: " + "; ".join(f"{kind}: {what}" for kind, what in REQUESTED.items()) + ".")
@click.argument("kind", type=click.Choice(list(REQUESTED)))
@click.argument("folder", type=FILE)
@click.option(
    "--key-type", type=click.Choice(["rsa2048", "rsa3072", "rsa4096", "p256"]), default="rsa2048", show_default=True
)
@password_option("--key-password", "the key; without one its file is not encrypted, but of mode 0600")
@with_options(*_APPLICANT)
@force_option
def create(
    kind: str, folder: Path, key_type: str, key_password: SecretReference | None, force: bool, name: str, country: str,
    org_id: str, software_id: str, authorisation: str, authority_name: str, roles: tuple[str, ...],
    hosts: tuple[str, ...], registration_number: str, state: str, locality: str, units: tuple[str, ...],
) -> None:  # fmt: skip
    """Make a key and a certificate request of a KIND in FOLDER: KIND.key and KIND.csr.

    The key never leaves this machine; the directory gets the request. When the certificate comes back:
    `dcrgw keystore import`.
    """
    applicant = Applicant(
        name, country, org_id, software_id, authorisation, authority_name, roles, hosts, registration_number, state,
        locality, units,
    )  # fmt: skip
    found = [ConfigFault(_OPTIONS[detail], reason, _meaning(detail)) for detail, reason in faults(kind, applicant)]
    if found:
        show_faults("refused", found, "red")
        sys.exit(1)
    with refusals():
        password = secret(key_password)
        encryption: KeySerializationEncryption = BestAvailableEncryption(password) if password else NoEncryption()
        key = _new_key(key_type)
        for path in (folder / f"{kind}.key", folder / f"{kind}.csr"):
            if path.exists() and not force:
                raise KeystoreRefused(path, "is there already", "choose another folder, or --force")
        content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        write_private(folder / f"{kind}.key", content, force=force)
        csr = request(kind, applicant, key).public_bytes(Encoding.PEM)
        write_public(folder / f"{kind}.csr", csr, force=force)


def _meaning(detail: str) -> str:
    """What the option of a detail is to hold, in the words of its help."""
    option = next(each for each in create.params if _OPTIONS[detail] in each.opts)
    return f"give {_OPTIONS[detail]}: {getattr(option, 'help', None)}"


def _new_key(key_type: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if key_type == "p256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65_537, int(key_type.removeprefix("rsa")))
