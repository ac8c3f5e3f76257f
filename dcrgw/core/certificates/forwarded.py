"""A client certificate as a proxy passes it on in a header: one configured form, read strictly, never guessed.

Spec: RFC 9440 (Client-Cert, Client-Cert-Chain); the manuals of nginx, Apache, HAProxy, Traefik, Envoy (XFCC), AWS
load balancers, Azure App Service and Janssen's `X-ClientCert`. What is read here is judged like a handshake's chain.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dcrgw.core.certificates.der import SEQUENCE, DerRefused, elements
from dcrgw.core.certificates.path import MAX_CHAIN_LENGTH


class Form(StrEnum):
    """Who wrote the header, and so how it is written."""

    RFC9440 = "rfc9440"
    NGINX = "nginx"
    APACHE = "apache"
    HAPROXY = "haproxy"
    TRAEFIK = "traefik"
    ENVOY = "envoy"
    AWS = "aws"
    AZURE = "azure"
    JANSSEN = "janssen"


class ForwardedRefused(ValueError):
    """The header is not what the configured proxy writes. The message never echoes it."""


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers of a form: the leaf's, and the chain's where it has one of its own. Lower case."""

    leaf: str
    chain: str | None = None


#: What each proxy's manual suggests; RFC 9440, Envoy, AWS and Azure have one name only.
USUAL = {
    Form.RFC9440: Headers("client-cert", "client-cert-chain"),
    Form.NGINX: Headers("x-ssl-client-cert"),
    Form.APACHE: Headers("x-ssl-client-cert"),
    Form.HAPROXY: Headers("x-ssl-client-der", "x-ssl-client-chain-der"),
    Form.TRAEFIK: Headers("x-forwarded-tls-client-cert"),
    Form.ENVOY: Headers("x-forwarded-client-cert"),
    Form.AWS: Headers("x-amzn-mtls-clientcert"),
    Form.AZURE: Headers("x-arr-clientcert"),
    Form.JANSSEN: Headers("x-clientcert"),
}


def read(form: Form, leaf: Sequence[str], chain: Sequence[str] = (), *, hops: int = 1) -> tuple[bytes, ...]:
    """The certificates (DER, leaf first) of every value of the two headers; () where no leaf came.

    `hops` is how many proxies add an element of their own (Envoy): the nearest one's counts.
    Raises: ForwardedRefused.
    """
    if len(leaf) > 1 or len(chain) > 1:
        raise ForwardedRefused("comes more than once")
    if not leaf or leaf[0] in ("", _NO_CERTIFICATE.get(form)):
        if chain and chain[0]:
            raise ForwardedRefused("brings a chain without the certificate that it is for")
        return ()
    found = _envoy(leaf[0], hops) if form is Form.ENVOY else _READERS[form](leaf[0])
    if chain and chain[0]:
        found += _CHAINS[form](chain[0])
    if len(found) > MAX_CHAIN_LENGTH:
        raise ForwardedRefused(f"brings more than {MAX_CHAIN_LENGTH} certificates")
    return found


#: What mod_headers writes for a variable that is not set.
_NO_CERTIFICATE = {Form.JANSSEN: "(null)"}
_BINARY = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_PEM = re.compile(
    r"-----BEGIN CERTIFICATE-----(?P<gap>[\n ])(?P<body>[A-Za-z0-9+/=\n ]+?)(?P=gap)-----END CERTIFICATE-----(?P=gap)?"
)
#: What percent-encoding leaves as it is, base64's own characters among it, and escapes.
_WRITTEN = re.compile(r"(?:[A-Za-z0-9._~+/=-]|%[0-9A-Fa-f]{2})*")
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")


def _base64(text: str) -> bytes:
    try:
        found = b64decode(text, validate=True)
    except ValueError:
        raise ForwardedRefused("holds no base64") from None
    return _one(found)


def _one(der: bytes) -> bytes:
    """Exactly one SEQUENCE and nothing behind it: what follows would be read by some and not by others."""
    if len(_split(der)) != 1:
        raise ForwardedRefused("holds not exactly one certificate")
    return der


def _split(run: bytes) -> tuple[bytes, ...]:
    try:
        parts = elements(run)
    except DerRefused:
        raise ForwardedRefused("holds no certificate in DER") from None
    if not parts or any(tag != SEQUENCE for tag, _ in parts):
        raise ForwardedRefused("holds no certificate in DER")
    found, at = [], 0
    for _, content in parts:
        size = (2 if run[at + 1] < 0x80 else 2 + (run[at + 1] & 0x7F)) + len(content)
        found.append(run[at : at + size])
        at += size
    return tuple(found)


def _structured(text: str) -> tuple[bytes, ...]:
    """RFC 8941 §3.3.5: one byte sequence, without parameters."""
    match = _BINARY.fullmatch(text.strip(" "))
    if match is None:
        raise ForwardedRefused("is not one byte sequence of RFC 8941")
    return (_base64(match[1]),)


