"""A bundle of what a tester has in hand: a request and a certificate, or a HAR file of a browser or a proxy."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from dcrgw.compliance.keeping import Closed
from dcrgw.core.authorization.tokens import AccessToken
from dcrgw.core.checks import Report
from dcrgw.core.evidence import Arrival, Evidence, Journal
from dcrgw.core.jose.keys import KeySet
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.standing import Standing
from dcrgw.errors import GatewayError, Unavailable
from dcrgw.flows.create import create
from dcrgw.ports import Ports
from dcrgw.ports.recording import recorded
from dcrgw.ports.registry import Change, Committed, CommitVerdict

#: A HAR file of a long session with pictures; the requests in it are small.
MAX_HAR_BYTES = 64 * 1024 * 1024
_JWS = re.compile(rb"\s*[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\s*")


class NotMade(ValueError):
    """What was given makes no request."""


def chain_of(text: bytes) -> tuple[bytes, ...]:
    """The certificates of a PEM or DER file, leaf first, as DER. Raises: NotMade."""
    try:
        if b"-----BEGIN" in text:
            return tuple(each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(text))
        return (x509.load_der_x509_certificate(text).public_bytes(Encoding.DER),)
    except ValueError:
        raise NotMade("the certificate cannot be read: it is no certificate in PEM or DER") from None


def arrival_of(body: bytes, chain: tuple[bytes, ...], market: Market, media_type: str | None = None) -> Arrival:
    """A registration request. Without a media type the body tells which it is: a token, or JSON."""
    told = media_type or ("application/jose" if _JWS.fullmatch(body) else "application/json")
    return Arrival(market.name, chain, told, body.strip() if _JWS.fullmatch(body) else body)


def arrivals_of_har(document: bytes, chain: tuple[bytes, ...], markets: Mapping[str, Market]) -> Iterator[Arrival]:
    """Every POST to a market's registration endpoint; a HAR file holds no client certificates. Raises: NotMade."""
    if len(document) > MAX_HAR_BYTES:
        raise NotMade(f"the HAR file is longer than {MAX_HAR_BYTES} bytes")
    try:
        entries = json.loads(document)["log"]["entries"]
        requests = [entry["request"] for entry in entries]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotMade("this is no HAR file: it has no log.entries with requests") from None
    for request in requests:
        market = _market_of(request, markets)
        if market is not None:
            yield _posted(request, market, chain)


def _market_of(request: Any, markets: Mapping[str, Market]) -> Market | None:
    if not isinstance(request, dict) or request.get("method") != "POST":
        return None
    asked = _address(str(request.get("url")))
    return next((each for each in markets.values() if asked == _address(f"{each.base_url}/register")), None)


def _address(url: str) -> tuple[str, str] | None:
    """Host with port, and path; None for what is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.netloc.lower(), parts.path


def _posted(request: Mapping[str, Any], market: Market, chain: tuple[bytes, ...]) -> Arrival:
    data = request.get("postData")
    text = data.get("text") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(text, str):
        raise NotMade("a request of the HAR file has no postData.text: save it with its content")
    try:
        body = base64.b64decode(text) if data.get("encoding") == "base64" else text.encode()
    except ValueError:
        raise NotMade("a postData.text of the HAR file cannot be read") from None
    headers = request.get("headers")
    named = [
        header.get("value")
        for header in (headers if isinstance(headers, list) else [])
        if isinstance(header, dict) and str(header.get("name", "")).lower() == "content-type"
    ]
    media_type = named[0] if len(named) == 1 else data.get("mimeType")
    return arrival_of(body, chain, market, media_type if isinstance(media_type, str) else None)


async def made(arrival: Arrival, market: Market, ports: Ports) -> Closed:
    """The decision about a registration request, with all that the ports said on the way."""
    journal = Journal()
    asking = recorded(ports, journal)
    report = Report(asking.randomness.report_id(), "made", "create", market.name, asking.clock.now())
    with suppress(GatewayError):  # what it was stands in the report's decision
        await create(arrival, market, asking, report)
    return Closed(report, Evidence(arrival, report.at, journal), market)


@dataclass(frozen=True, slots=True)
class GivenKeys:
    """Key sets that the tester has in files, by the directory's name and by URL; `any_software` for every URL."""

    directories: Mapping[str, KeySet]
    any_software: KeySet | None = None

    async def of_directory(self, directory: str, kid: str) -> KeySet:
        """The directory's. Raises: Unavailable where it was not given."""
        return _given(self.directories.get(directory), f"directory {directory}")

    async def of_software(self, directory: str, url: str, kid: str) -> KeySet:
        """The software's. Raises: Unavailable where it was not given."""
        return _given(self.any_software, "the software")

    async def of_revoked(self, directory: str, url: str) -> KeySet:
        """None: what a directory took back is not among what a tester has."""
        return KeySet({})


def _given(keys: KeySet | None, of: str) -> KeySet:
    if keys is None:
        raise Unavailable("evidence", f"the keys of {of} were not given")
    return keys


class NoDirectories:
    """Nobody is asked about a TPP."""

    __slots__ = ()

    async def standing(self, directory: str, software_id: str, org_id: str | None) -> Standing:
        """Unknown. Raises: Unavailable."""
        raise Unavailable("evidence", "the directory was not asked")

    async def own_standing(self, directory: str) -> Standing:
        """Unknown. Raises: Unavailable."""
        raise Unavailable("evidence", "the directory was not asked")


@dataclass(frozen=True, slots=True)
class VouchingDirectories(NoDirectories):
    """The tester vouches for every TPP. `at` is epoch seconds."""

    at: float

    async def standing(self, directory: str, software_id: str, org_id: str | None) -> Standing:
        """Active; of roles, regulators and redirect URIs nothing is said."""
        return Standing(True, org_id, software_id, True, None, None, None, self.at, "the tester's word")


@dataclass(frozen=True, slots=True)
class FixedClock:
    """A clock that stands. `at` is epoch seconds."""

    at: float

    def now(self) -> float:
        """Always the same."""
        return self.at


@dataclass(slots=True)
class EmptyRegistry:
    """A registry that knows nobody and keeps nothing."""

    changes: list[Change] = field(default_factory=list)

    async def commit(self, change: Change) -> Committed:
        """Taken."""
        self.changes.append(change)
        return Committed(CommitVerdict.STORED, change.client)

    async def repeated(self, market: str, request_digest: str, subject_key: str) -> RegisteredClient | None:
        """Nobody."""
        return None

    async def client(self, market: str, client_id: str) -> RegisteredClient | None:
        """Nobody."""
        return None

    async def access_token(self, hash: str) -> AccessToken | None:
        """None."""
        return None
