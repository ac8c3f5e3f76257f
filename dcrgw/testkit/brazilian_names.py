"""Subjects as Open Finance Brasil wants them in tls_client_auth_subject_dn.

Spec: Open Finance Brasil DCR, tls_client_auth: the order of RFC 4514, no blanks, names for the attributes of RFC 4519
alone, everything else as dotted object identifier and `#` with its DER in hexadecimal, of the certificate's own type.
"""

from __future__ import annotations

from dcrgw.core.certificates import reading
from dcrgw.core.certificates.der_writing import tlv

_NAMED = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}


def brazilian_dn(der: bytes) -> str:
    """The subject of a certificate whose values need no escaping."""
    rdns = reversed(reading.read(der).subject)
    return ",".join("+".join(_pair(*attribute) for attribute in rdn) for rdn in rdns)


def _pair(oid: str, tag: int, octets: bytes) -> str:
    name = _NAMED.get(oid)
    return f"{oid}=#{tlv(tag, octets).hex()}" if name is None else f"{name}={octets.decode()}"
