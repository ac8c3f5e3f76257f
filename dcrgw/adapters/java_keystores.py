"""Java's own store format, JKS, read without Java: trusted certificates and private keys.

Its guard is weak: an unsalted SHA-1 over the whole, and a keystream of SHA-1 over each key. We read it so that nobody
needs Java to leave it behind, and write it never.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key

from dcrgw.adapters.keystore_files import MAX_BYTES, KeystoreRefused

_MAGIC = 0xFEEDFEED
_PRIVATE_KEY, _TRUSTED = 1, 2
_DIGEST_BYTES = 20
_MOST_ENTRIES = 1000
#: EncryptedPrivateKeyInfo's algorithm: 1.3.6.1.4.1.42.2.17.1.1, with NULL parameters.
_PROTECTOR = bytes.fromhex("300e060a2b060104012a02110101" + "0500")
_DAMAGED = "is a damaged JKS store", "write it again; it may be cut off"


@dataclass(frozen=True, slots=True)
class JavaEntry:
    """One alias: a private key with its chain, or a trusted certificate (`key` is None)."""

    alias: str
    key: object | None = field(repr=False)
    chain: tuple[x509.Certificate, ...]


def read_jks(path: Path, content: bytes, password: bytes | None) -> tuple[JavaEntry, ...]:
    """Every entry. A key's password must be the store's, as keytool makes them.

    Raises: KeystoreRefused.
    """
    store_password = _utf16(path, password)
    body, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    expected = hashlib.sha1(store_password + b"Mighty Aphrodite" + body).digest()  # noqa: S324 - the format's
    if not hmac.compare_digest(digest, expected):
        said = "does not open with this password, or is damaged" if password else "does not open without a password"
        raise KeystoreRefused(path, said, "correct the password, or the secret that it refers to")
    try:
        return tuple(_entries(path, _Cursor(body), store_password))
    except (struct.error, ValueError, UnicodeDecodeError):
        raise KeystoreRefused(path, *_DAMAGED) from None


class _Cursor:
    """Reads forward through bytes. Raises: struct.error at the end of them."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def number(self, form: str = ">I") -> int:
        (found,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return int(found)

    def take(self, length: int) -> bytes:
        if length > MAX_BYTES or self._at + length > len(self._content):
            raise struct.error("beyond the end")
        self._at += length
        return self._content[self._at - length : self._at]

    def text(self) -> str:
        # Java's modified UTF-8: for aliases the difference is that NUL and rare planes are written oddly.
        return self.take(self.number(">H")).decode("utf-8", "replace")


def _entries(path: Path, cursor: _Cursor, password: bytes) -> list[JavaEntry]:
    if cursor.number() != _MAGIC or (version := cursor.number()) not in (1, 2):
        raise KeystoreRefused(path, *_DAMAGED)
    count = cursor.number()
    if count > _MOST_ENTRIES:
        raise KeystoreRefused(path, f"holds more than {_MOST_ENTRIES} entries", "this is no keystore of a bank")
    found = []
    for _ in range(count):
        tag, alias = cursor.number(), cursor.text()
        cursor.number(">Q")  # when it was made, in milliseconds
        if tag == _PRIVATE_KEY:
            protected = cursor.take(cursor.number())
            chain = tuple(_certificate(cursor, version) for _ in range(min(cursor.number(), _MOST_ENTRIES)))
            found.append(JavaEntry(alias, _private_key(path, alias, protected, password), chain))
        elif tag == _TRUSTED:
            found.append(JavaEntry(alias, None, (_certificate(cursor, version),)))
        else:
            raise KeystoreRefused(path, *_DAMAGED)
    return found


def _certificate(cursor: _Cursor, version: int) -> x509.Certificate:
    if version == 2 and cursor.text() != "X.509":
        raise ValueError("another kind of certificate")
    return x509.load_der_x509_certificate(cursor.take(cursor.number()))


def _private_key(path: Path, alias: str, protected: bytes, password: bytes) -> object:
    """The key: a salt, PKCS#8 under a keystream (SHA-1 of password and salt, of password and that, …), a digest."""
    start = protected.find(_PROTECTOR)
    if start < 0:
        raise KeystoreRefused(path, f"holds the key {alias} under an unknown protection", "export it as PKCS#12")
    box = _octets(protected[start + len(_PROTECTOR) :])
    salt, hidden, digest = box[:_DIGEST_BYTES], box[_DIGEST_BYTES:-_DIGEST_BYTES], box[-_DIGEST_BYTES:]
    stream, block = b"", salt
    while len(stream) < len(hidden):
        block = hashlib.sha1(password + block).digest()  # noqa: S324 - the format's
        stream += block
    plain = bytes(a ^ b for a, b in zip(hidden, stream, strict=False))
    if not hmac.compare_digest(hashlib.sha1(password + plain).digest(), digest):  # noqa: S324 - the format's
        fix = "give the key the store's password: keytool -keypasswd"
        raise KeystoreRefused(path, f"holds the key {alias} under another password than its own", fix)
    return load_der_private_key(plain, None)


def _octets(der: bytes) -> bytes:
    """The content of a DER OCTET STRING."""
    if len(der) < 2 or der[0] != 0x04:
        raise ValueError("no OCTET STRING")
    if not der[1] & 0x80:
        return der[2 : 2 + der[1]]
    size = der[1] & 0x7F
    length = int.from_bytes(der[2 : 2 + size], "big")
    return der[2 + size : 2 + size + length]


def _utf16(path: Path, password: bytes | None) -> bytes:
    try:
        return (password or b"").decode().encode("utf-16-be")
    except UnicodeDecodeError:
        raise KeystoreRefused(path, "has a password that is not UTF-8", "correct the password") from None
