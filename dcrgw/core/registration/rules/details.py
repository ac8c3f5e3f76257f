"""authorization_details_types: named by the client, or its market's default, and known either way."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from dcrgw.core.checks import Findings, Judgement, gate
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.registration.rules.subject import Registration
from dcrgw.errors import ErrorCode

SUPPORTED = gate(
    "rules.authorization_details_types.supported",
    "authorization_details_types are types that the market takes; without any, the market's default stands.",
    spec="RFC 9396 §10; RFC 7591 §2",
    code=ErrorCode.INVALID_CLIENT_METADATA,
)

_NAME = "authorization_details_types"


def judge(subject: Registration, supported: Collection[str]) -> Judgement[Registration]:
    """The registration with its types. Where a market takes none and asks nobody, another server may take them."""
    findings = Findings()
    server, named = subject.market.server, subject.metadata.texts(_NAME)
    if not named:
        findings.add(SUPPORTED.skipped("no authorization_details_types are asked for"))
        default = [each for each in server.default_detail_types if each in supported]
        return findings.judgement(_with(subject, default) if default and _is_taken(subject) else subject)
    if not supported and not server.asks_people:
        findings.add(SUPPORTED.skipped("this market judges no authorization details"))
        return findings.judgement(subject)
    foreign = [index for index, each in enumerate(named) if each not in supported]
    findings.settle(SUPPORTED, f"{_NAME}[{foreign[0]}] is none that is supported here" if foreign else None)
    return findings.judgement(subject)


def _is_taken(subject: Registration) -> bool:
    return _NAME in subject.profile.metadata.members


def _with(subject: Registration, types: list[str]) -> Registration:
    return replace(subject, metadata=ClientMetadata({**subject.metadata.members, _NAME: [*types]}))
