"""Keystores and trust stores: files in, key pairs and certificates out.

Everything here is synchronous and may take long (a password is stretched by as many rounds as the
file asks for): callers on the event loop use a thread. Every refusal is a `KeystoreRefused`.
"""

from __future__ import annotations

import os
import secrets
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from dcrgw.adapters.java_keystores import read_jks
from dcrgw.adapters.keystore_files import Format, KeystoreRefused, read_file, recognise, refuse_format

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey

#: NIST SP 800-131A; FAPI asks for the same.
MIN_RSA_BITS = 2048


@dataclass(frozen=True, slots=True, eq=False)
class KeyPair:
    """A private key with its certificate and the intermediates to send along, leaf's issuer first, no root.

    `source` names the file for messages.
    """

    key: PrivateKey = field(repr=False)
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()
    source: str = ""

    @property
    def expires_at(self) -> float:
        """Epoch seconds of the certificate's end."""
        return self.certificate.not_valid_after_utc.timestamp()


@dataclass(frozen=True, slots=True)
class Entry:
    """What a store keeps under one alias: a key with its certificate and chain, or a certificate. Not judged."""

    alias: str
    key: object | None = field(repr=False)
    certificates: tuple[x509.Certificate, ...]


def open_keystore(path: Path, password: bytes | None) -> KeyPair:
    """The key pair of a PKCS#12 or JKS store that holds one.

    Raises: KeystoreRefused. Its dates and the match of key and certificate are `judge_pair`'s.
    """
    return pair_among(path, open_store(path, password))


def pair_of(path: Path, password: bytes | None) -> KeyPair:
    """The key pair of one file in any form: a store, or PEM with key and certificate. Raises: KeystoreRefused."""
    return pair_among(path, entries_of(path, password))


def entries_of(path: Path, password: bytes | None) -> tuple[Entry, ...]:
    """What a file in any form holds; the key of a PEM file comes with all its certificates. Raises: KeystoreRefused."""
    content = read_file(path)
    if recognise(content) is not Format.PEM:
        return open_store(path, password)
    certificates = tuple(open_certificates(path)) if b"BEGIN CERTIFICATE-----" in content else ()
    if b"PRIVATE KEY-----" not in content:
        return tuple(Entry("", None, (each,)) for each in certificates)
    key = open_private_key(path, password)
    leaf = next((each for each in certificates if _belongs(key, each)), None)
    ordered = (leaf, *(each for each in certificates if each != leaf)) if leaf is not None else certificates
    return (Entry("", key, ordered),)


def chained(pair: KeyPair, others: Sequence[x509.Certificate]) -> KeyPair:
    """The pair with those of the other certificates that lead upwards from it."""
    return KeyPair(pair.key, pair.certificate, _chain(pair.certificate, [*pair.chain, *others]), pair.source)


def pair_among(path: Path, entries: Sequence[Entry], alias: str | None = None) -> KeyPair:
    """The one key pair among a store's entries, or that of an alias. Raises: KeystoreRefused."""
    keys = [entry for entry in entries if entry.key is not None and alias in (None, entry.alias)]
    if not keys and alias is not None:
        names = ", ".join(entry.alias for entry in entries if entry.key is not None)
        raise KeystoreRefused(path, f"holds no private key of this alias, but {names or 'none'}", "correct the alias")
    if not keys:
        raise KeystoreRefused(path, "holds no private key, only certificates", "export the key together with it")
    if len(keys) > 1:
        names = ", ".join(entry.alias or "one without a name" for entry in keys)
        fix = "copy one of them: dcrgw keystore convert --alias NAME"
        raise KeystoreRefused(path, f"holds {len(keys)} private keys: {names}", fix)
    (entry,) = keys
    if not entry.certificates:
        raise KeystoreRefused(path, "holds a private key without its certificate", "export both into one store")
    leaf, *others = entry.certificates
    others += [each for other in entries if other is not entry for each in other.certificates]
    return KeyPair(_usable_key(path, entry.key), leaf, _chain(leaf, others), str(path))


