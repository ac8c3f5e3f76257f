"""A software HSM with one token full of keys. A process loads a PKCS#11 module once, so all tests share it."""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dcrgw.testkit.certificates import CertificateAuthority, Issued, PrivateKey, new_key

PIN = "canary-7f3a91"
TOKEN = "bank"
_MODULES = [Path("/usr/lib/softhsm/libsofthsm2.so"), *Path("/usr/lib").glob("*/softhsm/libsofthsm2.so")]
MODULE = next((path for path in _MODULES if path.exists()), Path("no-softhsm"))
IS_THERE = (
    MODULE.exists() and shutil.which("softhsm2-util") is not None and importlib.util.find_spec("pkcs11") is not None
)
needs_softhsm = pytest.mark.skipif(not IS_THERE, reason="needs SoftHSM (apt: softhsm2) and python-pkcs11")

ROOT = CertificateAuthority.create("HSM root")
#: By label: the id, and the key as it was before it went in.
KEYS: dict[str, tuple[str, PrivateKey]] = {
    "rsa": ("01", new_key("rsa2048")),
    "ec": ("02", new_key("p256")),
    "twin": ("03", new_key("p256")),
    "lonely": ("04", new_key("p256")),
    "certified": ("05", new_key("rsa2048")),
    "liar": ("06", new_key("rsa2048")),
}


@cache
def certificate_of(label: str) -> Issued:
    """A certificate of a key that is in the token."""
    return ROOT.issue("obseal", org_id="BANK", key=KEYS[label][1])


@cache
def token() -> str:
    """The token, made at the first call; its label."""
    folder = Path(tempfile.mkdtemp(prefix="softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    _tool("--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", "12345678")
    for label, (id_, key) in KEYS.items():
        _import(folder, label, id_, key)
    _import(folder, "twin", "13", new_key("p256"))
    _spoil()
    return TOKEN


def _import(folder: Path, label: str, id_: str, key: PrivateKey) -> None:
    file = folder / "key.pem"
    file.write_bytes(Issued(ROOT.certificate, key).key_pem)
    _tool("--import", file, "--token", TOKEN, "--label", label, "--id", id_, "--pin", PIN)
    file.unlink()


def _tool(*arguments: str | Path) -> None:
    subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True, timeout=60)


def _spoil() -> None:
    """`lonely` loses its public key, `certified` has a certificate in its place, `liar` another's public key."""
    import pkcs11
    from pkcs11.util.rsa import decode_rsa_public_key
    from pkcs11.util.x509 import decode_x509_certificate

    attribute, kinds = pkcs11.Attribute, pkcs11.ObjectClass
    with pkcs11.lib(str(MODULE)).get_token(token_label=TOKEN).open(rw=True, user_pin=PIN) as session:
        for label in ("lonely", "certified", "liar"):
            (public,) = session.get_objects({attribute.CLASS: kinds.PUBLIC_KEY, attribute.LABEL: label})
            public.destroy()
        id_ = bytes.fromhex(KEYS["certified"][0])
        certificate = decode_x509_certificate(certificate_of("certified").der)
        session.create_object({**certificate, attribute.TOKEN: True, attribute.ID: id_})
        other = KEYS["rsa"][1].public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
        lie = decode_rsa_public_key(other)
        session.create_object({**lie, attribute.TOKEN: True, attribute.ID: bytes.fromhex(KEYS["liar"][0])})