def _structured_list(text: str) -> tuple[bytes, ...]:
    return tuple(each for part in text.split(",") for each in _structured(part.strip(" \t")))


def _escaped(text: str) -> str:
    """Percent-encoded text. A plus is itself: base64 has it, and no proxy here writes blanks so."""
    if not _WRITTEN.fullmatch(text):
        raise ForwardedRefused("is not percent-encoded as it should be")
    plain = _PERCENT.sub(lambda found: chr(int(found[1], 16)), text)
    if not plain.isascii():
        raise ForwardedRefused("is not percent-encoded as it should be")
    return plain


def _pems(text: str, gap: str) -> tuple[bytes, ...]:
    """PEM blocks that follow one another, their lines parted by `gap` alone."""
    found, at = [], 0
    while at < len(text):
        match = _PEM.match(text, at)
        if match is None or match["gap"] != gap or (set("\n ") - {gap}) & set(match["body"]):
            raise ForwardedRefused("is not PEM as this proxy writes it")
        found.append(_base64(match["body"].replace(gap, "")))
        at = match.end()
    return tuple(found)


def _only(found: tuple[bytes, ...]) -> tuple[bytes, ...]:
    if len(found) != 1:
        raise ForwardedRefused("holds not exactly one certificate")
    return found


def _escaped_pem(text: str) -> tuple[bytes, ...]:
    if "-----BEGIN" in text and "%" not in text:
        raise ForwardedRefused("is not percent-encoded as it should be")
    return _only(_pems(_escaped(text), "\n"))


def _traefik(text: str) -> tuple[bytes, ...]:
    """Base64 without the lines that begin and end PEM, escaped by older versions; certificates parted by commas."""
    return tuple(_base64(_escaped(part)) for part in text.split(","))


_XFCC_PAIR = re.compile(r'(?P<name>[A-Za-z]+)=(?P<value>"(?:[^"\\]|\\.)*"|[^",;]*)(?P<end>[;,]|$)')


def _envoy(text: str, hops: int) -> tuple[bytes, ...]:
    """x-forwarded-client-cert: elements parted by commas, each `Key=value` parted by semicolons."""
    parts: list[dict[str, str]] = [{}]
    at = 0
    while at < len(text) or not parts[-1]:
        match = _XFCC_PAIR.match(text, at)
        if match is None:
            raise ForwardedRefused("is not written as Envoy writes it")
        name, value = match["name"].lower(), match["value"]
        if name in parts[-1] and name in ("cert", "chain", "hash"):
            raise ForwardedRefused(f"holds {name} twice")
        parts[-1][name] = value[1:-1].replace('\\"', '"') if value.startswith('"') else value
        at = match.end()
        if match["end"] == ",":
            parts.append({})
        elif match["end"] == ";" and at == len(text):
            raise ForwardedRefused("is not written as Envoy writes it")
    if len(parts) != hops:
        raise ForwardedRefused(f"holds not exactly {hops} element(s), one for each proxy")
    return _element(parts[-1])


def _element(nearest: Mapping[str, str]) -> tuple[bytes, ...]:
    if "cert" not in nearest:
        raise ForwardedRefused("holds no Cert; let Envoy set cert and chain in set_current_client_cert_details")
    (leaf,) = _only(_pems(_escaped(nearest["cert"]), "\n"))
    # Envoy always writes it, and first: what a certificate's own names smuggle in behind it (URI) has not this Hash.
    if nearest.get("hash", "").lower() != hashlib.sha256(leaf).hexdigest():
        raise ForwardedRefused("has no Hash that is its Cert's")
    chain = _pems(_escaped(nearest["chain"]), "\n") if nearest.get("chain") else ()
    # Envoy's Chain begins with the leaf itself.
    return (leaf, *(chain[1:] if chain[:1] == (leaf,) else chain))


def _alone(reader: Callable[[str], bytes]) -> Callable[[str], tuple[bytes, ...]]:
    return lambda text: (reader(text),)


_READERS: Mapping[Form, Callable[[str], tuple[bytes, ...]]] = {
    Form.RFC9440: _structured,
    Form.NGINX: _escaped_pem,
    Form.APACHE: _escaped_pem,
    Form.HAPROXY: _alone(_base64),
    Form.TRAEFIK: _traefik,
    Form.AWS: lambda text: _pems(_escaped(text), "\n"),
    Form.AZURE: _alone(_base64),
    # Apache's SSL_CLIENT_CERT in a header: its line ends are blanks there.
    Form.JANSSEN: lambda text: _only(_pems(text, " ")),
}


def _concatenated(text: str) -> tuple[bytes, ...]:
    try:
        return _split(b64decode(text, validate=True))
    except ForwardedRefused:
        raise
    except ValueError:
        raise ForwardedRefused("holds no base64") from None


_CHAINS: Mapping[Form, Callable[[str], tuple[bytes, ...]]] = {
    **{form: lambda _text: () for form in Form},
    Form.RFC9440: _structured_list,
    Form.HAPROXY: _concatenated,
}
