"""organizationIdentifier (2.5.4.97): which register an organisation stands in, and under which number.

Spec: ETSI EN 319 412-1 §5.1.4 (VAT, NTR, PAS, LEI), ETSI TS 119 495 §5.2.1 (PSD), Open Finance Brasil certificate
standard (OFBBR).
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OrganizationIdentifier:
    """The parts of one. `authority` is the regulator of a PSD identifier (`FCA`), empty for other schemes."""

    scheme: str
    country: str
    number: str
    authority: str = ""

    def in_words(self) -> str:
        """What it says, for people."""
        where = f"{self.authority} of {self.country}" if self.authority else self.country
        return f"{_REGISTERS.get(self.scheme, self.scheme)} {where}, number {self.number}"


_REGISTERS = {
    "PSD": "payment service provider authorised by",
    "VAT": "VAT number of",
    "NTR": "trade register of",
    "PAS": "passport of",
    "LEI": "legal entity identifier,",
    "OFB": "Open Finance Brasil directory of",
}
_PSD = re.compile(r"PSD(?P<country>[A-Z]{2})-(?P<authority>[A-Z]{2,8})-(?P<number>[\x21-\x7e]+)")
#: Three letters for the register, two for the country (XG for everywhere), and the number as the register writes it.
_REGISTERED = re.compile(r"(?P<scheme>[A-Z]{3}|[A-Z]{2}:)(?P<country>[A-Z]{2})-(?P<number>[\x21-\x7e]+)")


def read(text: str) -> OrganizationIdentifier | None:
    """The identifier in its parts; None for a text of another form."""
    found = _PSD.fullmatch(text)
    if found is not None:
        return OrganizationIdentifier("PSD", found["country"], found["number"], found["authority"])
    found = _REGISTERED.fullmatch(text)
    if found is None or found["scheme"] == "PSD":
        return None
    return OrganizationIdentifier(found["scheme"], found["country"], found["number"])
