"""A bundle's evidence in words: tokens and certificates decoded, every question with its answer. Nothing is judged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from dcrgw.compliance import failures
from dcrgw.compliance.bundle import Bundle
from dcrgw.compliance.plain import Writer
from dcrgw.core import strict_json
from dcrgw.core.evidence import Arrival, Entry
from dcrgw.core.jose import base64url

_JWS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Token:
    """A compact JWS as it stands: where it stood, its header and claims; None where they are no JSON object.

    Tokens within are tokens of their own, and only named among the claims.
    """

    place: str
    header: dict[str, Any] | None
    claims: dict[str, Any] | None
    text: str

    @property
    def times(self) -> tuple[tuple[str, str], ...]:
        """Its claims that are times, as people read them."""
        told = ((name, _shown_time((self.claims or {}).get(name))) for name in ("iat", "nbf", "exp"))
        return tuple((name, shown) for name, shown in told if shown)


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """One certificate of the chain, as rows of label and value."""

    place: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with its answer, both as JSON text; `failed` where the answer is a failure."""

    port: str
    question: str
    answer: str
    failed: bool


def _shown_time(claim: Any) -> str:
    if type(claim) not in (int, float) or not 0 <= claim < _LAST_TIME:
        return ""
    return datetime.fromtimestamp(claim, UTC).isoformat(timespec="seconds")


#: The year 10000, where calendars end.
_LAST_TIME = 253_402_300_800


def tokens(arrival: Arrival) -> tuple[Token, ...]:
    """Every token of the request, those within tokens after those that hold them."""
    body = arrival.body.decode("utf-8", "replace").strip()
    if _JWS.fullmatch(body):
        return tuple(_tokens("request", body, 0))
    found: list[Token] = []
    for name, value in _members(arrival, body):
        if isinstance(value, str) and _JWS.fullmatch(value):
            found += _tokens(name, value, 0)
    return tuple(found)


