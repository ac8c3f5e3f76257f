"""Keystores made by the tools that banks use, and everything that can be wrong with one."""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrgw.adapters import keystores
from dcrgw.adapters.java_keystores import read_jks
from dcrgw.adapters.keystore_files import MAX_BYTES, Format, KeystoreRefused, recognise
from dcrgw.errors import Misconfigured
from dcrgw.testkit.certificates import CertificateAuthority, Issued, new_key

CANARY = "canary-7f3a91"
PASSWORD = CANARY.encode()
NOW = 1_700_000_000.0
DAY = 86_400.0
PBES = pkcs12.PBES

ROOT = CertificateAuthority.create("Root", at=NOW)
UPPER = ROOT.intermediate("Upper")
LOWER = UPPER.intermediate("Lower")
BANK = LOWER.issue(software_id="BANKSW", org_id="BANK", key_type="p256")
OTHER = ROOT.issue(software_id="OTHER", org_id="OTHER", key_type="p256")


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def store(issued: Issued = BANK, *, algorithm: PBES | None = None, mac: hashes.HashAlgorithm | None = None) -> bytes:
    encryption = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2048)
    encryption = encryption.key_cert_algorithm(algorithm or PBES.PBESv2SHA256AndAES256CBC)
    encryption = encryption.hmac_hash(mac or hashes.SHA256())
    key, certificate, chain = issued.key, issued.certificate, issued.chain
    return pkcs12.serialize_key_and_certificates(b"bank", key, certificate, chain, encryption.build(PASSWORD))


def java_truststore(*authorities: CertificateAuthority) -> bytes:
    entries = [pkcs12.PKCS12Certificate(each.certificate, b"root") for each in authorities]
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(PASSWORD))


def refusal(attempt: Callable[[], object]) -> KeystoreRefused:
    """The refusal of an attempt: it names reason and fix, is the bank's fault, and shows no secret."""
    with pytest.raises(KeystoreRefused) as caught:
        attempt()
    refused = caught.value
    assert isinstance(refused, Misconfigured)
    assert refused.reason
    assert refused.fix
    assert refused.path in str(refused)
    assert CANARY not in repr(refused) + str(refused)
    assert refused.__cause__ is None
    return refused


@pytest.mark.parametrize(
    ("algorithm", "mac"),
    [
        (PBES.PBESv2SHA256AndAES256CBC, hashes.SHA256()),
        (PBES.PBESv1SHA1And3KeyTripleDESCBC, hashes.SHA1()),
        (PBES.PBESv1SHA1And3KeyTripleDESCBC, hashes.SHA256()),
    ],
)
def test_pkcs12_opens_in_modern_and_legacy_forms(tmp_path: Path, algorithm: PBES, mac: hashes.HashAlgorithm) -> None:
    path = written(tmp_path / "bank.p12", store(algorithm=algorithm, mac=mac))
    pair = keystores.open_keystore(path, PASSWORD)
    assert pair.certificate == BANK.certificate
    assert pair.key.public_key() == BANK.key.public_key()
    assert pair.chain == (LOWER.certificate, UPPER.certificate)
    keystores.judge_pair(pair, NOW)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl tool")
def test_a_store_of_the_openssl_tools_oldest_kind_opens(tmp_path: Path) -> None:
    pem = written(tmp_path / "bank.pem", BANK.chain_pem + BANK.key_pem)
    out = tmp_path / "legacy.p12"
    command = ["openssl", "pkcs12", "-export", "-legacy", "-in", pem, "-out", out, "-passout", f"pass:{CANARY}"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert keystores.open_keystore(out, PASSWORD).certificate == BANK.certificate


@pytest.mark.parametrize("password", [None, b"", b"wrong", b"\xff\xfe", b"x" * 10_000])
def test_a_wrong_password_is_told_as_such(tmp_path: Path, password: bytes | None) -> None:
    path = written(tmp_path / "bank.p12", store())
    assert "password" in refusal(lambda: keystores.open_keystore(path, password)).reason


def test_a_store_without_a_password_opens(tmp_path: Path) -> None:
    content = pkcs12.serialize_key_and_certificates(b"x", BANK.key, BANK.certificate, None, NoEncryption())
    path = written(tmp_path / "open.p12", content)
    assert keystores.open_keystore(path, None).certificate == BANK.certificate
    assert keystores.open_keystore(path, b"").certificate == BANK.certificate


def test_every_truncation_of_a_store_is_refused(tmp_path: Path) -> None:
    content = store()
    for length in [*range(64), len(content) // 2, len(content) - 1]:
        path = written(tmp_path / "cut.p12", content[:length])
        refusal(lambda path=path: keystores.open_keystore(path, PASSWORD))


def test_a_store_of_certificates_only_is_no_key_pair(tmp_path: Path) -> None:
    path = written(tmp_path / "trust.p12", java_truststore(ROOT))
    assert "no private key" in refusal(lambda: keystores.open_keystore(path, PASSWORD)).reason


def test_a_key_without_certificate_is_no_key_pair(tmp_path: Path) -> None:
    content = pkcs12.serialize_key_and_certificates(
        b"x", BANK.key, None, [ROOT.certificate], BestAvailableEncryption(PASSWORD)
    )
    path = written(tmp_path / "key.p12", content)
    assert "certificate" in refusal(lambda: keystores.open_keystore(path, PASSWORD)).reason


def test_a_pem_pair_opens_whatever_the_order_of_its_certificates(tmp_path: Path) -> None:
    shuffled = [UPPER.certificate_pem, ROOT.certificate_pem, BANK.certificate_pem, LOWER.certificate_pem]
    certificates = written(tmp_path / "bank.pem", b"".join(shuffled))
    key = written(tmp_path / "bank.key", BANK.key_pem)
    pair = keystores.open_pem(certificates, key)
    assert pair.certificate == BANK.certificate
    assert pair.chain == (LOWER.certificate, UPPER.certificate)


def test_certificate_and_key_may_share_one_file(tmp_path: Path) -> None:
    path = written(tmp_path / "both.pem", BANK.key_pem + BANK.chain_pem)
    assert keystores.open_pem(path, path).certificate == BANK.certificate


def encrypted_key() -> bytes:
    return BANK.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD))


