"""Forms that a client sends with the proof of who it is: for tokens, about tokens, and ahead of its customer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlencode

from dcrgw.core.jose.signing import PrivateKey
from dcrgw.tpp import credentials
from dcrgw.tpp.authentication import ClientCredentials, prove
from dcrgw.tpp.client import FORM, Outgoing
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.prepared import Moment, Prepared
from dcrgw.tpp.setup import Incomplete, Setup

OWN_RIGHT: Mapping[str, str] = MappingProxyType({"grant_type": "client_credentials"})
#: What is shown to nobody.
_SECRET_MEMBERS = frozenset(
    {"client_secret", "client_assertion", "code", "code_verifier", "refresh_token", "token", "request"}
)


def prepare(
    setup: Setup,
    known: KnownClient,
    moment: Moment,
    *,
    method: str | None = None,
    scope: str | None = None,
    audience: str | None = None,
    form: Mapping[str, str] = OWN_RIGHT,
) -> Prepared:
    """The request for a token of one client: by its own right (RFC 6749 §4.4), or by what `form` shows.

    `method` is the registered one unless given; an assertion names the issuer unless told another `audience`.
    Raises: Incomplete, CredentialsUnusable.
    """
    endpoint = setup.token_endpoint
    if endpoint is None:
        raise Incomplete("--token-endpoint is needed, or --issuer to learn it from")
    asked = {**form, **({"scope": scope} if scope else {})}
    return proven(
        asked, "token request", endpoint, setup, known, moment, method=method, audience=audience or setup.issuer
    )


def proven(
    form: Mapping[str, str],
    title: str,
    endpoint: str,
    setup: Setup,
    known: KnownClient,
    moment: Moment,
    *,
    method: str | None = None,
    audience: str | None = None,
) -> Prepared:
    """A form with the client's proof, for one of the endpoints over mutual TLS; `title` is what it is shown as.

    Raises: Incomplete, CredentialsUnusable.
    """
    chosen = method or known.auth_method
    if chosen is None:
        raise Incomplete("--method is needed: how the client authenticates")
    proof = prove(chosen, _held(setup, known, chosen), audience=audience or endpoint, moment=moment)
    sent = {**form, **proof.form}
    outgoing = Outgoing(
        endpoint, urlencode(sent).encode(), FORM, headers=moment.headers, secret_headers=proof.secret_headers
    )
    shown = {title: {name: "..." if name in _SECRET_MEMBERS else value for name, value in sent.items()}}
    return Prepared(outgoing, shown | ({"client assertion": proof.assertion} if proof.assertion else {}))


def _held(setup: Setup, known: KnownClient, method: str) -> ClientCredentials:
    if method != "private_key_jwt" or (setup.signing_key is None and setup.opened_key is None):
        return ClientCredentials(known.client_id, known.secret)
    key = setup.opened_key or _key(setup)
    alg = setup.alg or known.auth_signing_alg or credentials.usual_algorithm(key)
    return ClientCredentials(known.client_id, None, key, setup.kid, alg)


def _key(setup: Setup) -> PrivateKey:
    assert setup.signing_key is not None
    return credentials.signing_key(setup.signing_key, credentials.secret(setup.transport.password))
