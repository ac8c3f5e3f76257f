"""The listener of self-signed certificates: its own certificate, and what each market lodged there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from dcrgw.adapters.keystores import KeyPair
from dcrgw.config.faults import ConfigFault
from dcrgw.config.sections.listeners import ServerListener
from dcrgw.config.sections.markets import MarketSettings
from dcrgw.core.certificates import self_signed
from dcrgw.core.market import Market
from dcrgw.materials.opening import Opening


@dataclass(frozen=True, slots=True)
class SelfSignedMaterials:
    """`markets` are as they are seen there: by their URL there, with the certificates that were lodged."""

    listener: ServerListener
    pair: KeyPair
    markets: tuple[Market, ...]
    certificates: tuple[x509.Certificate, ...]


def self_signed_listener(
    opening: Opening,
    listener: ServerListener | None,
    pair: KeyPair | None,
    settings: Iterable[MarketSettings],
    markets: Mapping[str, Market],
) -> SelfSignedMaterials | None:
    """The listener of the settings. What is lodged must be leaves: a CA certificate would let in whatever it signs."""
    if listener is None or pair is None:
        return None
    seen: list[Market] = []
    lodged: list[x509.Certificate] = []
    for i, market in enumerate(settings):
        if market.self_signed_url is None:
            continue
        opening.server_name(f"market[{i}].self_signed_url", pair, market.self_signed_host)
        found = _lodged(opening, f"market[{i}].self_signed_certificates", market, markets[market.name])
        lodged += found
        seen.append(_seen(markets[market.name], market.self_signed_url, found))
    return SelfSignedMaterials(listener, pair, tuple(seen), tuple(dict.fromkeys(lodged)))


def _lodged(opening: Opening, key: str, settings: MarketSettings, market: Market) -> tuple[x509.Certificate, ...]:
    found = opening.trust_files(key, settings.self_signed_certificates, None, key)
    for certificate in found:
        fault = self_signed.fault(certificate.public_bytes(Encoding.DER), market.leaf)
        if fault is not None:
            reason = f"{certificate.subject.rfc4514_string()}: {fault}"
            opening.faults.append(ConfigFault(key, reason, "have the TPP make one for TLS clients alone, and no CA"))
    return found


def _seen(market: Market, url: str, lodged: Iterable[x509.Certificate]) -> Market:
    certificates = frozenset(each.public_bytes(Encoding.DER) for each in lodged)
    # Resource servers have certificates of the market's authorities: they do not come this way.
    server = replace(market.server, resource_servers=())
    return replace(market, base_url=url, self_signed=certificates, server=server)
