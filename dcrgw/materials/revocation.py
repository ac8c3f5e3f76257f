"""Settings of revocation, as core and adapters take them."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.adapters.revocation_sources import RevocationSources
from dcrgw.config.model import Settings
from dcrgw.config.sections.revocation import MarketRevocationSettings, RevocationSettings
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.certificates.revocation import Mode, RevocationPolicy
from dcrgw.core.market import Market

#: Whose certificates those of the administration's listener are: a name that no market can have.
ADMINISTRATION = "the administration"


def revocation_policy(settings: RevocationSettings | None) -> RevocationPolicy:
    """What is done about revocation; nothing where there is no such section."""
    if settings is None:
        return RevocationPolicy()
    return RevocationPolicy(
        mode=Mode(settings.mode),
        soft_s=settings.soft_s,
        whole_path=settings.whole_path,
        key_sets=isinstance(settings, MarketRevocationSettings) and settings.key_sets,
        nonce_required=settings.ocsp_nonce == "required",
    )


def revocation_sources(
    settings: Settings, markets: Mapping[str, Market], administrators: TrustAnchors | None
) -> tuple[RevocationSources, ...]:
    """Whom each market asks that asks at all, and whom the administration."""
    asking: list[tuple[str, TrustAnchors, RevocationSettings | None]] = [
        (each.name, markets[each.name].anchors, each.revocation) for each in settings.markets
    ]
    if administrators is not None and settings.admin is not None and settings.admin.tls is not None:
        asking.append((ADMINISTRATION, administrators, settings.admin.tls.revocation))
    return tuple(sources_of(name, anchors, asked) for name, anchors, asked in asking if asked is not None)


def sources_of(name: str, anchors: TrustAnchors, settings: RevocationSettings) -> RevocationSources:
    """Whom one asker asks."""
    return RevocationSources(
        market=name,
        policy=revocation_policy(settings),
        anchors=anchors,
        methods=settings.methods,
        files=settings.crl_files,
        urls=settings.crl_urls,
        hosts=frozenset(settings.hosts),
        responder=settings.ocsp_url,
        with_nonce=settings.ocsp_nonce != "off",
        renew_s=settings.renew_s,
        max_bytes=settings.max_bytes,
    )
