"""What lies in a keystore file: read it with a cap, and name its format by its first bytes."""

from __future__ import annotations

import os
import stat
from enum import StrEnum
from pathlib import Path

from dcrgw.errors import Misconfigured

#: A system's whole bundle of public roots is about 220 KiB.
MAX_BYTES = 1024 * 1024


class KeystoreRefused(Misconfigured):
    """A keystore that cannot serve. Names the file, the reason and the fix, and no secret."""

    def __init__(self, path: Path | str, reason: str, fix: str) -> None:
        self.path = str(path)
        self.reason = reason
        self.fix = fix
        super().__init__(f"{path}: {reason}; {fix}")


class Format(StrEnum):
    """The formats that are told apart. PEM, PKCS12 and JKS are taken."""

    PEM = "PEM"
    PKCS12 = "PKCS#12"
    JKS = "JKS"
    JCEKS = "JCEKS"
    BKS = "BKS"
    BCFKS = "BCFKS"
    DER = "DER certificate"
    UNKNOWN = "unknown"


def read_file(path: Path) -> bytes:
    """The bytes of a regular file of at most `MAX_BYTES`.

    A file that changes while it is read is refused: its writer is not done.
    Raises: KeystoreRefused.
    """
    try:
        # Without O_NONBLOCK a FIFO in place of the file would hold the caller for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise KeystoreRefused(path, "does not exist", "mount the file or correct the path") from None
    except OSError as error:
        raise KeystoreRefused(path, f"cannot be opened ({error.strerror})", "let the gateway's user read it") from None
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        os.close(descriptor)
        raise KeystoreRefused(path, "is not a file", "name the keystore file itself")
    with open(descriptor, "rb") as file:
        if before.st_size > MAX_BYTES:
            raise KeystoreRefused(path, f"is larger than {MAX_BYTES} bytes", "this is no keystore; name another file")
        content = file.read(MAX_BYTES + 1)
        after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(content) != after.st_size:
        raise KeystoreRefused(path, "changed while it was read", "write a new file and rename it over the old one")
    if not content:
        raise KeystoreRefused(path, "is empty", "write the keystore again")
    return content


def recognise(content: bytes) -> Format:
    """The format, by magic and by the first ASN.1 elements; never by the file's name."""
    if b"-----BEGIN " in content:
        return Format.PEM
    for magic, format_ in _MAGIC.items():
        if content.startswith(magic):
            return format_
    return _asn1_format(content)


_MAGIC = {
    b"\xfe\xed\xfe\xed": Format.JKS,
    b"\xce\xce\xce\xce": Format.JCEKS,
    b"\x00\x00\x00\x01": Format.BKS,
    b"\x00\x00\x00\x02": Format.BKS,
}


def _asn1_format(content: bytes) -> Format:
    body = _inside_sequence(content)
    if body.startswith(b"\x02\x01\x03"):  # PFX: version 3 (RFC 7292 §4)
        return Format.PKCS12
    inner = _inside_sequence(body)
    if inner.startswith((b"\xa0\x03", b"\x02")):  # TBSCertificate: [0] version, or a version 1 serial number
        return Format.DER
    if _inside_sequence(inner).startswith(b"\x06"):  # an encrypted ObjectStore: AlgorithmIdentifier comes first
        return Format.BCFKS
    return Format.PKCS12 if content.startswith(b"\x30\x80") else Format.UNKNOWN


def _inside_sequence(content: bytes) -> bytes:
    """What follows the header of a DER SEQUENCE; empty when there is none. Lengths are not judged here."""
    if len(content) < 2 or content[0] != 0x30:
        return b""
    length_bytes = content[1] & 0x7F if content[1] & 0x80 else 0
    return content[2 + length_bytes :]


def refuse_format(path: Path, found: Format, wanted: str) -> KeystoreRefused:
    """The refusal of a format that is not taken, with the command that converts it."""
    return KeystoreRefused(path, f"is {_NAMED[found]}, not {wanted}", _conversion(path, found))


_NAMED = {
    Format.PEM: "PEM text",
    Format.PKCS12: "a PKCS#12 store",
    Format.JKS: "a Java keystore (JKS)",
    Format.JCEKS: "a Java keystore (JCEKS)",
    Format.BKS: "a Bouncy Castle keystore (BKS)",
    Format.BCFKS: "a Bouncy Castle FIPS keystore (BCFKS)",
    Format.DER: "a DER certificate",
    Format.UNKNOWN: "in no known format",
}


def _conversion(path: Path, found: Format) -> str:
    target = path.with_suffix(".p12").name
    if target == path.name:
        target = f"{path.stem}-converted.p12"
    import_ = f"keytool -importkeystore -srckeystore {path.name} -srcstoretype {found} "
    into = f"-destkeystore {target} -deststoretype PKCS12"
    match found:
        case Format.JKS:
            return f"convert it: dcrgw keystore convert {path.name} --to pem"
        case Format.JCEKS:
            return f"convert it: {import_}{into}"
        case Format.BKS:
            provider = "-providerclass org.bouncycastle.jce.provider.BouncyCastleProvider -providerpath bcprov.jar "
            return f"convert it: {import_}{provider}{into}"
        case Format.BCFKS:
            provider = "-providerclass org.bouncycastle.jcajce.provider.BouncyCastleFipsProvider "
            return f"convert it: {import_}{provider}-providerpath bc-fips.jar {into}"
        case Format.DER:
            return f"convert it: openssl x509 -inform der -in {path.name} -out {path.stem}.pem"
        case Format.PEM:
            return "name it as certificate and key, or make a store: openssl pkcs12 -export"
        case Format.PKCS12:
            return f"name it as a keystore, or take it apart: openssl pkcs12 -in {path.name}"
        case Format.UNKNOWN:
            return "name a PEM or PKCS#12 file; the file may be damaged or cut off"
