"""Keys and certificates from files, and what is wrong with some."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from dcrgw.tpp import credentials
from dcrgw.tpp.credentials import CredentialsUnusable, Transport


def pem(key, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def test_the_certificate_is_found_in_pem_and_in_a_key_store(files):
    store = Transport(pkcs12=files["transport.p12"], password=f"file:{files['password']}")
    for transport in (Transport(files["transport.pem"], files["transport.key"]), store):
        found = credentials.certificate(transport)
        assert found == files.transport.certificate
        assert credentials.subject_dn(found) == files.transport.subject_dn
        assert transport.is_given


def test_no_certificate_is_none():
    assert credentials.certificate(Transport()) is None
    assert not Transport().is_given


def test_an_encrypted_transport_key_is_opened_by_its_password(files, monkeypatch):
    (files.folder / "transport.key").write_bytes(pem(files.transport.key, b"s3cr3t"))
    monkeypatch.setenv("TPP_PASSWORD", "s3cr3t")
    for password in ("env:TPP_PASSWORD", f"file:{files['password']}"):
        transport = Transport(files["transport.pem"], files["transport.key"], password=password)
        assert credentials.tls_context(transport, files["ca.pem"])


def test_an_encrypted_transport_key_without_password_asks_nobody(files):
    (files.folder / "transport.key").write_bytes(pem(files.transport.key, b"s3cr3t"))
    with pytest.raises(CredentialsUnusable):
        credentials.tls_context(Transport(files["transport.pem"], files["transport.key"]), files["ca.pem"])


@pytest.mark.parametrize(
    "transport",
    [
        {"certificate": "absent.pem"},
        {"certificate": "transport.pem", "key": "absent.key"},
        {"certificate": "transport.pem", "key": "signing.key"},
        {"certificate": "transport.pem", "key": "ca.pem"},
        {"certificate": "transport.key"},
        {"certificate": "statement.jwt"},
        {"pkcs12": "transport.p12"},
        {"pkcs12": "transport.pem"},
        {"pkcs12": "absent.p12"},
    ],
    ids=str,
)
def test_unfit_transport_files_are_named(transport, files):
    paths = {name: files[file] for name, file in transport.items()}
    with pytest.raises(CredentialsUnusable, match=r"transport|absent|statement"):
        credentials.tls_context(Transport(**paths), files["ca.pem"])


@pytest.mark.parametrize("file", ["absent.pem", "statement.jwt"])
def test_an_unfit_server_ca_is_named(file, files):
    with pytest.raises(CredentialsUnusable, match=file):
        credentials.tls_context(Transport(), files[file])


@pytest.mark.parametrize("reference", ["s3cr3t", "env:", "file:", "env:ABSENT_VARIABLE", "file:/absent/file", "pass:x"])
def test_a_password_is_only_a_reference(reference):
    with pytest.raises(CredentialsUnusable) as caught:
        credentials.secret(reference)
    assert "s3cr3t" not in str(caught.value)


def test_a_password_file_gives_its_first_line(tmp_path):
    (tmp_path / "password").write_bytes(b"s3cr3t\r\nsecond")
    assert credentials.secret(f"file:{tmp_path / 'password'}") == b"s3cr3t"
    assert credentials.secret(None) is None


def test_signing_keys_are_read_with_their_usual_algorithm(files, tmp_path):
    assert credentials.usual_algorithm(credentials.signing_key(files["signing.key"])) == "PS256"
    for curve, alg in ((ec.SECP256R1(), "ES256"), (ec.SECP384R1(), "ES384"), (ec.SECP521R1(), "ES512")):
        (tmp_path / "ec.key").write_bytes(pem(ec.generate_private_key(curve), b"s3cr3t"))
        assert credentials.usual_algorithm(credentials.signing_key(tmp_path / "ec.key", b"s3cr3t")) == alg


def test_a_password_for_the_transport_key_does_not_spoil_a_plain_signing_key(files):
    assert credentials.signing_key(files["signing.key"], b"s3cr3t")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no key",
        pem(ed25519.Ed25519PrivateKey.generate()),
        pem(ec.generate_private_key(ec.SECP256K1())),
        pem(ec.generate_private_key(ec.SECP256R1()), b"another"),
    ],
    ids=["empty", "text", "Ed25519", "secp256k1", "encrypted otherwise"],
)
@pytest.mark.parametrize("password", [None, b"s3cr3t"])
def test_an_unfit_signing_key_is_named(content, password, tmp_path):
    (tmp_path / "signing.key").write_bytes(content)
    with pytest.raises(CredentialsUnusable, match=r"signing\.key"):
        credentials.signing_key(tmp_path / "signing.key", password)
