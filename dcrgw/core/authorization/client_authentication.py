"""Whether a request at the token endpoint is the client's that it names: standing first, then the proof.

The client's registered method decides what the proof is; the request only shows one.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from dcrgw.core.authorization import gates
from dcrgw.core.authorization.assertion import Assertion, judge_claims
from dcrgw.core.authorization.credentials import ASSERTION_TYPES, MAX_ASSERTION_BYTES, Credentials, Way
from dcrgw.core.certificates.identity import ClientIdentity
from dcrgw.core.checks import Failed, Findings, Gate, Judgement
from dcrgw.core.jose import base64url, mac, verification
from dcrgw.core.jose.keys import KeySet, KeySetUnusable, key_set
from dcrgw.core.jose.reader import JosePolicy, Unverified, claims
from dcrgw.core.jose.reasons import JoseReason, JoseRefused
from dcrgw.core.market import Market
from dcrgw.core.registration import holders, tls_names
from dcrgw.core.registration.client import ClientStatus, RegisteredClient

__all__ = ["SELF_SIGNED", "Authenticated", "is_its_tpp", "prove", "registered_keys", "stand"]

SELF_SIGNED = "self_signed_tls_client_auth"

#: Registered method -> the way in which its clients show themselves.
_WAYS: Mapping[str, Way] = {
    "client_secret_basic": Way.BASIC,
    "client_secret_post": Way.SECRET,
    "client_secret_jwt": Way.ASSERTION,
    "private_key_jwt": Way.ASSERTION,
    "tls_client_auth": Way.CERTIFICATE,
    SELF_SIGNED: Way.CERTIFICATE,
}


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A client that proved who it is; `assertion` is the proof that must not serve again, where it was one."""

    client: RegisteredClient
    method: str
    assertion: Assertion | None = None


def stand(
    credentials: Credentials, client: RegisteredClient | None, identity: ClientIdentity, market: Market
) -> Judgement[RegisteredClient]:
    """The client, if it may come at all: known, active, by its own method, with a certificate of its TPP.

    `client` is what the registry has under the claimed id; None is nobody.
    """
    findings = Findings()
    if not findings.settle(gates.KNOWN, None if client else "there is no such client in this market"):
        return findings.judgement()
    assert client is not None
    active = client.status is ClientStatus.ACTIVE
    findings.settle(gates.ACTIVE, None if active else f"the client is {client.status.value}")
    method = _method(client)
    if market.self_signed is None:
        findings.settle(gates.HOLDER, holders.client_fault(identity, client, market.profile))
    else:
        findings.add(gates.HOLDER.skipped("a self-signed certificate names nobody: the key set says whose it is"))
    here = (method == SELF_SIGNED) is (market.self_signed is not None)
    findings.settle(gates.SELF_SIGNED_LISTENER, None if here else f"{method} does not authenticate on this listener")
    offered = method in market.auth_methods and method in _WAYS
    findings.settle(gates.OFFERED, None if offered else f"{method} is not offered any more")
    shown = _WAYS.get(method) is credentials.way
    findings.settle(gates.REGISTERED, None if shown else f"{method} is registered, {credentials.way.value} was shown")
    return findings.judgement(client)


def is_its_tpp(identity: ClientIdentity, client: RegisteredClient, market: Market) -> bool:
    """Whether the certificate names the client's own TPP; a self-signed one names nobody."""
    return market.self_signed is None and holders.client_fault(identity, client, market.profile) is None


def registered_keys(client: RegisteredClient, entry: Gate) -> Judgement[KeySet]:
    """The keys that a client registered by value, parsed once; `entry` says that they cannot be read."""
    findings = Findings()
    try:
        keys = _parsed(json.dumps(client.metadata.members.get("jwks"), sort_keys=True).encode())
    except KeySetUnusable as error:
        findings.add(entry.failed("the registered key set cannot be read", str(error)))
        return findings.judgement()
    findings.add(entry.passed)
    return findings.judgement(keys)


def prove(
    credentials: Credentials,
    client: RegisteredClient,
    identity: ClientIdentity,
    keys: KeySet | None,
    market: Market,
    at: float,
    *,
    vouched_for: bool = False,
) -> Judgement[Authenticated]:
    """The proof, by the client's registered method. `at` is epoch seconds.

    `vouched_for` says that the bank's script took a certificate of another subject for the client's. `keys` are the
    client's where the method needs a published key. Whether an assertion was used before is the registry's to
    say, in the same transaction that grants.
    """
    findings = Findings()
    method = _method(client)
    assertion = None
    if credentials.assertion is not None:
        if _is_signed(credentials.assertion, method, client, keys, market, findings):
            found = claims(credentials.assertion.payload)
            assertion = judge_claims(found, client.client_id, market, at, findings)
    elif method == SELF_SIGNED:
        is_published = keys is not None and _digest(identity) in keys.certificates
        said = None if is_published else "the client's key set does not hold the certificate"
        findings.settle(gates.CERTIFICATE_PUBLISHED, said)
    elif method == "tls_client_auth" and vouched_for:
        findings.add(gates.CERTIFICATE_NAME.skipped("a script of the bank vouches for the certificate"))
    elif method == "tls_client_auth":
        fault = tls_names.fault(client.metadata, identity, market.profile.metadata.dn_match)
        _note(fault, gates.CERTIFICATE_NAME, findings)
    else:
        findings.settle(
            gates.SECRET, None if _is_secret(credentials.secret, client) else "the secret is not the client's"
        )
    return findings.judgement(Authenticated(client, method, assertion))


def _method(client: RegisteredClient) -> str:
    return client.metadata.text("token_endpoint_auth_method") or ""


def _digest(identity: ClientIdentity) -> bytes:
    return base64url.decode(identity.x5t_s256.encode())


def _is_secret(shown: str | None, client: RegisteredClient) -> bool:
    """In constant time, so that no answer's delay tells how much of a guess was right."""
    kept = client.secrets.get("client_secret")
    return bool(shown and kept) and hmac.compare_digest((shown or "").encode(), (kept or "").encode())


def _is_signed(
    assertion: Unverified,
    method: str,
    client: RegisteredClient,
    keys: KeySet | None,
    market: Market,
    findings: Findings,
) -> bool:
    """By the secret or by a published key, as the method means: never as the token's header would like."""
    try:
        if method == "client_secret_jwt":
            mac.verify(assertion, client.secrets.get("client_secret", ""))
        else:
            verification.verify(assertion, keys or KeySet({}), _policy(client, market))
    except JoseRefused as refused:
        findings.add(gates.ASSERTION_JWS.refused(refused))
        return False
    gates.ASSERTION_JWS.note_passed(findings)
    return True


def _policy(client: RegisteredClient, market: Market) -> JosePolicy:
    """The client's own algorithm where it registered one; in any case one of the market's."""
    registered = client.metadata.text("token_endpoint_auth_signing_alg")
    algorithms = market.profile.metadata.signing_algorithms
    if registered is not None:
        algorithms &= {registered}
    if not algorithms:
        raise JoseRefused(JoseReason.ALGORITHM, "the client's registered algorithm is not one of the market's")
    return JosePolicy(algorithms, ASSERTION_TYPES, MAX_ASSERTION_BYTES, kid_required=False)


def _note(fault: Failed | None, entry: Gate, findings: Findings) -> None:
    findings.add(entry.passed if fault is None else entry.failed(fault.description, fault.detail))


@lru_cache(maxsize=512)
def _parsed(document: bytes) -> KeySet:
    return key_set(document, source="the client's registration")
