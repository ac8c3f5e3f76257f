"""The files that a bank's configuration names, made anew in a folder."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from dcrgw.testkit.certificates import CertificateAuthority, Issued, new_key

PASSWORD = "canary-7f3a91"

ROOT = CertificateAuthority.create("Directory root")
_KEY = new_key("rsa2048")
SERVER = ROOT.issue_server("matls.bank.example", "bank.example", "localhost", "127.0.0.1")
TRANSPORT = ROOT.issue(software_id="BANKSW", org_id="BANKORG", key=_KEY)


def put(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """Write a file that only we may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def trust_store(authority: CertificateAuthority = ROOT, password: str = PASSWORD) -> bytes:
    """A Java trust store."""
    entries = [pkcs12.PKCS12Certificate(authority.certificate, b"root")]
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(password.encode()))


def transport_store(issued: Issued = TRANSPORT, password: str = PASSWORD) -> bytes:
    """A key store."""
    return issued.pkcs12(password.encode())


def bank_folder(folder: Path) -> Path:
    """The files of `bank_configuration.BANK`."""
    put(folder / "server.pem", SERVER.chain_pem)
    put(folder / "server.key", SERVER.key_pem)
    put(folder / "signing.key", TRANSPORT.key_pem)
    put(folder / "signing.pem", TRANSPORT.certificate_pem)
    put(folder / "transport.p12", transport_store())
    put(folder / "roots.pem", ROOT.certificate_pem)
    put(folder / "onboarding.py", b"pass\n")
    put(folder / "dcrgw.toml", b"# stands for the file\n")
    return folder


def example_folder(folder: Path, example: Path) -> Path:
    """A copy of the example configuration with the files that it names. Gives the copy."""
    certs = folder / "certs"
    put(certs / "server.pem", SERVER.chain_pem)
    put(certs / "server.key", SERVER.key_pem)
    put(certs / "directory" / "signing.key", TRANSPORT.key_pem)
    put(certs / "directory" / "signing.pem", TRANSPORT.certificate_pem)
    put(certs / "directory" / "transport_root.p12", trust_store())
    put(certs / "directory" / "transport.p12", transport_store())
    (folder / "var").mkdir()
    return put(folder / "config" / "dcrgw.toml", example.read_bytes(), 0o644)
