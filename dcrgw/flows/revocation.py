"""Whether a path of certificates still stands: what its authorities say of it now, judged for whoever asks."""

from __future__ import annotations

from dcrgw.core.certificates import path, revocation
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.certificates.revocation import RevocationJudgement, RevocationPolicy
from dcrgw.errors import Rejected, Unavailable
from dcrgw.ports.revocation import Revocation


async def judge_revocation(
    chain: tuple[bytes, ...], asker: str, anchors: TrustAnchors, policy: RevocationPolicy, port: Revocation, at: float
) -> RevocationJudgement:
    """The verdict on a chain (DER, leaf first) that leads to one of the anchors; `asker` is a market's name."""
    # Found a moment ago and kept: this is a look-up.
    found = path.build(chain, anchors, at)
    return revocation.judge(found, await port.told(asker, found.der), policy, at)


def demand(judged: RevocationJudgement) -> None:
    """Raises: Rejected for a revoked path, Unavailable where it must be known and is not."""
    if judged.findings.has_failed:
        raise Rejected([finding.fault for finding in judged.findings.failures])
    if judged.unavailable is not None:
        raise Unavailable("revocation", judged.unavailable)
