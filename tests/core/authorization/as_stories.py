"""A client and its right proofs, as values; a story says only what differs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dcrgw.core.authorization import client_authentication as authentication
from dcrgw.core.authorization import gates
from dcrgw.core.authorization.client_authentication import Authenticated
from dcrgw.core.authorization.credentials import JWT_BEARER, present
from dcrgw.core.certificates.identity import ClientIdentity, subject_key
from dcrgw.core.checks import Finding
from dcrgw.core.jose.keys import KeySet, key_set
from dcrgw.core.market import Market
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.testkit import markets
from dcrgw.testkit.keys import SigningKey, jwks
from dcrgw.testkit.statements import NOW, ORG_ID, SOFTWARE_ID, Change, changed

KEY = SigningKey.generate("sig-1")
SECRET = "a-secret-of-thirty-six-characters-ok"
CLIENT_ID = "client-1"


def market(profile: str = "obuk-3.2", **changes: Any) -> Market:
    methods = (*markets.market().auth_methods, "client_secret_post")
    return markets.market(profile, **{"auth_methods": methods, **changes})


def client(method: str, **changes: Any) -> RegisteredClient:
    """The default TPP's registration by a method; `members` adds metadata."""
    members = {
        "token_endpoint_auth_method": method,
        "grant_types": ["client_credentials"],
        "scope": "openid accounts",
        **changes.pop("members", {}),
    }
    if method == "tls_client_auth":
        members.setdefault("tls_client_auth_subject_dn", markets.identity().subject_dn)
    made = RegisteredClient(
        client_id=CLIENT_ID,
        client_id_issued_at=NOW,
        market="uk",
        metadata=ClientMetadata({name: value for name, value in members.items() if value is not None}),
        software_id=SOFTWARE_ID,
        org_id=ORG_ID,
        directory="primary",
        software_statement="e30.e30.AAAA",
        statement_claims={},
        ssa_jti=None,
        x5t_s256="A" * 43,
        subject_key=subject_key(markets.identity()),
        request_digest="digest",
        secrets={"client_secret": SECRET} if method.startswith("client_secret") else {},
    )
    return replace(made, **changes)


def hs256(claims: Mapping[str, Any], secret: str = SECRET, alg: str = "HS256") -> str:
    signing_input = ".".join(_base64url(json.dumps(dict(part)).encode()) for part in ({"alg": alg}, claims))
    return f"{signing_input}.{_base64url(hmac.new(secret.encode(), signing_input.encode(), hashlib.sha256).digest())}"


@dataclass(frozen=True)
class Story:
    """One token request of one client. `claims` changes a right assertion's, `form` a right form."""

    method: str = "private_key_jwt"
    known: bool = True
    client: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Change] = field(default_factory=dict)
    form: Mapping[str, Change] = field(default_factory=dict)
    authorization: tuple[str, ...] | None = None
    sign: Any = KEY.sign
    keys: KeySet | None = None
    identity: ClientIdentity = field(default_factory=markets.identity)
    market: Market = field(default_factory=market)


@dataclass(frozen=True)
class Ending:
    findings: tuple[Finding, ...]
    value: Authenticated | None = None

    @property
    def failed(self) -> set[str]:
        return {finding.check.id for finding in self.findings if finding.verdict == "failed"}

    @property
    def passed(self) -> set[str]:
        return {finding.check.id for finding in self.findings if finding.verdict == "passed"}


def play(story: Story) -> Ending:
    """Every stage of client authentication, as far as it goes."""
    shown, headers = _shown(story)
    form = changed(dict(shown), dict(story.form))
    presented = present(form, headers if story.authorization is None else story.authorization)
    if presented.value is None:
        return Ending(presented.findings)
    registered = client(story.method, **dict(story.client)) if story.known else None
    standing = authentication.stand(presented.value, registered, story.identity, story.market)
    findings = (*presented.findings, *standing.findings)
    if standing.value is None:
        return Ending(findings)
    keys = story.keys or key_set(jwks(KEY))
    if "jwks" in standing.value.metadata.members:
        judged = authentication.registered_keys(standing.value, gates.ASSERTION_KEYS)
        findings += tuple(judged.findings)
        if judged.value is None:
            return Ending(findings)
        keys = judged.value
    proof = authentication.prove(presented.value, standing.value, story.identity, keys, story.market, NOW)
    return Ending((*findings, *proof.findings), proof.value)


def _shown(story: Story) -> tuple[dict[str, str], tuple[str, ...]]:
    match story.method:
        case "tls_client_auth":
            return {"client_id": CLIENT_ID}, ()
        case "client_secret_post":
            return {"client_id": CLIENT_ID, "client_secret": SECRET}, ()
        case "client_secret_basic":
            return {}, (f"Basic {base64.b64encode(f'{CLIENT_ID}:{SECRET}'.encode()).decode()}",)
    right = {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": "https://bank.example/token",
        "iat": NOW,
        "exp": NOW + 60,
        "nbf": NOW,
        "jti": "j",
    }
    sign = hs256 if story.method == "client_secret_jwt" and story.sign == KEY.sign else story.sign
    assertion = sign(changed(right, dict(story.claims)))
    return {"client_assertion_type": JWT_BEARER, "client_assertion": assertion}, ()


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
