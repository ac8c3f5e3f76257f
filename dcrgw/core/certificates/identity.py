"""Who holds the client certificate: one DER, one parser, one identity."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CertificateKind(StrEnum):
    """What sort of certificate this is, told by its subject and extensions (OB Directory certificate profiles)."""

    OBTRANSPORT = "obtransport"
    OBWAC = "obwac"
    QWAC = "qwac"
    BRCAC = "brcac"
    OTHER = "other"


#: One subject: relative distinguished names in certificate order, each its (dotted oid, decoded text) pairs.
Subject = tuple[tuple[tuple[str, str], ...], ...]


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """What a client certificate proves, after its chain and its leaf were judged."""

    common_name: str
    subject: Subject
    kind: CertificateKind
    organizational_unit: str | None
    organization_identifier: str | None
    uid: str | None
    san_dns: tuple[str, ...]
    san_uris: tuple[str, ...]
    x5t_s256: str
    serial_number: int
    issuer: Subject
    not_before: float
    not_after: float
    #: RFC 4514 text of the subject, for people and logs; never parsed again.
    subject_dn: str
