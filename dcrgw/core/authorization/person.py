"""What a person's browser must show to go on with an interaction, and what clients call the person."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from dcrgw.core.authorization.interaction import Customer, Decision, Interaction
from dcrgw.core.checks import Findings, Judgement, gate
from dcrgw.core.jose import base64url
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.errors import ErrorCode

OPEN = gate(
    "interaction.open",
    "The interaction is open, and this is the browser in which it began.",
    spec="RFC 6749 §10.12; RFC 9700 §4.7",
    code=ErrorCode.INVALID_REQUEST,
)
SIGNED_IN = gate(
    "interaction.signed_in",
    "Who approves has signed in.",
    spec="RFC 6749 §3.1; OpenID Connect Core 1.0 §3.1.2.3",
    code=ErrorCode.LOGIN_REQUIRED,
)
DECISION = gate(
    "interaction.decision",
    "Who decides says approve or deny.",
    spec="docs/consent.md",
    code=ErrorCode.INVALID_REQUEST,
)
AUTHENTICATED = gate(
    "customer.authenticated",
    "Login name and password are a customer's.",
    spec="OpenID Connect Core 1.0 §3.1.2.3",
    code=ErrorCode.ACCESS_DENIED,
)


def continued(interaction: Interaction | None, key_hash: str, at: float) -> Judgement[Interaction]:
    """The interaction, if it is open and the key is its own. `at` is epoch seconds."""
    findings = Findings()
    own = interaction is not None and hmac.compare_digest(interaction.key_hash, key_hash)
    own = own and interaction is not None and at < interaction.expires_at
    findings.settle(OPEN, None if own else "this request is over, or was begun in another browser")
    return findings.judgement(interaction)


def authenticated(customer: Customer | None) -> Judgement[Customer]:
    """The customer who signed in."""
    findings = Findings()
    findings.settle(AUTHENTICATED, None if customer else "login name or password are wrong")
    return findings.judgement(customer)


def decided(interaction: Interaction, said: str | None) -> Judgement[Decision]:
    """The decision, if it may be taken in this interaction: to deny needs nobody, to approve a customer."""
    findings = Findings()
    decision = next((each for each in Decision if each == said), None)
    findings.settle(DECISION, None if decision else "the form has no decision that we know")
    nobody = decision is Decision.APPROVE and interaction.customer is None
    findings.settle(SIGNED_IN, "sign in first" if nobody else None)
    return findings.judgement(decision)


def subject(customer: Customer, client: RegisteredClient, redirect_uri: str, market: Market) -> str:
    """What tokens for this client call the customer: for a pairwise one a name of its sector's own.

    Without a secret in it, which would have to be kept for ever: a customer's `sub` must not be guessable.
    """
    if client.metadata.text("subject_type") != "pairwise":
        return customer.sub
    # OpenID Connect Core 1.0 §8.1.
    sector = urlsplit(client.metadata.text("sector_identifier_uri") or redirect_uri).hostname or ""
    return base64url.encode(hashlib.sha256(f"{market.issuer}\n{sector}\n{customer.sub}".encode()).digest())
