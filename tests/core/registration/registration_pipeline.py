"""One registration through every stage of core/registration, told only by what differs from a good one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from dcrgw.core.certificates.identity import CertificateKind, ClientIdentity
from dcrgw.core.checks import Finding, Judgement, Verdict
from dcrgw.core.jose.keys import KeySet, key_set
from dcrgw.core.market import Market
from dcrgw.core.registration import request, rules, standing, statement
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.registration.rules import Registration, details
from dcrgw.core.registration.standing import Standing
from dcrgw.core.registration.statement import SoftwareStatement
from dcrgw.testkit import markets, statements
from dcrgw.testkit.keys import SigningKey, jwks
from dcrgw.testkit.statements import NOW

DIRECTORY_KEY = SigningKey.generate("dir-1", "ES256")
SOFTWARE_KEY = SigningKey.generate("sig-1", "ES256")
FOREIGN_KEY = SigningKey.generate("sig-1", "ES256")

#: Makes a token of a key and claims: the right one, or one with a fault.
Signer = Callable[[SigningKey, Mapping[str, Any]], str]


def signed(key: SigningKey, claims: Mapping[str, Any]) -> str:
    return key.sign(claims)


@cache
def keys_of(*keys: SigningKey) -> KeySet:
    return key_set(jwks(*keys))


@dataclass(frozen=True)
class Story:
    """What differs from a good OB UK registration."""

    profile: str = "obuk-3.2"
    policy: Mapping[str, object] = field(default_factory=dict)
    market: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)  # of profile.statement
    statement: Mapping[str, Any] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    identity: ClientIdentity = field(default_factory=markets.identity)
    standing: Mapping[str, Any] = field(default_factory=dict)
    sign_statement: Signer = signed
    sign_request: Signer = signed
    directory_keys: KeySet = field(default_factory=lambda: keys_of(DIRECTORY_KEY))
    software_keys: KeySet = field(default_factory=lambda: keys_of(SOFTWARE_KEY))
    media_type: str | None = "application/jose"
    body: bytes | None = None
    #: Claims of a statement, and of the request that brings it.
    statement_claims: Callable[..., dict[str, Any]] = statements.statement_claims
    request_claims: Callable[..., dict[str, Any]] = statements.request_claims
    at: float = NOW + 1
    #: The market's types of authorization details.
    detail_types: tuple[str, ...] = ()


BRCAC = markets.identity(
    CertificateKind.BRCAC,
    subject=markets.subject(
        organizationIdentifier=f"OFBBR-{statements.BRAZIL_ORG_ID}", UID=statements.BRAZIL_SOFTWARE_ID, CN="tpp.example"
    ),
)


def brazil(**changes: Any) -> Story:
    """A good registration in Open Finance Brasil but for `changes` of the request; some say what they change."""
    usual = {
        "profile": "br-of",
        "media_type": "application/json",
        "statement_claims": statements.brazil_statement_claims,
        "request_claims": statements.brazil_request_claims,
        "identity": BRCAC,
        # The directory signs with PS256 alone, whatever keys these stories have.
        "rules": {"algorithms": frozenset({"ES256"})},
        "standing": {
            "org_id": statements.BRAZIL_ORG_ID,
            "software_id": statements.BRAZIL_SOFTWARE_ID,
            "software_active": None,
            "software_roles": frozenset({"DADOS", "PAGTO"}),
            "authorisations": None,
        },
    }
    return _abroad(usual, changes)


def australia(**changes: Any) -> Story:
    """The same in Australia."""
    usual = {
        "profile": "au-cdr",
        "media_type": "application/jwt",
        "statement_claims": statements.cdr_statement_claims,
        "request_claims": statements.cdr_request_claims,
        "identity": markets.identity(CertificateKind.OTHER, subject=markets.subject(C="AU", CN="Example product")),
        "market": {"request_audiences": frozenset({"https://bank.example"})},
        "rules": {"algorithms": frozenset({"ES256"})},
        "standing": {
            "org_id": statements.CDR_ORG_ID,
            "software_id": statements.CDR_SOFTWARE_ID,
            "software_roles": None,
            "authorisations": None,
        },
    }
    return _abroad(usual, changes)


def _abroad(usual: dict[str, Any], changes: dict[str, Any]) -> Story:
    told = {name: value for name, value in changes.items() if name in _TOLD}
    asked = {name: value for name, value in changes.items() if name not in _TOLD}
    for name in ("standing", "rules", "market"):
        if name in told:
            told[name] = {**usual.get(name, {}), **told[name]}
    return Story(**{**usual, "request": asked, **told})


#: Changes that are not the request's.
_TOLD = ("statement", "identity", "standing", "rules", "market", "policy", "sign_statement", "at")


@dataclass
class Ending:
    """What became of a story: all findings so far, and what was proven."""

    findings: list[Finding] = field(default_factory=list)
    statement: SoftwareStatement | None = None
    registration: Registration | None = None
    metadata: ClientMetadata | None = None

    def take(self, judgement: Judgement[Any]) -> Any:
        self.findings += judgement.findings
        if judgement.failures:
            raise Refused
        assert judgement.value is not None
        return judgement.value

    @property
    def verdicts(self) -> dict[str, Verdict]:
        return {finding.check.id: finding.verdict for finding in self.findings}

    @property
    def failed(self) -> dict[str, Finding]:
        return {f.check.id: f for f in self.findings if f.verdict is Verdict.FAILED}


class Refused(Exception):
    """A stage said no."""


def market_of(story: Story) -> Market:
    profile = markets.profile(story.profile).with_policy(story.policy)
    if story.rules:
        profile = replace(profile, statement=replace(profile.statement, **story.rules))
    return markets.market(story.profile, **{"profile": profile, **story.market})


def body_of(story: Story) -> bytes:
    if story.body is not None:
        return story.body
    ssa = story.sign_statement(DIRECTORY_KEY, story.statement_claims(**story.statement))
    asked = story.request_claims(ssa, **story.request)
    if story.media_type == "application/json":
        return json.dumps(asked).encode()
    return story.sign_request(SOFTWARE_KEY, asked).encode()


def play(story: Story) -> Ending:
    """Run all stages; a stage that fails is the last."""
    ending = Ending()
    with suppress(Refused):
        _stages(story, ending)
    return ending


def _stages(story: Story, ending: Ending) -> None:
    market = market_of(story)
    profile = market.profile
    envelope = ending.take(request.open(body_of(story), story.media_type, profile))
    proven = None
    if envelope.statement is not None:
        directory = ending.take(statement.issuer(envelope, market))
        proven = ending.take(
            statement.verify(envelope.statement, story.directory_keys, directory, profile, market, story.at)
        )
    ending.statement = proven
    keys = None if envelope.token is None else story.software_keys
    asked = ending.take(request.verify(envelope, keys, profile, market, proven, story.at))
    ending.registration = Registration.of(story.identity, proven, asked, market)
    ending.take(rules.judge(ending.registration))
    ending.registration = ending.take(details.judge(ending.registration, story.detail_types))
    metadata = ending.registration.metadata
    if proven is not None and profile.standing == "required":
        ending.take(
            standing.judge(
                standing_of(story, proven.software_redirect_uris),
                proven,
                profile,
                metadata.scopes,
                metadata.redirect_uris,
            )
        )
    ending.metadata = metadata


def standing_of(story: Story, redirect_uris: Iterable[str] = ()) -> Standing:
    """A good standing of the story's software, but for the story's changes."""
    good = Standing(
        found=True,
        org_id=statements.ORG_ID,
        software_id=statements.SOFTWARE_ID,
        organisation_active=True,
        software_active=True,
        software_roles=frozenset({"AISP", "PISP"}),
        authorisations=(statement.Authorisation("GBR", frozenset({"AISP", "PISP"})),),
        observed_at=NOW,
        source="https://localhost:9443/scim",
        redirect_uris=frozenset(redirect_uris),
        software_mode="Live",
    )
    return replace(good, **story.standing)
