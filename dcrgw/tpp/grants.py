"""Token requests: the client credentials grant (RFC 6749 §4.4)."""

from __future__ import annotations

from urllib.parse import urlencode

from dcrgw.tpp import credentials
from dcrgw.tpp.authentication import ClientCredentials, prove
from dcrgw.tpp.client import FORM, Outgoing
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.prepared import Moment, Prepared
from dcrgw.tpp.setup import Incomplete, Setup

_SECRET_MEMBERS = ("client_secret", "client_assertion")


def prepare(
    setup: Setup,
    known: KnownClient,
    moment: Moment,
    *,
    method: str | None = None,
    scope: str | None = None,
    audience: str | None = None,
) -> Prepared:
    """The request for a token of one client.

    `method` is the registered one unless given; an assertion names the issuer unless told another `audience`.
    Raises: Incomplete, CredentialsUnusable.
    """
    endpoint = setup.token_endpoint
    if endpoint is None:
        raise Incomplete("--token-endpoint is needed, or --issuer to learn it from")
    chosen = method or known.auth_method
    if chosen is None:
        raise Incomplete("--method is needed: how the client authenticates")
    proof = prove(chosen, _held(setup, known, chosen), audience=audience or setup.issuer or endpoint, moment=moment)
    form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {}), **proof.form}
    outgoing = Outgoing(
        endpoint, urlencode(form).encode(), FORM, headers=moment.headers, secret_headers=proof.secret_headers
    )
    shown = {"token request": {name: "..." if name in _SECRET_MEMBERS else value for name, value in form.items()}}
    return Prepared(outgoing, shown | ({"client assertion": proof.assertion} if proof.assertion else {}))


def _held(setup: Setup, known: KnownClient, method: str) -> ClientCredentials:
    if method != "private_key_jwt" or setup.signing_key is None:
        return ClientCredentials(known.client_id, known.secret)
    key = credentials.signing_key(setup.signing_key, credentials.secret(setup.transport.password))
    alg = setup.alg or known.auth_signing_alg or credentials.usual_algorithm(key)
    return ClientCredentials(known.client_id, None, key, setup.kid, alg)
