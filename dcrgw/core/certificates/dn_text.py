"""Distinguished names as text: a tolerant reader of every spelling that TPPs send, and one writer.

Grammar: RFC 4514 §3, and what RFC 2253 §4 and RFC 1779 allowed before it: blanks around separators, `;`,
quoted values, the prefix `OID.`. What could be read in two ways is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from dcrgw.core.certificates.der import elements

#: (dotted oid, decoded value).
Pair = tuple[str, str]

#: Longer than any profile's limit for a subject DN.
MAX_LENGTH = 4096


class DnRefused(ValueError):
    """The text is no distinguished name as we take it. The message never echoes the input."""


_NAMES = {
    "CN": "2.5.4.3",
    "SURNAME": "2.5.4.4",
    "SERIALNUMBER": "2.5.4.5",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "STREET": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "title": "2.5.4.12",
    "businessCategory": "2.5.4.15",
    "postalCode": "2.5.4.17",
    "givenName": "2.5.4.42",
    "dnQualifier": "2.5.4.46",
    "pseudonym": "2.5.4.65",
    "organizationIdentifier": "2.5.4.97",
    "UID": "0.9.2342.19200300.100.1.1",
    "DC": "0.9.2342.19200300.100.1.25",
    "emailAddress": "1.2.840.113549.1.9.1",
    "jurisdictionLocalityName": "1.3.6.1.4.1.311.60.2.1.1",
    "jurisdictionStateOrProvinceName": "1.3.6.1.4.1.311.60.2.1.2",
    "jurisdictionCountryName": "1.3.6.1.4.1.311.60.2.1.3",
}
_OTHER_SPELLINGS = {
    "commonName": "CN",
    "countryName": "C",
    "localityName": "L",
    "S": "ST",
    "SP": "ST",
    "stateOrProvinceName": "ST",
    "streetAddress": "STREET",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "GN": "givenName",
    "DNQ": "dnQualifier",
    "userId": "UID",
    "domainComponent": "DC",
    "E": "emailAddress",
    "email": "emailAddress",
    "jurisdictionL": "jurisdictionLocalityName",
    "jurisdictionST": "jurisdictionStateOrProvinceName",
    "jurisdictionC": "jurisdictionCountryName",
}
_OIDS = {name.lower(): oid for name, oid in _NAMES.items()} | {
    spelling.lower(): _NAMES[name] for spelling, name in _OTHER_SPELLINGS.items()
}
_SHORT = {oid: name for name, oid in _NAMES.items()}

_TYPE = re.compile(r" *(?:(?:[oO][iI][dD]\.)?([0-9]+(?:\.[0-9]+)+)|([A-Za-z][A-Za-z0-9-]*)) *= *")
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)" *', re.DOTALL)
_HEX = re.compile(r"#((?:[0-9A-Fa-f]{2})+) *")
_PLAIN = re.compile(r'((?:[^",;+\\]|\\.)*)', re.DOTALL)
_ESCAPE = re.compile(r'\\([0-9A-Fa-f]{2})|\\([ "#+,;<=>\\])|([^\\]+)', re.DOTALL)


def read(dn: str) -> list[tuple[Pair, ...]]:
    """The RDNs of a DN text, in the order of the text.

    Raises: DnRefused.
    """
    if len(dn) > MAX_LENGTH:
        raise DnRefused(f"longer than {MAX_LENGTH} characters")
    rdns: list[list[Pair]] = [[]]
    position = 0
    while True:
        kind, position = _type(dn, position)
        value, position = _value(dn, position)
        if not value:
            raise DnRefused("holds an empty value")
        rdns[-1].append((kind, value))
        if position == len(dn):
            return [tuple(rdn) for rdn in rdns]
        if dn[position] not in ",;+":
            raise DnRefused("holds text after a quoted or hexadecimal value")
        if dn[position] != "+":
            rdns.append([])
        position += 1


def _type(dn: str, position: int) -> tuple[str, int]:
    found = _TYPE.match(dn, position)
    if found is None:
        raise DnRefused("holds no attribute type where one must be")
    dotted, name = found.groups()
    oid = _OIDS.get(name.lower()) if name else dotted
    if oid is None or not _OID.fullmatch(oid):
        raise DnRefused("holds an attribute type that is not known")
    return oid, found.end()


def _value(dn: str, position: int) -> tuple[str, int]:
    if found := _HEX.match(dn, position):
        return string_of(bytes.fromhex(found[1])), found.end()
    if found := _QUOTED.match(dn, position):
        return _unescaped(found[1]), found.end()
    found = _PLAIN.match(dn, position)
    assert found is not None  # matches the empty string too
    if dn.startswith('"', found.end()) or dn.startswith("#", position):
        raise DnRefused("holds a quote or a number sign that is not escaped")
    return _unescaped(_without_trailing_blanks(found[1])), found.end()


def _without_trailing_blanks(value: str) -> str:
    bare = value.rstrip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    # `\ ` at the end is an escaped blank, which stays.
    return bare + " " if backslashes % 2 else bare


def _unescaped(value: str) -> str:
    octets = bytearray()
    position = 0
    try:
        while position < len(value):
            found = _ESCAPE.match(value, position)
            if found is None:
                raise DnRefused("holds an escape that RFC 4514 does not know")
            pair, special, plain = found.groups()
            octets += bytes.fromhex(pair) if pair else (special or plain).encode()
            position = found.end()
        # Escaped pairs are octets of UTF-8 (RFC 4514 §2.4), so only the whole can be decoded.
        return octets.decode()
    except UnicodeError as error:
        raise DnRefused("holds octets that are not UTF-8") from error


_ENCODINGS = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii"}


def decoded(tag: int, octets: bytes) -> str:
    """The text of a UTF8String, PrintableString or IA5String by its tag; no other type is taken.

    Python's and OpenSSL's readers differ on T61String and others, so that one certificate would have two names.
    Raises: DnRefused.
    """
    if tag not in _ENCODINGS:
        raise DnRefused("holds a value that is neither UTF8String nor PrintableString nor IA5String")
    try:
        return octets.decode(_ENCODINGS[tag])
    except UnicodeError as error:
        raise DnRefused("holds a string whose octets are not of its type") from error


def string_of(der: bytes) -> str:
    """The text of one DER-encoded string, which must be the whole input. Raises: DnRefused."""
    try:
        ((tag, octets),) = elements(der)
    except ValueError as error:
        raise DnRefused("holds a hexadecimal value that is not one DER element") from error
    return decoded(tag, octets)


_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def unsafe_character(value: str) -> int | None:
    """Index of the first control, formatting (bidi, zero-width), private or unassigned character, None without any."""
    if value.isascii() and value.isprintable():
        return None
    return next((i for i, c in enumerate(value) if unicodedata.category(c) in _UNSAFE_CATEGORIES), None)


def write(rdns: Sequence[Sequence[Pair]]) -> str:
    """RFC 4514 text of RDNs in text order; types that we can name are named, others dotted."""
    return ",".join("+".join(f"{_SHORT.get(kind, kind)}={_escaped(value)}" for kind, value in rdn) for rdn in rdns)


def _escaped(value: str) -> str:
    escaped = re.sub(r'([",+;<>\\])', r"\\\1", value)
    if escaped.startswith((" ", "#")):
        escaped = "\\" + escaped
    return escaped[:-1] + "\\ " if escaped.endswith(" ") and len(value) > 1 else escaped
