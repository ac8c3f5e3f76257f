"""Certificates to be looked at, as bytes and unjudged: from a file of any form, or as a server shows them."""

from __future__ import annotations

import re
import socket
import ssl
from base64 import b64decode
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from dcrgw.adapters.keystore_files import Format, KeystoreRefused, read_file, recognise, refuse_format
from dcrgw.errors import Unavailable

_PEM = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----(.*?)-----END ", re.DOTALL)


def certificates_of_file(path: Path, password: bytes | None = None) -> tuple[bytes, ...]:
    """Every certificate of a PEM, DER or PKCS#12 file, in its order; keys beside them are not looked at.

    Raises: KeystoreRefused.
    """
    content = read_file(path)
    match recognise(content):
        case Format.PEM:
            found = tuple(_decoded(path, body) for body in _PEM.findall(content))
        case Format.DER:
            found = (content,)
        case Format.PKCS12:
            found = _of_pkcs12(path, content, password)
        case other:
            raise refuse_format(path, other, "a certificate: PEM, DER or PKCS#12")
    if not found:
        raise KeystoreRefused(path, "holds no certificate", "name the file that holds the certificate")
    return found


def certificates_of_server(host: str, port: int, timeout_s: float = 5.0) -> tuple[bytes, ...]:
    """What a TLS server shows, leaf first; nothing is verified, since it is only looked at. Raises: Unavailable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as tls,
        ):
            leaf = tls.getpeercert(binary_form=True)
            chain = _unverified(tls)
    except (OSError, ValueError) as error:
        raise Unavailable(f"{host}:{port}", getattr(error, "strerror", None) or type(error).__name__) from None
    if leaf is None:
        raise Unavailable(f"{host}:{port}", "the server shows no certificate")
    return chain if chain[:1] == (leaf,) else (leaf,)


def _unverified(tls: ssl.SSLSocket) -> tuple[bytes, ...]:
    if hasattr(tls, "get_unverified_chain"):  # Python 3.13
        return tuple(tls.get_unverified_chain())
    unverified = getattr(getattr(tls, "_sslobj", None), "get_unverified_chain", lambda: ())
    return tuple(ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in unverified() or ())


def _decoded(path: Path, body: bytes) -> bytes:
    try:
        return b64decode(b"".join(body.split()), validate=True)
    except ValueError:
        raise KeystoreRefused(path, "holds a damaged certificate", "write it again as PEM") from None


def _of_pkcs12(path: Path, content: bytes, password: bytes | None) -> tuple[bytes, ...]:
    for candidate in (password,) if password else (None, b""):
        try:
            store = pkcs12.load_pkcs12(content, candidate)
        except (ValueError, TypeError):
            continue
        entries = [*([store.cert] if store.cert else []), *store.additional_certs]
        return tuple(_der(entry.certificate) for entry in entries)
    raise KeystoreRefused(path, "does not open with this password", "give the right one with --password")


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