def open_store(path: Path, password: bytes | None) -> tuple[Entry, ...]:
    """Everything that a PKCS#12 or JKS store holds. Raises: KeystoreRefused."""
    content = read_file(path)
    found = recognise(content)
    if found is Format.JKS:
        return tuple(Entry(each.alias, each.key, each.chain) for each in read_jks(path, content, password))
    if found is not Format.PKCS12:
        raise refuse_format(path, found, "a PKCS#12 or JKS store")
    store = _open_pkcs12(path, content, password)
    entries = []
    if store.key is not None or store.cert is not None:
        own = (store.cert.certificate,) if store.cert is not None else ()
        entries.append(Entry(_name(store.cert), store.key, own))
    entries += [Entry(_name(each), None, (each.certificate,)) for each in store.additional_certs]
    return tuple(entries)


def _name(certificate: pkcs12.PKCS12Certificate | None) -> str:
    name = certificate.friendly_name if certificate is not None else None
    return (name or b"").decode("utf-8", "replace")


def open_pem(certificate_path: Path, key_path: Path, password: bytes | None = None) -> KeyPair:
    """The key pair of a PEM certificate (with intermediates, in any order) and a PEM key, perhaps in one file.

    Raises: KeystoreRefused.
    """
    key = open_private_key(key_path, password)
    certificates = open_certificates(certificate_path)
    leaf = next((each for each in certificates if _belongs(key, each)), certificates[0])
    return KeyPair(key, leaf, _chain(leaf, certificates), str(certificate_path))


