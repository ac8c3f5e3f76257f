"""The gateway's configuration as the sandbox writes it: four markets, one directory, everything on loopback."""

from __future__ import annotations

import json
from dataclasses import dataclass

from dcrgw.sandbox.serving import LOOPBACK
from dcrgw.sandbox.statements import LIFE_S, Naming

#: Sections that an operator would not write like this; the reasons stand in the file itself.
_HEAD = """\
# Written by `dcrgw sandbox` at its start. NOT FOR PRODUCTION: every key beside this file dies with the process.
environment = "sandbox"

[listeners.mtls]
host = "{host}"
port = {mtls}
certificate = "bank/server.pem"
key = "bank/server.key"

[listeners.public]
host = "{host}"
port = {public}
certificate = "bank/server.pem"
key = "bank/server.key"

[listeners.health]
host = "{host}"
port = {health}

[admin]
socket = "admin.sock"                            # for `dcrgw clients`; whoever runs the sandbox may do all

[registry]
path = "bank/registry.sqlite"
sealing_keys = ["file:bank/sealing.key"]

[fetch]
allowed_networks = ["127.0.0.0/8", "::1/128"]    # the directory is on this machine

[keysets]
cooldown_s = 1                                   # a tester rotates keys more often than a directory

[standing]
lifetime_s = 0                                   # a change at the directory counts from the next request on

[consent]
customers = "bank/customers.toml"                # their passwords are in sandbox.json
bank_name = "Example Bank"

[logging]
level = "info"
format = "console"

[[directory]]
name = "primary"
issuers = [{issuer}]
jwks_endpoint = {jwks}
software_jwks_hosts = [{keystore_host}]
token_url = {token}
tpp_url = {scim}
client_id = {client_id}
client_scopes = "ASPSPReadAccess TPPReadAccess AuthoritiesReadAccess"
key_id = {key_id}
signing_key = "bank/signing.key"
signing_cert = "bank/signing.pem"
trust_keystore = "ca.pem"
transport_keystore = "bank/transport.p12"
transport_keystore_password = "file:bank/transport.password"
"""

_MARKET = """
[[market]]
name = {name}
base_url = {base_url}
issuer = {issuer}
profile = {profile}
directories = ["primary"]
trust = ["ca.pem"]
intermediates = ["issuing.pem"]
client_auth_methods = {methods}
request_audiences = [{audience}, {issuer}]
authorization_server = {{ grant_types = ["client_credentials", "authorization_code", "refresh_token"] }}
policy = {{ statement_max_age_s = {max_age}, standing_compares_metadata = false }}    # the statements of testers count

[market.revocation]
mode = "hard"
hosts = [{revocation_host}]
renew_s = 0                                      # a certificate that is taken back counts from the next request on
"""


@dataclass(frozen=True, slots=True)
class SandboxMarket:
    """One market of the sandbox, under a path prefix of its own name."""

    name: str
    profile: str
    naming: Naming
    auth_methods: tuple[str, ...] = (
        "tls_client_auth", "private_key_jwt", "client_secret_basic", "client_secret_post", "client_secret_jwt",
    )  # fmt: skip


#: The first is the default one.
MARKETS = (
    SandboxMarket("uk-3.2", "obuk-3.2", Naming.OB_UK),
    SandboxMarket("uk-3.3", "obuk-3.3", Naming.OB_UK),
    SandboxMarket("uk-3.4", "obuk-3.4", Naming.OB_UK),
    SandboxMarket("generic", "rfc7591", Naming.RFC7591),
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where everything is reached. URLs, but for the port numbers of the gateway's listeners."""

    mtls: int
    public: int
    health: int
    #: Base of the key sets, no trailing slash.
    keystore: str
    jwks: str
    token: str
    scim: str
    management: str
    #: Base of the authorities' lists and of their responder.
    revocations: str

    def base_url(self, market: SandboxMarket) -> str:
        """Where TPPs reach a market over mutual TLS."""
        return f"https://localhost:{self.mtls}/{market.name}"

    def issuer(self, market: SandboxMarket) -> str:
        """Who grants a market's tokens; its discovery document needs no certificate."""
        return f"https://localhost:{self.public}/{market.name}"


def render(endpoints: Endpoints, *, issuer: str, client_id: str, key_id: str, audience: str) -> str:
    """The TOML text. File names are relative to the file itself."""
    head = _HEAD.format(
        host=LOOPBACK,
        mtls=endpoints.mtls,
        public=endpoints.public,
        health=endpoints.health,
        issuer=_text(issuer),
        jwks=_text(endpoints.jwks),
        keystore_host=_text(endpoints.keystore.removeprefix("https://")),
        token=_text(endpoints.token),
        scim=_text(endpoints.scim),
        client_id=_text(client_id),
        key_id=_text(key_id),
    )
    markets = [
        _MARKET.format(
            name=_text(market.name),
            base_url=_text(endpoints.base_url(market)),
            issuer=_text(endpoints.issuer(market)),
            profile=_text(market.profile),
            methods=json.dumps(market.auth_methods),
            audience=_text(audience),
            max_age=LIFE_S,
            revocation_host=_text(endpoints.revocations.removeprefix("http://")),
        )
        for market in MARKETS
    ]
    return head + "".join(markets)


def _text(value: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's."""
    return json.dumps(value)