def test_an_encrypted_key_opens_with_its_password_only(tmp_path: Path) -> None:
    path = written(tmp_path / "bank.key", encrypted_key())
    assert keystores.open_private_key(path, PASSWORD).public_key() == BANK.key.public_key()
    assert "no password is set" in refusal(lambda: keystores.open_private_key(path)).reason
    assert "this password" in refusal(lambda: keystores.open_private_key(path, b"wrong")).reason


def test_a_password_for_an_open_key_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "bank.key", BANK.key_pem)
    assert "not encrypted" in refusal(lambda: keystores.open_private_key(path, PASSWORD)).reason


def test_a_traditional_key_opens(tmp_path: Path) -> None:
    pem = BANK.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert keystores.open_private_key(written(tmp_path / "bank.key", pem)).public_key() == BANK.key.public_key()


def test_a_certificate_in_place_of_a_key_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "bank.key", BANK.certificate_pem)
    assert "no private key" in refusal(lambda: keystores.open_private_key(path)).reason


def test_a_key_in_place_of_a_certificate_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "bank.pem", BANK.key_pem)
    assert "no certificate" in refusal(lambda: keystores.open_pem(path, path)).reason


def test_damaged_pem_is_refused(tmp_path: Path) -> None:
    damaged = BANK.certificate_pem.replace(b"M", b"!", 5)
    refusal(lambda: keystores.open_trust_store(written(tmp_path / "bank.pem", damaged)))
    damaged = BANK.key_pem.replace(b"M", b"!", 5)
    refusal(lambda: keystores.open_private_key(written(tmp_path / "bank.key", damaged)))


def test_a_weak_rsa_key_is_refused(tmp_path: Path) -> None:
    weak = ROOT.issue(software_id="X", key_type="rsa1024")
    assert "1024" in refusal(lambda: keystores.open_private_key(written(tmp_path / "weak.key", weak.key_pem))).reason


def test_a_key_of_a_kind_that_signs_nothing_here_is_refused(tmp_path: Path) -> None:
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    refusal(lambda: keystores.open_private_key(written(tmp_path / "ed.key", pem)))


def pair_of(issued: Issued) -> keystores.KeyPair:
    return keystores.KeyPair(issued.key, issued.certificate, source="bank.p12")


def test_an_expired_pair_is_refused() -> None:
    old = ROOT.issue(software_id="X", key_type="p256", not_before=NOW - 3 * DAY, not_after=NOW - DAY)
    assert "expired" in refusal(lambda: keystores.judge_pair(pair_of(old), NOW)).reason
    keystores.judge_pair(pair_of(old), NOW - 2 * DAY)


def test_a_pair_of_tomorrow_is_refused() -> None:
    early = ROOT.issue(software_id="X", key_type="p256", not_before=NOW + DAY, not_after=NOW + 2 * DAY)
    assert "valid only from" in refusal(lambda: keystores.judge_pair(pair_of(early), NOW)).reason


def test_a_mismatched_pair_is_refused(tmp_path: Path) -> None:
    certificate = written(tmp_path / "bank.pem", BANK.certificate_pem)
    key = written(tmp_path / "other.key", OTHER.key_pem)
    pair = keystores.open_pem(certificate, key)
    assert "does not belong" in refusal(lambda: keystores.judge_pair(pair, NOW)).reason