def open_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file, in their order, at least one. Raises: KeystoreRefused."""
    content = _pem_content(path)
    if b"BEGIN CERTIFICATE-----" not in content:
        raise KeystoreRefused(path, "holds no certificate", "name the file that holds the certificate")
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError:
        raise KeystoreRefused(path, "holds a damaged certificate", "write it again as PEM") from None


def open_private_key(path: Path, password: bytes | None = None) -> PrivateKey:
    """An RSA or EC private key from PEM (PKCS#8, PKCS#1 or SEC 1), perhaps encrypted.

    Raises: KeystoreRefused.
    """
    content = _pem_content(path)
    if b"PRIVATE KEY-----" not in content:
        raise KeystoreRefused(path, "holds no private key", "name the file that holds the key")
    try:
        return _usable_key(path, load_pem_private_key(content, password or None))
    except TypeError:  # cryptography's word for a password too many or too few
        if password:
            raise KeystoreRefused(path, "is not encrypted, but a password is set", "remove the password") from None
        raise KeystoreRefused(path, "is encrypted, but no password is set", "set its password") from None
    except (ValueError, UnsupportedAlgorithm):
        if password:
            raise KeystoreRefused(path, "does not open with this password", _PASSWORD_FIX) from None
        raise KeystoreRefused(path, "is no readable private key", "write it again as PEM, PKCS#8") from None


def open_trust_store(path: Path, password: bytes | None = None) -> tuple[x509.Certificate, ...]:
    """The certificates of a trust store, each once: a PEM bundle, PKCS#12 or JKS (Java's trust stores are those).

    Raises: KeystoreRefused; also for a store that is empty or holds a private key.
    """
    content = read_file(path)
    if recognise(content) is Format.PEM:
        if b"PRIVATE KEY-----" in content:
            raise _key_in_trust_store(path)
        found = open_certificates(path)
    else:
        entries = open_store(path, password)
        if any(entry.key is not None for entry in entries):
            raise _key_in_trust_store(path)
        found = [each for entry in entries for each in entry.certificates]
    if not found:
        raise KeystoreRefused(
            path, "holds no certificate", "put the trusted roots into it: an empty store trusts nobody"
        )
    return tuple(dict.fromkeys(found))


def judge_pair(pair: KeyPair, at: float) -> None:
    """Refuse a pair that cannot serve at `at` (epoch seconds).

    Raises: KeystoreRefused when key and certificate do not belong together, or the certificate is
    not yet valid or no longer.
    """
    judge_belonging(pair)
    now = datetime.fromtimestamp(at, UTC)
    if now < pair.certificate.not_valid_before_utc:
        since = pair.certificate.not_valid_before_utc.isoformat()
        raise KeystoreRefused(
            pair.source, f"holds a certificate that is valid only from {since}", "check the clock, or wait"
        )
    if now > pair.certificate.not_valid_after_utc:
        until = pair.certificate.not_valid_after_utc.isoformat()
        raise KeystoreRefused(pair.source, f"holds a certificate that expired on {until}", "renew it")


def judge_belonging(pair: KeyPair) -> None:
    """Raises: KeystoreRefused when key and certificate do not belong together."""
    if not _belongs(pair.key, pair.certificate):
        raise KeystoreRefused(
            pair.source, "holds a certificate that does not belong to the key", "pair the key with its own one"
        )


def install(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Let `context` present the pair. The context is unchanged when it is refused.

    Raises: KeystoreRefused when OpenSSL does not take the pair.
    """
    # load_cert_chain reads files only. The key is written encrypted, to memory where the system
    # can, and is gone before this returns.
    passphrase = secrets.token_urlsafe(24)
    certificates = b"".join(each.public_bytes(Encoding.PEM) for each in (pair.certificate, *pair.chain))
    encryption = BestAvailableEncryption(passphrase.encode())
    key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    with _short_lived_file(certificates + key) as path:
        try:
            context.load_cert_chain(path, password=passphrase)
        except ssl.SSLError as error:
            reason = f"is not taken by OpenSSL ({error.reason or 'no reason given'})"
            raise KeystoreRefused(
                pair.source, reason, "use a key and signature that OpenSSL's security level allows"
            ) from None


@contextmanager
def _short_lived_file(content: bytes) -> Iterator[str]:
    try:
        descriptor = os.memfd_create("dcrgw")
        path = f"/proc/self/fd/{descriptor}"
        usable = os.path.exists(path)
    except (AttributeError, OSError):
        usable = False
    if usable:
        with open(descriptor, "wb", buffering=0) as file:
            file.write(content)
            yield path
        return
    with tempfile.TemporaryDirectory() as directory:  # mode 0700
        path = os.path.join(directory, "pair.pem")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        yield path


_PASSWORD_FIX = "correct the password, or the secret that it refers to"


def _open_pkcs12(path: Path, content: bytes, password: bytes | None) -> pkcs12.PKCS12KeyAndCertificates:
    # A store without a password was made either with an empty one or with none: two different things.
    for candidate in (password,) if password else (None, b""):
        try:
            return pkcs12.load_pkcs12(content, candidate)
        except (ValueError, UnsupportedAlgorithm, TypeError) as error:
            # Its message is cryptography's only mark of a wrong password; TypeError, of one that is not UTF-8.
            is_password = isinstance(error, TypeError) or "password" in str(error).lower()
    if not is_password:
        raise KeystoreRefused(path, "is no readable PKCS#12 store", "write it again; it may be damaged or cut off")
    if not password:
        raise KeystoreRefused(path, "does not open without a password", "set its password")
    raise KeystoreRefused(path, "does not open with this password", _PASSWORD_FIX)


def _pem_content(path: Path) -> bytes:
    content = read_file(path)
    found = recognise(content)
    if found is not Format.PEM:
        raise refuse_format(path, found, "PEM text")
    return content


def _key_in_trust_store(path: Path) -> KeystoreRefused:
    return KeystoreRefused(path, "holds a private key", "a trust store holds others' certificates only; remove the key")


def _usable_key(path: Path, key: object) -> PrivateKey:
    if isinstance(key, RSAPrivateKey):
        if key.key_size < MIN_RSA_BITS:
            raise KeystoreRefused(path, f"holds an RSA key of {key.key_size} bits", f"use {MIN_RSA_BITS} bits or more")
        return key
    if isinstance(key, EllipticCurvePrivateKey):
        return key
    raise KeystoreRefused(path, "holds a key that is neither RSA nor EC", "use an RSA or EC key")


def _belongs(key: PrivateKey, certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.public_key() == key.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return False


def _chain(leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """The intermediates from the leaf upwards. The root is left out: who does not have it does not trust it."""
    chain: list[x509.Certificate] = []
    remaining = [each for each in others if each != leaf]
    current = leaf
    while issuer := next((each for each in remaining if _issued(each, current)), None):
        remaining.remove(issuer)
        if issuer.issuer == issuer.subject:
            break
        chain.append(issuer)
        current = issuer
    return tuple(chain)


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
