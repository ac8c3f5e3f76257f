"""Whether what came back through the browser is the bank's answer to this request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from dcrgw.core.authorization.minting import beside_code
from dcrgw.core.jose import verification
from dcrgw.core.jose.keys import KeySet, KeySetUnusable, key_set
from dcrgw.core.jose.reader import JosePolicy, claims, read
from dcrgw.core.jose.reasons import JoseRefused
from dcrgw.core.strict_json import JsonValue
from dcrgw.tpp.authorization import Authorization, NotAuthorized
from dcrgw.tpp.client import Outgoing
from dcrgw.tpp.prepared import Prepared
from dcrgw.tpp.setup import Incomplete

#: Those whose hash is SHA-256, which c_hash and s_hash are made with.
_POLICY = JosePolicy(frozenset({"PS256", "ES256", "RS256"}))


def keys_request(asked: Authorization) -> Prepared:
    """Where the bank publishes the keys that prove its ID tokens. Raises: Incomplete."""
    if asked.jwks_uri is None:
        raise Incomplete("the bank's discovery document names no jwks_uri, so that its ID token cannot be proven")
    return Prepared(Outgoing(asked.jwks_uri, method="GET"), {})


def answered(asked: Authorization, url: str, key_document: bytes | None, at: float) -> Authorization:
    """The same with the code of the address to which the browser was sent.

    `key_document` are the bank's keys, where it vouches for the code with an ID token; `at` is epoch seconds.
    Raises: NotAuthorized for an error, and for what is no answer to this request (RFC 9207, RFC 9700 §4.7).
    """
    if not url.startswith(asked.redirect_uri):
        raise NotAuthorized("the address is not below the redirect_uri of this request")
    parts = urlsplit(url)
    found = parse_qs(parts.fragment if asked.wants_id_token else parts.query)
    answer = {name: values[0] for name, values in found.items() if len(values) == 1}
    if answer.get("state") != asked.state:
        raise NotAuthorized("the answer's state is not that of this request: it may be another's")
    if asked.issuer is not None and answer.get("iss", asked.issuer) != asked.issuer:
        raise NotAuthorized("the answer is another issuer's")
    if "error" in answer:
        raise NotAuthorized(f"{answer['error']}: {answer.get('error_description', '')}")
    if not answer.get("code"):
        raise NotAuthorized("the answer holds no code")
    if asked.wants_id_token:
        _settle_id_token(answer, asked, key_document, at)
    return replace(asked, code=answer["code"])


def _settle_id_token(answer: Mapping[str, str], asked: Authorization, key_document: bytes | None, at: float) -> None:
    """The answer's detached signature (OpenID Connect Core 1.0 §3.3.2.8; FAPI 1.0 Advanced §5.2.2.1)."""
    try:
        found = _proven(answer.get("id_token", ""), key_set(key_document or b"", source="the bank's keys"))
    except (JoseRefused, KeySetUnusable) as refused:
        raise NotAuthorized(f"the answer's ID token is not signed by the bank: {refused}") from None
    right = {"aud": asked.client_id, "nonce": asked.nonce, **beside_code(answer["code"], asked.state)}
    if asked.issuer is not None:
        right["iss"] = asked.issuer
    wrong = [name for name, value in right.items() if found.get(name) != value]
    if wrong:
        raise NotAuthorized(f"the ID token's {wrong[0]} is not that of this answer: code or state may be another's")
    ends = found.get("exp")
    if not isinstance(ends, int | float) or at >= ends:
        raise NotAuthorized("the ID token has expired")


def _proven(token: str, keys: KeySet) -> dict[str, JsonValue]:
    unverified = read(token, _POLICY)
    verification.verify(unverified, keys, _POLICY)
    return claims(unverified.payload)