def test_a_pair_tells_when_it_ends_and_hides_its_key() -> None:
    pair = pair_of(BANK)
    assert pair.expires_at == BANK.certificate.not_valid_after_utc.timestamp()
    assert "key=" not in repr(pair)


def test_trust_opens_from_pem_and_from_java(tmp_path: Path) -> None:
    bundle = written(tmp_path / "roots.pem", b"# ours\n" + ROOT.certificate_pem + UPPER.certificate_pem * 2)
    assert keystores.open_trust_store(bundle) == (ROOT.certificate, UPPER.certificate)
    java = written(tmp_path / "roots.p12", java_truststore(ROOT, UPPER))
    assert set(keystores.open_trust_store(java, PASSWORD)) == {ROOT.certificate, UPPER.certificate}


def test_trust_opens_from_a_store_without_key(tmp_path: Path) -> None:
    content = pkcs12.serialize_key_and_certificates(
        b"x", None, ROOT.certificate, [UPPER.certificate], BestAvailableEncryption(PASSWORD)
    )
    found = keystores.open_trust_store(written(tmp_path / "roots.p12", content), PASSWORD)
    assert set(found) == {ROOT.certificate, UPPER.certificate}


def test_a_trust_store_with_a_key_is_refused(tmp_path: Path) -> None:
    p12 = written(tmp_path / "roots.p12", store())
    assert "private key" in refusal(lambda: keystores.open_trust_store(p12, PASSWORD)).reason
    pem = written(tmp_path / "roots.pem", ROOT.certificate_pem + BANK.key_pem)
    assert "private key" in refusal(lambda: keystores.open_trust_store(pem)).reason


def test_a_wrong_trust_password_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "roots.p12", java_truststore(ROOT))
    assert "password" in refusal(lambda: keystores.open_trust_store(path, b"wrong")).reason


@pytest.mark.parametrize(
    ("magic", "format_"),
    [
        (b"\xce\xce\xce\xce\x00\x00\x00\x02", Format.JCEKS),
        (b"\x00\x00\x00\x02\x00\x00\x00\x14", Format.BKS),
        (b"\x30\x82\x03\xf0\x30\x82\x03\x84\x30\x4a\x06\x09\x2a\x86\x48", Format.BCFKS),
    ],
)
def test_java_formats_are_refused_with_the_command_that_converts(tmp_path: Path, magic: bytes, format_: Format) -> None:
    path = written(tmp_path / "store.jks", magic + bytes(64))
    assert recognise(path.read_bytes()) is format_
    for attempt in (keystores.open_keystore, keystores.open_trust_store):
        refused = refusal(lambda attempt=attempt: attempt(path, PASSWORD))
        assert f"keytool -importkeystore -srckeystore store.jks -srcstoretype {format_}" in refused.fix
        assert "-deststoretype PKCS12" in refused.fix


@pytest.mark.skipif(shutil.which("keytool") is None, reason="needs Java's keytool")
def test_real_java_stores_are_told_apart(tmp_path: Path) -> None:
    certificate = written(tmp_path / "root.pem", ROOT.certificate_pem)
    for kind in ("JKS", "PKCS12"):
        path = tmp_path / f"roots.{kind}"
        command = ["keytool", "-importcert", "-noprompt", "-alias", "root", "-file", certificate, "-keystore", path]
        subprocess.run(
            [*command, "-storetype", kind, "-storepass", CANARY], check=True, capture_output=True, timeout=60
        )
    assert recognise((tmp_path / "roots.JKS").read_bytes()) is Format.JKS
    for kind in ("JKS", "PKCS12"):
        assert keystores.open_trust_store(tmp_path / f"roots.{kind}", PASSWORD) == (ROOT.certificate,)


@pytest.mark.skipif(shutil.which("keytool") is None, reason="needs Java's keytool")
@pytest.mark.parametrize("kind", ["JKS", "PKCS12"])
def test_key_stores_of_java_open_with_key_and_chain(tmp_path: Path, kind: str) -> None:
    source = written(tmp_path / "bank.p12", BANK.pkcs12(PASSWORD))
    target = tmp_path / f"bank.{kind}"
    keytool("-importkeystore", "-srckeystore", source, "-srcstorepass", CANARY, "-destkeystore", target,
            "-deststoretype", kind, "-deststorepass", CANARY)  # fmt: skip
    pair = keystores.open_keystore(target, PASSWORD)
    assert (pair.certificate, pair.chain) == (BANK.certificate, BANK.chain)
    keystores.judge_pair(pair, NOW)
    assert "password" in refusal(lambda: keystores.open_keystore(target, b"another")).reason
    assert "password" in refusal(lambda: keystores.open_keystore(target, None)).reason
    for cut in range(0, target.stat().st_size, 97):
        path = written(tmp_path / "cut", target.read_bytes()[:cut])
        refusal(lambda path=path: keystores.open_keystore(path, PASSWORD))


