"""The CSR profiles of certs/ work with openssl, and ask for what our own certificates of that kind have."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from dcrgw.core.certificates import qcstatements
from dcrgw.testkit.certificate_kinds import KINDS
from dcrgw.testkit.certificates import CertificateAuthority, new_key

PROFILES = Path(__file__).parents[2] / "certs" / "profiles"
OPENSSL = shutil.which("openssl")
AUTHORITY = CertificateAuthority.create("Root")
KEY = new_key()


@pytest.fixture(params=sorted(path.stem for path in PROFILES.glob("*.cnf")))
def requested(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, x509.CertificateSigningRequest]:
    if OPENSSL is None:
        pytest.skip("openssl is not here")
    kind, out = str(request.param), tmp_path / "request.csr"
    config = PROFILES / f"{kind}.cnf"
    command = [OPENSSL, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
    command += ["-config", str(config), "-keyout", str(tmp_path / "request.key"), "-out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return kind, x509.load_pem_x509_csr(out.read_bytes())


def test_there_is_a_profile_for_every_kind_that_a_directory_signs() -> None:
    assert {path.stem for path in PROFILES.glob("*.cnf")} == set(KINDS) - {"qwac", "qseal", "brseal", "cdr"}


def test_profile_asks_for_its_kind(requested: tuple[str, x509.CertificateSigningRequest]) -> None:
    kind, csr = requested
    issued = AUTHORITY.issue(kind, software_id="sw", org_id="org", key=KEY).certificate
    assert csr.is_signature_valid
    assert [a.oid for a in csr.subject if a.value] == [a.oid for a in issued.subject]
    for extension in (x509.KeyUsage, x509.ExtendedKeyUsage):
        assert _value(csr.extensions, extension) == _value(issued.extensions, extension)
    # That a certificate is a qualified one, only its issuer may say.
    said = _qualified(issued.extensions)
    assert _qualified(csr.extensions) == (said and replace(said, is_qualified=False))


def _value(extensions: x509.Extensions, kind: type[x509.ExtensionType]) -> x509.ExtensionType | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _qualified(extensions: x509.Extensions) -> qcstatements.QcStatements | None:
    for extension in extensions:
        if extension.oid.dotted_string == qcstatements.EXTENSION:
            return qcstatements.read(extension.value.public_bytes())
    return None
