"""Distinguished names: compared attribute by attribute, never as text.

RFC 8705 §2.1.2 asks for distinguishedNameMatch (RFC 4517 §4.2.15) with caseIgnoreMatch values. TPPs write the
same name in many spellings (RFC 4514, RFC 2253, RFC 1779, Java's, openssl's); all of them become one `Dn` here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509

from dcrgw.core.certificates.dn_text import DnRefused, Pair, read, unsafe_character, write

__all__ = ["Dn", "DnRefused", "Subject", "fold", "of_certificate", "of_subject", "parse", "same", "subset", "text"]

#: One name: relative distinguished names in certificate order, each its (dotted oid, decoded text) pairs.
Subject = tuple[tuple[Pair, ...], ...]

COMMON_NAME = "2.5.4.3"


@dataclass(frozen=True, slots=True)
class Dn:
    """A name ready to compare: RDNs in certificate order, each its sorted (dotted oid, folded value) pairs."""

    rdns: tuple[tuple[Pair, ...], ...]


def parse(dn: str) -> Dn:
    """The name that an RFC 4514 text says, in any of its spellings.

    Raises: DnRefused, also for a value that no certificate subject may hold here (control characters,
    strings other than UTF8, Printable and IA5).
    """
    rdns = read(dn)
    if any(unsafe_character(value) is not None for rdn in rdns for _, value in rdn):
        raise DnRefused("holds a control or formatting character")
    # RFC 4514 §2.1: the text starts with the last RDN.
    return of_subject(tuple(rdns[::-1]))


def of_subject(subject: Subject) -> Dn:
    """The name of decoded pairs in certificate order."""
    return Dn(tuple(_rdn(rdn) for rdn in subject))


def of_certificate(name: x509.Name) -> Dn:
    """The name of a certificate's subject or issuer. Raises: DnRefused where a value is no text."""
    rdns = []
    for rdn in name.rdns:
        if not all(isinstance(attribute.value, str) for attribute in rdn):
            raise DnRefused("holds a value that is no text")
        rdns.append(_rdn((attribute.oid.dotted_string, str(attribute.value)) for attribute in rdn))
    return Dn(tuple(rdns))


def text(subject: Subject) -> str:
    """RFC 4514 text of a subject, for people and logs."""
    return write(subject[::-1])


def same(left: Dn, right: Dn) -> bool:
    """The same RDNs in the same order (distinguishedNameMatch). Another order is another name."""
    return left.rdns == right.rdns


def subset(requested: Dn, certificate: Dn) -> bool:
    """Every requested pair is in the certificate's name, RDN order kept, the common name among them.

    For markets where a renewal may add or change other attributes.
    """
    if not any(kind == COMMON_NAME for rdn in requested.rdns for kind, _ in rdn):
        return False
    # Each requested RDN takes the first certificate RDN that holds it after the one taken before.
    rest = iter(certificate.rdns)
    return all(any(set(rdn) <= set(candidate) for candidate in rest) for rdn in requested.rdns)


def fold(value: str) -> str:
    """A value as caseIgnoreMatch compares it (RFC 4518 §2): NFKC, no letter case, single inner blanks, none outside."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    return " ".join(folded.split())


def _rdn(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    # A SET has no order, and neither has the text of a multi-valued RDN (`+`).
    return tuple(sorted((kind, fold(value)) for kind, value in pairs))