@pytest.mark.skipif(shutil.which("keytool") is None, reason="needs Java's keytool")
def test_a_java_store_with_several_keys_is_refused_by_their_names(tmp_path: Path) -> None:
    target = tmp_path / "bank.jks"
    for alias in ("one", "two"):
        keytool("-genkeypair", "-keyalg", "RSA", "-keysize", "2048", "-alias", alias, "-dname", f"CN={alias}",
                "-keystore", target, "-storetype", "JKS", "-storepass", CANARY, "-keypass", CANARY)  # fmt: skip
    reason = refusal(lambda: keystores.open_keystore(target, PASSWORD)).reason
    assert "one" in reason
    assert "two" in reason
    keytool("-keypasswd", "-alias", "one", "-keystore", target, "-storepass", CANARY, "-keypass", CANARY,
            "-new", "another-one")  # fmt: skip
    assert "keypasswd" in refusal(lambda: keystores.open_keystore(target, PASSWORD)).fix


def keytool(*arguments: str | Path) -> None:
    subprocess.run(["keytool", *arguments, "-noprompt"], check=True, capture_output=True, timeout=60)


def test_a_der_certificate_is_refused_with_the_command_that_converts(tmp_path: Path) -> None:
    path = written(tmp_path / "root.cer", BANK.der)
    assert "openssl x509 -inform der" in refusal(lambda: keystores.open_trust_store(path)).fix


def test_a_missing_empty_or_overlong_file_is_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "none.p12", written(tmp_path / "empty.p12", b"")]
    paths += [written(tmp_path / "huge.p12", b"0" * (MAX_BYTES + 1)), tmp_path]
    for path in paths:
        refusal(lambda path=path: keystores.open_keystore(path, PASSWORD))
        refusal(lambda path=path: keystores.open_pem(path, path))
        refusal(lambda path=path: keystores.open_trust_store(path))


def test_a_fifo_does_not_hold_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "bank.p12"
    os.mkfifo(path)
    refusal(lambda: keystores.open_keystore(path, PASSWORD))


@settings(max_examples=60)
@given(
    content=st.binary(min_size=1, max_size=400) | st.binary(max_size=60).map(b"-----BEGIN CERTIFICATE-----\n".__add__)
)
def test_any_bytes_open_or_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory.getbasetemp() / "any", content)
    for attempt in (
        lambda: keystores.open_keystore(path, None),
        lambda: keystores.open_trust_store(path),
        lambda: keystores.open_pem(path, path),
    ):
        refusal(attempt)


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """A handshake in memory; the client's end."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(6):
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return ends[0]


@pytest.fixture(params=["memory", "directory"])
def key_place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where a pair rests while OpenSSL reads it; both ways must leave nothing behind."""
    if request.param == "directory":
        monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr(keystores.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_an_installed_pair_serves_with_its_chain_and_leaves_no_file(key_place: Path) -> None:
    root = CertificateAuthority.create("Live root")
    issued = root.intermediate("Live issuer").issue_server("localhost")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    keystores.install(server, keystores.KeyPair(issued.key, issued.certificate, issued.chain, "bank.p12"))
    client = ssl.create_default_context(cadata=root.certificate_pem.decode())
    assert handshake(server, client, "localhost").getpeercert(binary_form=True) == issued.der
    assert list(key_place.iterdir()) == []


def test_a_pair_that_openssl_refuses_is_named(key_place: Path) -> None:
    pair = keystores.KeyPair(OTHER.key, BANK.certificate, source="bank.p12")
    refusal(lambda: keystores.install(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), pair))
    assert list(key_place.iterdir()) == []


def test_an_rsa_pair_installs(key_place: Path) -> None:
    issued = ROOT.issue(software_id="X", key=new_key("rsa2048"))
    keystores.install(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), keystores.KeyPair(issued.key, issued.certificate))


@settings(max_examples=60)
@given(st.binary(max_size=80), st.integers(0, 3), st.integers(0, 3))
def test_any_java_store_with_the_right_digest_opens_or_is_refused(body: bytes, version: int, count: int) -> None:
    head = b"\xfe\xed\xfe\xed" + version.to_bytes(4, "big") + count.to_bytes(4, "big") + body
    digest = hashlib.sha1(CANARY.encode("utf-16-be") + b"Mighty Aphrodite" + head).digest()
    with suppress(KeystoreRefused):
        assert len(read_jks(Path("store.jks"), head + digest, PASSWORD)) == count
