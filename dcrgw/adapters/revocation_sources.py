"""Where one market's revocation lists come from: files and URLs of the operator's, and what certificates name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography import x509

from dcrgw.adapters.kept_lists import Kept, Proof
from dcrgw.core.certificates import revocation_lists
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.certificates.revocation import RevocationPolicy
from dcrgw.core.certificates.revocation_lists import Unusable

Method = Literal["crl", "ocsp"]


@dataclass(frozen=True, slots=True)
class RevocationSources:
    """Whom one market asks, in which order. `hosts` are those that a certificate's own URLs may lead to."""

    market: str
    policy: RevocationPolicy
    anchors: TrustAnchors
    methods: tuple[Method, ...] = ("crl", "ocsp")
    files: tuple[Path, ...] = ()
    urls: tuple[str, ...] = ()
    hosts: frozenset[str] = frozenset()
    responder: str | None = None
    with_nonce: bool = False
    #: How old a word that still counts may become before its source is asked again; 0 asks at every request.
    renew_s: float = 3600.0
    #: Largest list taken.
    max_bytes: int = 10_485_760

    @property
    def configured(self) -> tuple[Path | str, ...]:
        """The lists that the operator named."""
        return (*self.files, *self.urls)


class ConfiguredList:
    """A list that the operator named: a file or a URL. Whose it is shows once it was read."""

    __slots__ = ("_seen", "issuer", "kept", "source")

    def __init__(self, source: Path | str, renew_s: float) -> None:
        self.source = source
        self.kept = Kept(str(source), renew_s)
        self.issuer: x509.Certificate | None = None
        self._seen: tuple[int, int, int] | None = None

    def has_changed(self) -> bool:
        """Whether the file is another one than was read last."""
        return isinstance(self.source, Path) and _stamp(self.source) != self._seen

    def opened(self, issuers: Sequence[x509.Certificate], most: int) -> tuple[x509.Certificate, Proof]:
        """The file's list and its issuer. Raises: OSError, Unusable."""
        assert isinstance(self.source, Path)
        self._seen = _stamp(self.source)
        with self.source.open("rb") as file:
            octets = file.read(most + 1)
        if len(octets) > most:
            raise Unusable(f"is longer than {most} bytes")
        return proven(octets, issuers)


def proven(octets: bytes, issuers: Sequence[x509.Certificate]) -> tuple[x509.Certificate, Proof]:
    """The list (PEM or DER) with the one of `issuers` that signed it. Raises: Unusable."""
    der = revocation_lists.of_pem_or_der(octets)
    name = revocation_lists.issuer_name(der)
    trouble = Unusable("the list's issuer is none of this market's authorities")
    for issuer in issuers:
        if issuer.subject == name:
            try:
                listed = revocation_lists.read(der, issuer)
            except Unusable as unusable:
                trouble = unusable
            else:
                return issuer, Proof(der, listed.this_update, listed.next_update)
    raise trouble


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
