"""The options of `dcrgw tpp`, what a sandbox knows for those that are not given, and the client they name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from dcrgw.cli.options import Option
from dcrgw.core.jose.algorithms import ALGORITHMS
from dcrgw.tpp import credentials, known_client, requests, sandbox_index
from dcrgw.tpp.authentication import METHODS
from dcrgw.tpp.known_client import KnownClient
from dcrgw.tpp.requests import LEAVE_OUT
from dcrgw.tpp.setup import Incomplete

FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_REFERENCE = "env:NAME|file:PATH"

#: What every command needs that connects: who we are, and whom we trust.
TRANSPORT: tuple[Option, ...] = (
    click.option("--sandbox", type=_FOLDER, help="A running sandbox's folder; all else is then known from there."),
    click.option("--market", metavar="NAME", help="One of the sandbox's markets."),
    click.option("--as", "as_tpp", metavar="NAME", help="Another of the sandbox's TPPs: obwac, revoked."),
    click.option("--cert", type=FILE, help="Transport certificate with its intermediates, PEM."),
    click.option("--key", type=FILE, help="Its private key, PEM, unless in the same file."),
    click.option("--pkcs12", type=FILE, help="Both as PKCS#12, in place of --cert and --key."),
    click.option("--password", metavar=_REFERENCE, help="Where the keys' password is."),
    click.option("--server-ca", type=FILE, help="CA of the bank's server, PEM; else the system's."),
    click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait for the answer."),
    click.option("--dry-run", is_flag=True, help="Show the request decoded and send nothing."),
)

REGISTRATION_ENDPOINT = click.option("--registration-endpoint", metavar="URL", help="Where the bank registers clients.")

#: The key that signs requests and assertions.
SIGNING: tuple[Option, ...] = (
    click.option("--signing-key", type=FILE, help="Private key that signs, PEM."),
    click.option("--kid", help="The key's name in the software's key set."),
    click.option("--alg", type=click.Choice(list(ALGORITHMS)), help="Else the key's usual algorithm."),
)

#: What a registration, or an update, asks for.
METADATA: tuple[Option, ...] = (
    click.option("--ssa", type=FILE, help="The software statement, a file with the compact JWS."),
    click.option("--audience", help="The bank's name, for the request's aud."),
    click.option("--redirect-uri", multiple=True, help="May be repeated; else all of the statement's."),
    click.option("--scope", help="Else what the statement's roles are for."),
    click.option("--auth-method", help="token_endpoint_auth_method; else tls_client_auth."),
    click.option("--claim", multiple=True, metavar="NAME=VALUE", help="Set a claim, as JSON or text; NAME drops it."),
    click.option("--media-type", help=f"Of a signed request; else the sandbox market's, or {requests.JOSE}."),
    click.option("--json", "as_json", is_flag=True, help="Send plain RFC 7591 JSON, unsigned."),
)

REQUEST_FILE = click.option("--request-file", type=FILE, help="Where to leave the request's body for curl.")

#: Which client, and how it gets a token.
CLIENT: tuple[Option, ...] = (
    click.option("--client", type=FILE, help="The client as `dcrgw tpp register` saved it; a sandbox has one itself."),
    click.option("--client-id", help="A client that no file tells of."),
    click.option("--client-secret", metavar=_REFERENCE, help="Where its client_secret is, unless in that file."),
    click.option("--token-endpoint", metavar="URL", help="Where the bank grants tokens."),
    click.option("--issuer", metavar="URL", help="The bank's issuer: its discovery document names the endpoint."),
    click.option("--method", type=click.Choice(METHODS), help="How the client authenticates; else as registered."),
    click.option("--assertion-audience", metavar="AUD", help="aud of a client assertion; else issuer or endpoint."),
)

AUTHORIZATION = click.option(
    "--authorization", type=FILE, help="Where the authorization is kept from one command to the next."
)

#: What a sandbox says for a new registration only: elsewhere, what is registered stays.
_WISHES = frozenset({"redirect_uri", "scope", "auth_method"})


def merged(given: dict[str, Any], *, wishes: bool = False) -> dict[str, Any]:
    """The options as given, and what the sandbox knows for those that are not. Raises: SandboxUnusable."""
    claims = dict(_claim(text) for text in given.get("claim", ()))
    if given["sandbox"] is None:
        if given["market"] or given["as_tpp"]:
            raise click.UsageError("--market and --as choose within a --sandbox")
        return {**given, "claims": claims}
    known = sandbox_index.options(given["sandbox"], market=given["market"], tpp=given["as_tpp"])
    unused = frozenset() if wishes else _WISHES
    if given["pkcs12"] or given["cert"]:
        unused |= {"cert", "key"}
    return {
        **given,
        **{name: value for name, value in known.items() if not given.get(name) and name not in unused},
        # What the market's TPPs ask for beside the usual; what is said on the command line goes before.
        "claims": {**(known.get("claims", {}) if wishes else {}), **claims},
    }


def named_client(options: dict[str, Any]) -> KnownClient:
    """The client that the options name. Raises: Incomplete, ClientUnusable, CredentialsUnusable."""
    if options["client_id"]:
        known = KnownClient(None, {"client_id": options["client_id"]})
    elif options["client"]:
        known = known_client.load(options["client"])
    else:
        raise Incomplete("--client or --client-id says which client")
    secret = credentials.secret(options["client_secret"])
    information = {**known.information, **({"client_secret": secret.decode()} if secret else {})}
    return KnownClient(options.get("registration_endpoint") or known.registration_endpoint, information)


def authorization_file(options: dict[str, Any]) -> Path:
    """Where one authorization of the chosen client is kept."""
    if options["authorization"]:
        return Path(options["authorization"])
    name = options["client"].stem.removeprefix("client-") if options["client"] else options["client_id"] or "client"
    return folder(options) / f"authorization-{name}.json"


def folder(options: dict[str, Any]) -> Path:
    """Where files for curl are left."""
    return Path(options["sandbox"], sandbox_index.OURS) if options["sandbox"] else Path()


def _claim(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        return name, LEAVE_OUT
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
