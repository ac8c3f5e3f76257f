"""A market's settings of revocation, as core and adapters take them."""

from __future__ import annotations

from dcrgw.adapters.revocation_sources import RevocationSources
from dcrgw.config.model import RevocationSettings, Settings
from dcrgw.core.certificates.revocation import Mode, RevocationPolicy
from dcrgw.core.market import Market


def revocation_policy(settings: RevocationSettings | None) -> RevocationPolicy:
    """What the market does about revocation; nothing where it has no such section."""
    if settings is None:
        return RevocationPolicy()
    return RevocationPolicy(
        mode=Mode(settings.mode),
        soft_s=settings.soft_s,
        whole_path=settings.whole_path,
        key_sets=settings.key_sets,
        nonce_required=settings.ocsp_nonce == "required",
    )


def revocation_sources(settings: Settings, markets: dict[str, Market]) -> tuple[RevocationSources, ...]:
    """Whom each market asks that asks at all."""
    return tuple(
        _sources(markets[each.name], each.revocation) for each in settings.markets if each.revocation is not None
    )


def _sources(market: Market, settings: RevocationSettings) -> RevocationSources:
    return RevocationSources(
        market=market.name,
        policy=market.revocation,
        anchors=market.anchors,
        methods=settings.methods,
        files=settings.crl_files,
        urls=settings.crl_urls,
        hosts=frozenset(settings.hosts),
        responder=settings.ocsp_url,
        with_nonce=settings.ocsp_nonce != "off",
        renew_s=settings.renew_s,
        max_bytes=settings.max_bytes,
    )
