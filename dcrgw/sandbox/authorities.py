"""The certificate authorities of the sandbox: the directory's own, and a stranger's of the same looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dcrgw.sandbox.world import Organisation, Software
from dcrgw.testkit.certificate_kinds import Extension
from dcrgw.testkit.certificates import CertificateAuthority, Instant, Issued, PrivateKey
from dcrgw.testkit.revocation import published

#: The names that every server of the sandbox answers to; OpenSSL takes no lone *.localhost.
SERVER_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Authorities:
    """One root for servers and TPPs; TPPs' certificates come from an issuing CA below it, as at the directory."""

    root: CertificateAuthority
    issuing: CertificateAuthority
    foreign: CertificateAuthority
    #: Base URL of lists and responder, no trailing slash; empty where nothing is published.
    revocations: str = ""
    #: Serial numbers of what was issued here.
    issued: set[int] = field(default_factory=set)

    @classmethod
    def create(cls, revocations: str = "", name: str = "dcrgw sandbox") -> Authorities:
        """Fresh ones, whose certificates say that their revocation is published below that URL."""
        root = CertificateAuthority.create(f"{name} root CA (not for production)")
        issuing = root.intermediate(
            f"{name} issuing CA (not for production)",
            path_length=0,
            extensions=_published(revocations, "root"),
        )
        foreign = CertificateAuthority.create(f"{name} root CA (not for production)")
        return cls(root, issuing, foreign, revocations, {issuing.certificate.serial_number})

    @property
    def published(self) -> dict[str, CertificateAuthority]:
        """The authorities that publish what they took back, by the names of their lists."""
        return {"root": self.root, "issuing": self.issuing}

    @property
    def pem(self) -> bytes:
        """The root, for trust stores."""
        return self.root.certificate_pem

    def issue(
        self,
        kind: str,
        software: Software,
        organisation: Organisation,
        *,
        foreign: bool = False,
        subject: str | None = None,
        not_before: Instant | None = None,
        not_after: Instant | None = None,
        eku: Sequence[str] | None = None,
        ca: bool = False,
        key_type: str = "rsa2048",
        key: PrivateKey | None = None,
    ) -> Issued:
        """A TPP's certificate, for a fresh key unless one is given. Raises: ValueError where none can hold this."""
        issued = (self.foreign if foreign else self.issuing).issue(
            kind,
            software_id=software.software_id,
            org_id=organisation.org_id,
            organisation=organisation.org_name,
            authorisation_number=organisation.registration_id,
            subject=subject,
            not_before=not_before,
            not_after=not_after,
            eku=eku,
            ca=ca,
            key_type=key_type,
            key=key,
            extensions=_published(self.revocations, "issuing"),
        )
        self.issued.add(issued.certificate.serial_number)
        return issued

    def server(self) -> Issued:
        """A server certificate for this machine."""
        return self.root.issue_server(*SERVER_NAMES)


def _published(base: str, name: str) -> list[Extension]:
    return published(f"{base}/{name}.crl", f"{base}/ocsp") if base else []
