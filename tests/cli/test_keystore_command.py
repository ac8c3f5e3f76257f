"""`dcrgw keystore`: stores shown, checked, made and converted; no secret on a command line, none in what is said."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from bank_files import PASSWORD as CANARY
from bank_files import ROOT, SERVER, TRANSPORT, example_folder, put, transport_store, trust_store
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from dcrgw.adapters import keystores
from dcrgw.cli import main
from dcrgw.core.certificates.requests import REQUESTED
from dcrgw.testkit.certificates import CertificateAuthority, Issued, new_key

EXAMPLE = Path(__file__).parents[2] / "config" / "dcrgw.toml"
PASSWORD = CANARY.encode()
REFERENCE = "env:STORE_PASSWORD"

OBWAC = (
    "--name", "Example Bank plc", "--country", "GB", "--org-id", "0015800000BANKAAA1",
    "--authorisation", "PSDGB-FCA-100001",
)  # fmt: skip
DETAILS = {
    "server": ("--host", "matls.bank.example", "--host", "bank.example"),
    "obwac": OBWAC,
    "obseal": OBWAC,
    "obtransport": ("--org-id", "0015800000BANKAAA1", "--software-id", "4Zq1m8TnS8xQe7YtB0bK9a"),
    "obsigning": ("--org-id", "0015800000BANKAAA1", "--software-id", "4Zq1m8TnS8xQe7YtB0bK9a"),
    "brcac": (
        "--name", "Banco Exemplo SA", "--org-id", "d7384bd0-842f-43c5-be02-9d2b2d5efc2c", "--software-id",
        "10120340-3318-4baf-99e2-0b56729c4ab2", "--registration-number", "43142666000197", "--state", "SP",
        "--locality", "Sao Paulo", "--host", "matls.banco.example",
    ),
    "brseal": (
        "--name", "Banco Exemplo SA", "--org-id", "d7384bd0-842f-43c5-be02-9d2b2d5efc2c",
        "--registration-number", "43142666000197", "--unit", "AC Exemplo", "--unit", "videoconferencia",
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_PASSWORD", CANARY)
    monkeypatch.setenv("OTHER_PASSWORD", f"other-{CANARY}")


def run(*arguments: str | Path, status: int = 0) -> Result:
    result = CliRunner().invoke(main, ["keystore", *map(str, arguments)])
    said = result.output + result.stderr
    assert CANARY not in said + repr(result.exception)
    assert "PRIVATE KEY" not in said
    assert result.exit_code == status, said
    return result


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_store_is_shown_with_its_entries(tmp_path: Path) -> None:
    store = put(tmp_path / "bank.p12", transport_store())
    said = run("show", store, "--password", REFERENCE).stdout
    assert "PKCS#12" in said
    assert "a private key, RSA 2048" in said
    assert TRANSPORT.certificate.subject.rfc4514_string() in said
    told = json.loads(run("show", store, "--password", REFERENCE, "--json").stdout)
    assert told["entries"][0]["certificates"][0]["purposes"] == ["clientAuth"]
    roots = put(tmp_path / "roots.p12", trust_store())
    assert "1 certificate" in run("show", roots, "--password", REFERENCE).stdout
    bundle = put(tmp_path / "bundle.pem", SERVER.chain_pem + ROOT.certificate_pem)
    assert "2 entries" in run("show", bundle).stdout


@pytest.mark.parametrize("verb", ["show", "check"])
def test_a_wrong_or_missing_password_is_told_with_its_fix(tmp_path: Path, verb: str) -> None:
    store = put(tmp_path / "bank.p12", transport_store())
    assert "password" in run(verb, store, "--password", "env:OTHER_PASSWORD", status=1).stderr
    assert "set its password" in run(verb, store, status=1).stderr
    assert "is not set" in run(verb, store, "--password", "env:NO_SUCH", status=1).stderr


def test_a_password_itself_is_not_taken_on_the_command_line(tmp_path: Path) -> None:
    store = put(tmp_path / "bank.p12", transport_store())
    assert "a secret is not written here" in run("show", store, "--password", CANARY, status=2).stderr


def test_a_good_pair_is_sound_and_a_bad_one_is_not(tmp_path: Path) -> None:
    certificate = put(tmp_path / "server.pem", SERVER.chain_pem, 0o644)
    key = put(tmp_path / "server.key", SERVER.key_pem)
    run("check", certificate, "--key", key, "--host", "bank.example")
    assert "does not name" in run("check", certificate, "--key", key, "--host", "else.example", status=1).stderr
    key.chmod(0o644)
    assert "chmod" in run("check", certificate, "--key", key, status=1).stderr
    other = put(tmp_path / "other.key", TRANSPORT.key_pem)
    assert "does not belong" in run("check", certificate, "--key", other, status=1).stderr
    run("check", put(tmp_path / "bank.p12", transport_store()), "--password", REFERENCE)


def test_a_trust_store_holds_cas_that_last(tmp_path: Path) -> None:
    run("check", "--trust", put(tmp_path / "roots.p12", trust_store()), "--password", REFERENCE)
    leaf = put(tmp_path / "leaf.pem", SERVER.certificate_pem)
    assert "no CA" in run("check", "--trust", leaf, status=1).stderr
    past = CertificateAuthority.create("Past", at=0.0)
    assert "expired" in run("check", "--trust", put(tmp_path / "past.pem", past.certificate_pem), status=1).stderr


def test_all_that_a_configuration_names_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCRGW_TRUST_PASSWORD", CANARY)
    monkeypatch.setenv("DCRGW_TRANSPORT_PASSWORD", CANARY)
    config = example_folder(tmp_path, EXAMPLE)
    said = run("check", "--config", config).stdout
    assert "the mutual TLS listener" in said
    assert "trust of market" in said
    (tmp_path / "certs" / "server.key").unlink()
    assert "listeners.mtls.key" in run("check", "--config", config, status=1).stderr


@pytest.mark.parametrize("kind", list(REQUESTED))
def test_a_request_of_every_kind_is_made_and_its_certificate_imported(tmp_path: Path, kind: str) -> None:
    run("create", kind, tmp_path, *DETAILS[kind])
    key_file, csr_file = tmp_path / f"{kind}.key", tmp_path / f"{kind}.csr"
    assert (mode(key_file), mode(csr_file)) == (0o600, 0o644)
    csr = x509.load_pem_x509_csr(csr_file.read_bytes())
    key = load_pem_private_key(key_file.read_bytes(), None)
    assert csr.is_signature_valid
    assert csr.public_key() == key.public_key()
    issued = ROOT.intermediate("Issuing").issue(subject=csr.subject, key=key)
    certificate = put(tmp_path / "back.pem", issued.certificate_pem)
    chain = put(tmp_path / "chain.pem", issued.chain_pem)
    store = tmp_path / "store.p12"
    command = ("import", certificate, "--key", key_file, "--chain", chain, "--into", store, "--new-password", REFERENCE)
    run(*command)
    assert mode(store) == 0o600
    pair = keystores.open_keystore(store, PASSWORD)
    assert (pair.certificate, pair.chain) == (issued.certificate, issued.chain)
    # What may be the only copy of a key is not written over by chance.
    before = store.read_bytes()
    assert "--force" in run(*command, status=1).stderr
    assert store.read_bytes() == before
    run(*command, "--force")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
@pytest.mark.parametrize("kind", [kind for kind in REQUESTED if kind not in ("server", "brseal")])
def test_a_request_asks_for_what_the_openssl_profile_of_its_kind_does(tmp_path: Path, kind: str) -> None:
    profile = Path(__file__).parents[2] / "certs" / "profiles" / f"{kind}.cnf"
    out = tmp_path / "openssl.csr"
    command = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
    command += ["-config", str(profile), "-keyout", str(tmp_path / "openssl.key"), "-out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    run("create", kind, tmp_path, *DETAILS[kind], "--role", "PSP_PI", "--role", "PSP_AI", "--key-type", "p256")
    theirs = x509.load_pem_x509_csr(out.read_bytes())
    ours = x509.load_pem_x509_csr((tmp_path / f"{kind}.csr").read_bytes())
    assert [each.oid for each in ours.subject] == [each.oid for each in theirs.subject]
    differing = {"subjectAltName", "subjectKeyIdentifier"}
    for extension in theirs.extensions:
        mine = ours.extensions.get_extension_for_oid(extension.oid)
        assert mine.critical == extension.critical
        if extension.oid._name not in differing:
            assert mine.value.public_bytes() == extension.value.public_bytes()


def test_every_missing_detail_is_told_at_once_by_its_option(tmp_path: Path) -> None:
    said = run("create", "brcac", tmp_path, "--name", "Banco", "--registration-number", "43.142", status=1).stderr
    for option in ("--org-id", "--software-id", "--state", "--locality", "--host", "--registration-number"):
        assert f"refused: {option}\n" in said
        assert f"fix:    give {option}: " in said
    assert (
        "number 2 is no host name"
        in run("create", "server", tmp_path, "--host", "a.example", "--host", "b c", status=1).stderr
    )
    said = run("create", "obwac", tmp_path, "--authorisation", "FCA 1", "--country", "gb", status=1).stderr
    for option in ("--org-id", "--name", "--authorisation", "--country"):
        assert f"refused: {option}\n" in said
    assert not list(tmp_path.iterdir())


def test_a_key_is_encrypted_where_a_password_is_named(tmp_path: Path) -> None:
    run("create", "server", tmp_path, *DETAILS["server"], "--key-password", REFERENCE)
    with pytest.raises(TypeError):
        load_pem_private_key((tmp_path / "server.key").read_bytes(), None)
    load_pem_private_key((tmp_path / "server.key").read_bytes(), PASSWORD)
    assert "--force" in run("create", "server", tmp_path, *DETAILS["server"], status=1).stderr


def test_what_does_not_belong_together_is_not_joined(tmp_path: Path) -> None:
    certificate, key = put(tmp_path / "a.pem", SERVER.certificate_pem), put(tmp_path / "b.key", TRANSPORT.key_pem)
    out = ("--into", tmp_path / "out.p12", "--new-password", REFERENCE)
    assert "does not belong" in run("import", certificate, "--key", key, *out, status=1).stderr
    past = Issued(CertificateAuthority.create("x", at=0.0).certificate, new_key())
    put(tmp_path / "a.pem", past.certificate_pem)
    run("import", certificate, "--key", key, *out, status=1)
    assert not (tmp_path / "out.p12").exists()


def test_a_store_is_converted_there_and_back(tmp_path: Path) -> None:
    store = put(tmp_path / "bank.p12", transport_store())
    run("convert", store, tmp_path / "bank.pem", "--password", REFERENCE)
    assert mode(tmp_path / "bank.pem") == 0o600
    assert keystores.pair_of(tmp_path / "bank.pem", None).certificate == TRANSPORT.certificate
    again = tmp_path / "again.p12"
    run("convert", tmp_path / "bank.pem", again, "--new-password", "env:OTHER_PASSWORD")
    assert keystores.open_keystore(again, b"other-" + PASSWORD).certificate == TRANSPORT.certificate
    run(
        "convert",
        put(tmp_path / "roots.p12", trust_store()),
        tmp_path / "roots.pem",
        "--to",
        "pem",
        "--password",
        REFERENCE,
    )
    assert (tmp_path / "roots.pem").read_bytes() == ROOT.certificate_pem
    run("convert", tmp_path / "roots.pem", tmp_path / "java.p12", "--new-password", REFERENCE)
    assert keystores.open_trust_store(tmp_path / "java.p12", PASSWORD) == (ROOT.certificate,)
    assert "--new-password" in run("convert", store, tmp_path / "x.p12", "--password", REFERENCE, status=2).stderr


@pytest.mark.skipif(shutil.which("keytool") is None, reason="needs Java's keytool")
def test_one_key_of_a_java_store_is_taken_by_its_alias_and_java_reads_our_trust(tmp_path: Path) -> None:
    store = tmp_path / "bank.jks"
    for alias in ("one", "two"):
        command = [
            "keytool",
            "-genkeypair",
            "-keyalg",
            "RSA",
            "-keysize",
            "2048",
            "-alias",
            alias,
            "-dname",
            f"CN={alias}",
        ]
        command += ["-keystore", str(store), "-storetype", "JKS", "-storepass", CANARY, "-keypass", CANARY]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    common = ("convert", store, tmp_path / "two.p12", "--password", REFERENCE, "--new-password", REFERENCE)
    assert "--alias" in run(*common, status=1).stderr
    assert "one" in run(*common, "--alias", "three", status=1).stderr
    run(*common, "--alias", "two")
    assert keystores.open_keystore(tmp_path / "two.p12", PASSWORD).certificate.subject.rfc4514_string() == "CN=two"
    roots = put(tmp_path / "roots.pem", ROOT.certificate_pem)
    run("convert", roots, tmp_path / "roots.p12", "--new-password", REFERENCE)
    listing = ["keytool", "-list", "-keystore", str(tmp_path / "roots.p12"), "-storepass", CANARY]
    listed = subprocess.run(listing, check=True, capture_output=True, timeout=60, env={**os.environ, "LC_ALL": "C"})
    assert b"trustedCertEntry" in listed.stdout


def test_what_handles_keys_leaves_no_core_file(tmp_path: Path) -> None:
    dumpable = "import ctypes, atexit; atexit.register(lambda: print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)))"
    asked = f"from dcrgw.cli.keystore import keystore; keystore(['show', {str(tmp_path / 'none')!r}])"
    done = subprocess.run([sys.executable, "-c", f"{dumpable}; {asked}"], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["0"]


def test_the_first_key_makes_its_folders_too(tmp_path: Path) -> None:
    folder = tmp_path / "certs" / "new"
    run("create", "server", folder, "--host", "bank.example")
    assert stat.S_IMODE((folder / "server.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