def plain_body(arrival: Arrival) -> str:
    """The body where it is no token: JSON in lines, or the text itself."""
    text = arrival.body.decode("utf-8", "replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def certificates(arrival: Arrival) -> tuple[ShownCertificate, ...]:
    """The chain that the caller showed."""
    names = ["leaf", *(f"sent along {number}" for number in range(1, len(arrival.chain)))]
    return tuple(ShownCertificate(place, _rows(der)) for place, der in zip(names, arrival.chain, strict=False))


def asked(bundle: Bundle) -> tuple[Asked, ...]:
    """The journal."""
    return tuple(_asked(entry) for entry in bundle.journal)


def as_text(bundle: Bundle) -> Iterator[str]:
    """All of it as lines."""
    arrival = bundle.arrival
    yield f"report {bundle.report_id}: {bundle.operation} in market {bundle.market.name}: {bundle.decided.decision}"
    yield f"interaction {bundle.interaction_id}, profile {bundle.market.profile.name}"
    yield from (f"  {name}: {value}" for name, value in bundle.decided.facts.items())
    for certificate in certificates(arrival):
        yield from ("", f"certificate, {certificate.place}")
        yield from (f"  {label}: {value}" for label, value in certificate.rows)
    yield from ("", f"request: {arrival.method}, {arrival.media_type or 'no media type'}, {len(arrival.body)} bytes")
    found = tokens(arrival)
    for token in found:
        yield from ("", f"token, {token.place}", *_indented("header", token.header), *_indented("claims", token.claims))
    if not found and arrival.body:
        yield from (f"  {line}" for line in plain_body(arrival).splitlines())
    yield from ("", "asked")
    for each in asked(bundle):
        yield f"  {each.port} {_short(each.question)}"
        yield f"    {'failed: ' if each.failed else ''}{_short(each.answer)}"


def _members(arrival: Arrival, body: str) -> Iterator[tuple[str, Any]]:
    if (arrival.media_type or "").startswith("application/x-www-form-urlencoded"):
        yield from parse_qsl(body)
        return
    try:
        members = strict_json.loads_object(body.encode())
    except strict_json.JsonRefused:
        return
    yield from members.items()


def _tokens(place: str, text: str, depth: int) -> Iterator[Token]:
    header, claims = (_object(part) for part in text.split(".")[:2])
    inner = {
        name: value
        for name, value in (claims or {}).items()
        if isinstance(value, str) and depth < _DEEPEST and _JWS.fullmatch(value) and _object(value.split(".")[0])
    }
    beside = {name: f"(a token of {len(value)} characters, decoded beside)" for name, value in inner.items()}
    yield Token(place, header, None if claims is None else {**claims, **beside}, text)
    for name, value in inner.items():
        yield from _tokens(f"{place}.{name}", value, depth + 1)


def _object(part: str) -> dict[str, Any] | None:
    try:
        return strict_json.loads_object(base64url.decode(part.encode()))
    except ValueError:
        return None


def _rows(der: bytes) -> tuple[tuple[str, str], ...]:
    try:
        certificate = x509.load_der_x509_certificate(der)
        return tuple(_described(certificate))
    except Exception as error:  # a stranger's certificate: whatever the library raises, it is not readable here
        return (("unreadable", f"{type(error).__name__}, {len(der)} bytes"),)


def _described(certificate: x509.Certificate) -> Iterator[tuple[str, str]]:
    yield "subject", certificate.subject.rfc4514_string()
    yield "issuer", certificate.issuer.rfc4514_string()
    yield "serial number", f"{certificate.serial_number:x}"
    yield "not before", certificate.not_valid_before_utc.isoformat()
    yield "not after", certificate.not_valid_after_utc.isoformat()
    yield "key", _key(certificate)
    yield "SHA-256", certificate.fingerprint(SHA256()).hex()
    for extension in certificate.extensions:
        name = extension.oid._name if extension.oid._name != "Unknown OID" else extension.oid.dotted_string
        yield f"{name}{' (critical)' if extension.critical else ''}", _extension(extension.value)


def _key(certificate: x509.Certificate) -> str:
    match certificate.public_key():
        case rsa.RSAPublicKey() as key:
            return f"RSA, {key.key_size} bits"
        case ec.EllipticCurvePublicKey() as key:
            return f"EC, {key.curve.name}"
        case other:
            return type(other).__name__


def _extension(value: x509.ExtensionType) -> str:
    match value:
        case x509.AuthorityKeyIdentifier():
            return value.key_identifier.hex() if value.key_identifier else "by issuer and serial number"
        case x509.BasicConstraints():
            below = "" if value.path_length is None else f", {value.path_length} authorities below it"
            return f"an authority{below}" if value.ca else "no authority"
        case x509.KeyUsage():
            return ", ".join(name.replace("_", " ") for name in _USAGES if _has_usage(value, name))
        case x509.CRLDistributionPoints():
            return ", ".join(str(name.value) for point in value for name in point.full_name or ())
        case x509.AuthorityInformationAccess():
            return ", ".join(f"{each.access_method._name}: {each.access_location.value}" for each in value)
        case x509.CertificatePolicies():
            return ", ".join(each.policy_identifier.dotted_string for each in value)
        case x509.SubjectAlternativeName():
            return ", ".join(str(name.value) for name in value)
        case x509.ExtendedKeyUsage():
            return ", ".join(usage._name for usage in value)
        case x509.UnrecognizedExtension():
            return value.value.hex()
        case x509.SubjectKeyIdentifier():
            return value.digest.hex()
    return re.sub(r"^<\w+\((.*)\)>$", r"\1", str(value))


_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def _has_usage(value: x509.KeyUsage, name: str) -> bool:
    try:
        return bool(getattr(value, name))
    except ValueError:
        return False  # encipher_only and decipher_only say nothing without key_agreement


def _asked(entry: Entry) -> Asked:
    plain, failed = Writer().plain, isinstance(entry.answer, BaseException)
    answer = plain(failures.keep(entry.answer) if failed else entry.answer)
    return Asked(entry.port, _json(plain(entry.question)), _json(answer), failed)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHORT else f"{line[:_SHORT]}... ({len(line)} characters)"


_SHORT = 400


def _indented(name: str, members: dict[str, Any] | None) -> list[str]:
    if members is None:
        return [f"  {name}: no JSON object"]
    return [f"  {name}", *(f"    {line}" for line in _json(members).splitlines())]
