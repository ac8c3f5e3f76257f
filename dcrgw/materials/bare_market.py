"""A market of nothing but a profile and trust, for whoever looks at certificates without a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dcrgw.adapters.revocation_sources import RevocationSources
from dcrgw.config.faults import ConfigurationRefused
from dcrgw.config.profiles import load_profile
from dcrgw.config.sections.revocation import MarketRevocationSettings
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.market import Market
from dcrgw.errors import Misconfigured
from dcrgw.materials.opening import Opening
from dcrgw.materials.revocation import revocation_policy, sources_of

_NOWHERE = "https://nowhere.invalid"


def bare_market(
    profile: str,
    trust: Sequence[Path],
    intermediates: Sequence[Path],
    revocation: MarketRevocationSettings | None,
    at: float,
) -> tuple[Market, tuple[RevocationSources, ...]]:
    """The market, named by its profile, and whom it asks about revocation.

    Raises: Misconfigured for an unknown profile; ConfigurationRefused for a file that cannot be opened.
    """
    opening = Opening(at, is_sandbox=False)
    anchors = TrustAnchors(
        opening.trust_files("--trust", trust, None, "--trust"),
        opening.trust_files("--intermediates", intermediates, None, "--intermediates"),
    )
    if opening.faults:
        raise ConfigurationRefused(trust[0], opening.faults)
    try:
        rules = load_profile(profile)
    except ValueError as error:
        raise Misconfigured(str(error)) from None
    market = Market(
        name=profile,
        base_url=_NOWHERE,
        issuer=_NOWHERE,
        profile=rules,
        directories={},
        anchors=anchors,
        auth_methods=(),
        request_audiences=frozenset(),
        refuse_loopback_redirects=True,
        leeway_s=0,
        error_codes={},
        revocation=revocation_policy(revocation),
    )
    return market, (sources_of(profile, anchors, revocation),) if revocation is not None else ()
