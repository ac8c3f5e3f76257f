"""What a TPP holds: its transport certificate and key, its signing key, and the passwords of both."""

from __future__ import annotations

import os
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from dcrgw.core.jose.algorithms import fitting
from dcrgw.core.jose.signing import PrivateKey

_SHORT_NAMES = {NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier"}


class CredentialsUnusable(ValueError):
    """A key, certificate or password that cannot be used. The message names the file and the fix, never a secret."""


@dataclass(frozen=True, slots=True)
class Transport:
    """Where the transport certificate and key lie: PEM files, or one PKCS#12 file. `password` is a reference."""

    certificate: Path | None = None
    key: Path | None = None
    pkcs12: Path | None = None
    password: str | None = None

    @property
    def is_given(self) -> bool:
        """Whether there is a certificate to show at all."""
        return self.certificate is not None or self.pkcs12 is not None


def secret(reference: str | None) -> bytes | None:
    """The password, client secret or token behind `env:NAME` or `file:PATH` (its first line).

    Raises: CredentialsUnusable.
    """
    if reference is None:
        return None
    kind, _, name = reference.partition(":")
    if kind == "env" and name:
        if name not in os.environ:
            raise CredentialsUnusable(f"the environment has no {name}, which a secret is to be read from")
        return os.environb[name.encode()]
    if kind == "file" and name:
        return _content(Path(name)).partition(b"\n")[0].removesuffix(b"\r")
    raise CredentialsUnusable("a secret is given as env:NAME or file:PATH")


def certificate(transport: Transport) -> x509.Certificate | None:
    """The transport certificate itself, if one is given. Raises: CredentialsUnusable."""
    if transport.pkcs12 is not None:
        return _opened(transport).cert.certificate  # type: ignore[union-attr]  # _opened saw to it
    if transport.certificate is None:
        return None
    try:
        return x509.load_pem_x509_certificates(_content(transport.certificate))[0]
    except ValueError:
        raise CredentialsUnusable(f"{transport.certificate} holds no PEM certificate") from None


def subject_dn(certificate: x509.Certificate) -> str:
    """The subject as RFC 4514 text, for tls_client_auth_subject_dn (RFC 8705 §2.1.2)."""
    return certificate.subject.rfc4514_string(_SHORT_NAMES)


def tls_context(transport: Transport, server_ca: Path | None) -> ssl.SSLContext:
    """A client context that shows the transport certificate and trusts `server_ca`, else the system's roots.

    Raises: CredentialsUnusable.
    """
    try:
        context = ssl.create_default_context(cafile=server_ca)
    except (OSError, ssl.SSLError):
        raise CredentialsUnusable(f"{server_ca} holds no PEM certificate of a CA, or cannot be read") from None
    if transport.pkcs12 is not None:
        _load_pkcs12(context, transport)
    elif transport.certificate is not None:
        password = secret(transport.password)
        _load_pem(context, transport.certificate, transport.key, password)
    return context


def signing_key(path: Path, password: bytes | None = None) -> PrivateKey:
    """The PEM private key that signs requests. Raises: CredentialsUnusable."""
    content = _content(path)
    try:
        key = load_pem_private_key(content, password if b"ENCRYPTED" in content else None)
    except TypeError:
        raise CredentialsUnusable(f"{path} is encrypted: give --password") from None
    except ValueError:
        raise CredentialsUnusable(f"{path} holds no PEM private key, or the password is not its own") from None
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey) or not fitting(key.public_key()):
        raise CredentialsUnusable(f"{path} is neither an RSA key nor one on P-256, P-384 or P-521")
    return key


def usual_algorithm(key: PrivateKey) -> str:
    """The algorithm to sign with unless told otherwise: PS256, or the one that an EC key's curve fixes."""
    return "PS256" if isinstance(key, RSAPrivateKey) else min(fitting(key.public_key()))


def _opened(transport: Transport) -> pkcs12.PKCS12KeyAndCertificates:
    assert transport.pkcs12 is not None
    content = _content(transport.pkcs12)
    try:
        store = pkcs12.load_pkcs12(content, secret(transport.password))
    except CredentialsUnusable:
        raise
    except ValueError:
        raise CredentialsUnusable(f"{transport.pkcs12} is no PKCS#12 file, or the password is not its own") from None
    if store.cert is None or store.key is None:
        raise CredentialsUnusable(f"{transport.pkcs12} does not hold a certificate with its key")
    return store


def _load_pkcs12(context: ssl.SSLContext, transport: Transport) -> None:
    # ssl reads files only, so the store becomes one for a moment; its key stays encrypted there.
    store = _opened(transport)
    assert store.cert is not None
    assert isinstance(store.key, RSAPrivateKey | EllipticCurvePrivateKey)
    password = secrets.token_urlsafe().encode()
    chain = [store.cert, *store.additional_certs]
    content = store.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
    content += b"".join(link.certificate.public_bytes(Encoding.PEM) for link in chain)
    with TemporaryDirectory(prefix="dcrgw-tpp-") as folder:
        file = Path(folder, "transport.pem")
        file.write_bytes(content)
        _load_pem(context, file, None, password)


def _load_pem(context: ssl.SSLContext, chain: Path, key: Path | None, password: bytes | None) -> None:
    for file in (chain, key):
        if file is not None:
            _content(file)
    try:
        context.load_cert_chain(chain, key, password if password is not None else _no_password(key or chain))
    except ssl.SSLError:
        raise CredentialsUnusable(
            f"{chain} and {key or chain} are not a PEM certificate and its own key, or the password is wrong"
        ) from None


def _no_password(file: Path) -> Callable[[], NoReturn]:
    """What OpenSSL calls for an encrypted key, in place of asking on the terminal."""

    def refuse() -> NoReturn:
        raise CredentialsUnusable(f"{file} is encrypted: give --password")

    return refuse


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CredentialsUnusable(f"{path} cannot be read: {error.strerror}") from None
