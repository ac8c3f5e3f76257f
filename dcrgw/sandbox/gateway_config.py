"""The gateway's configuration as the sandbox writes it: every market with its directory, everything on loopback."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.core.strict_json import JsonValue
from dcrgw.sandbox.schemes import AUSTRALIA, BRAZIL, UK, Scheme
from dcrgw.sandbox.serving import LOOPBACK
from dcrgw.sandbox.statements import LIFE_S, Naming
from dcrgw.testkit.statements import CDR_SCOPE

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

[recording]
enabled = true                                   # for `dcrgw explain`, `dcrgw evidence` and `dcrgw replay`
path = "bank/record.sqlite"
max_bytes = 67108864

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
jwks_revoked_endpoint = {jwks_revoked}
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

_DIRECTORY = """
[[directory]]
name = {name}
kind = {kind}
issuers = [{issuer}]
jwks_endpoint = {jwks}
software_jwks_hosts = [{keystore_host}]
tpp_url = {list}
trust_keystore = "ca.pem"
"""

_MARKET = """
[[market]]
name = {name}
base_url = {base_url}
issuer = {issuer}
profile = {profile}
directories = [{directory}]
trust = [{trust}]
intermediates = [{intermediates}]
client_auth_methods = {methods}
request_audiences = {audiences}
authorization_server = {{ grant_types = ["client_credentials", "authorization_code", "refresh_token"], \
default_detail_types = {detail_types}{resource_servers} }}
policy = {{ {policy} }}    # the statements of testers count

[market.revocation]
mode = "hard"
hosts = [{revocation_host}]
renew_s = 0                                      # a certificate that is taken back counts from the next request on
"""

#: Where a market has an authorization server of its own behind it: the files are those of sandbox/upstream.py.
_UPSTREAM = """
[market.upstream]
kind = "oidc-provider"
url = {url}
registration_token = "file:upstream/registration.token"
trust_keystore = "upstream/ca.pem"
transport_cert = "upstream/gateway.pem"
transport_key = "upstream/gateway.key"
introspection_client_id = "gateway"
introspection_client_secret = "file:upstream/gateway.secret"
pages = ["interaction/*", "auth/*", "session/end/*"]
"""
_ASKING = ', resource_servers = [{ name = "consent-pages", certificate = "upstream/asking-alone.pem" }]'

_YOUNG_FOR_LONG = f"statement_max_age_s = {LIFE_S}"
#: What the bank grants, as the scripts below have it.
DETAIL_TYPES = ("payment_initiation", "account_information", "https://bank.example/types/recurring-payments")
#: The bank's scripts. The first in a worker, as a bank would have it; the others are small and quick.
SCRIPTS = f"""
# Example scripts: change one while the gateway serves, and it counts from the next request on.
[[script]]
type = "client_registration"
name = "open_banking"
file = "scripts/client_registration.py"
mode = "worker"
markets = ["uk-3.2", "uk-3.3", "uk-3.4"]
[script.properties]
introspectionScript = "introspection"
authenticationMethods = "tls_client_auth private_key_jwt client_secret_basic client_secret_post client_secret_jwt"

[[script]]
type = "introspection"
name = "introspection"
file = "scripts/introspection.py"
mode = "inline"

[[script]]
type = "authz_detail"
name = "{DETAIL_TYPES[0]}"
file = "scripts/payment_initiation.py"
mode = "inline"

[[script]]
type = "authz_detail"
name = "{DETAIL_TYPES[1]}"
file = "scripts/account_information.py"
mode = "inline"

[[script]]
type = "authz_detail"
name = "recurring_payments"
file = "scripts/recurring_payments.py"
mode = "inline"
[script.properties]
type = "{DETAIL_TYPES[2]}"
"""


@dataclass(frozen=True, slots=True)
class SandboxMarket:
    """One market of the sandbox, under a path prefix of its own name."""

    name: str
    profile: str
    naming: Naming
    #: Whose statements it takes, and whose authorities it trusts.
    scheme: Scheme = UK
    auth_methods: tuple[str, ...] = (
        "tls_client_auth", "private_key_jwt", "client_secret_basic", "client_secret_post", "client_secret_jwt",
    )  # fmt: skip
    #: How requests are written.
    media_type: str = "application/jose"
    #: What a TPP asks for there, and what beside the usual.
    scope: str = "openid accounts payments"
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    policy: str = f"{_YOUNG_FOR_LONG}, standing_compares_metadata = false"

    @property
    def folder(self) -> str:
        """Where its authorities' and its TPP's files are, with its slash; the first directory's need none."""
        return "" if self.scheme is UK else f"{self.scheme.name}/"

    def audiences(self, organisation: str, issuer: str) -> tuple[str, ...]:
        """What the aud of a request may be: OB UK's own id of the bank comes first there."""
        return (organisation, issuer) if self.scheme is UK else (issuer,)


_OF_3_1 = ("tls_client_auth", "private_key_jwt", "client_secret_basic", "client_secret_post")
#: The first is the default one.
MARKETS = (
    SandboxMarket("uk-3.2", "obuk-3.2", Naming.OB_UK),
    SandboxMarket("uk-3.3", "obuk-3.3", Naming.OB_UK),
    SandboxMarket("uk-3.4", "obuk-3.4", Naming.OB_UK),
    SandboxMarket(
        "uk-3.1", "obuk-3.1", Naming.OB_UK, auth_methods=_OF_3_1,
        metadata={"token_endpoint_auth_signing_alg": "PS256"},
    ),
    SandboxMarket("generic", "rfc7591", Naming.RFC7591, media_type="application/json"),
    SandboxMarket(
        "brazil", "br-of", Naming.BRAZIL, BRAZIL, auth_methods=("private_key_jwt", "tls_client_auth"),
        media_type="application/json", scope="openid accounts consents payments resources", policy=_YOUNG_FOR_LONG,
    ),
    SandboxMarket(
        "australia", "au-cdr", Naming.CDR, AUSTRALIA, auth_methods=("private_key_jwt",), media_type="application/jwt",
        scope=CDR_SCOPE, metadata={"response_types": ["code"], "authorization_signed_response_alg": "PS256"},
        policy="statement_single_use = false",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Abroad:
    """Where another scheme's directory is reached; `list` is that of who takes part."""

    scheme: Scheme
    #: Base of the key sets, no trailing slash.
    keystore: str
    #: Base of its authorities' lists and of their responder.
    revocations: str

    @property
    def jwks(self) -> str:
        """The directory's own keys."""
        return self.keystore + self.scheme.keys_path

    @property
    def list(self) -> str:
        """Who takes part."""
        return self.keystore + (self.scheme.list_path or "")


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
    abroad: Mapping[str, Abroad] = field(default_factory=dict)
    #: Port of the authorization server behind the markets; None where the gateway serves alone.
    upstream: int | None = None

    def base_url(self, market: SandboxMarket) -> str:
        """Where TPPs reach a market over mutual TLS."""
        return f"https://localhost:{self.mtls}/{market.name}"

    def issuer(self, market: SandboxMarket) -> str:
        """Who grants a market's tokens; its discovery document needs no certificate."""
        return f"https://localhost:{self.public}/{market.name}"

    def behind(self, market: SandboxMarket) -> str:
        """Where the gateway reaches what stands behind a market: as its issuer, on another port."""
        return f"https://localhost:{self.upstream}/{market.name}"


def render(endpoints: Endpoints, *, issuer: str, client_id: str, key_id: str, audience: str) -> str:
    """The TOML text. File names are relative to the file itself."""
    head = _HEAD.format(
        host=LOOPBACK,
        mtls=endpoints.mtls,
        public=endpoints.public,
        health=endpoints.health,
        issuer=_text(issuer),
        jwks=_text(endpoints.jwks),
        jwks_revoked=_text(f"{endpoints.keystore}/keystore/revoked/openbanking.jwks"),
        keystore_host=_text(endpoints.keystore.removeprefix("https://")),
        token=_text(endpoints.token),
        scim=_text(endpoints.scim),
        client_id=_text(client_id),
        key_id=_text(key_id),
    )
    directories = [_directory(each) for each in endpoints.abroad.values()]
    markets = [_market(market, endpoints, audience) for market in MARKETS]
    return "".join([head, *directories, *markets, SCRIPTS])


def _directory(abroad: Abroad) -> str:
    return _DIRECTORY.format(
        name=_text(abroad.scheme.name),
        kind=_text(abroad.scheme.kind),
        issuer=_text(abroad.scheme.issuer),
        jwks=_text(abroad.jwks),
        keystore_host=_text(abroad.keystore.removeprefix("https://")),
        list=_text(abroad.list),
    )


def _market(market: SandboxMarket, endpoints: Endpoints, audience: str) -> str:
    issuer = endpoints.issuer(market)
    has_upstream = endpoints.upstream is not None
    text = _MARKET.format(
        name=_text(market.name),
        base_url=_text(endpoints.base_url(market)),
        issuer=_text(issuer),
        profile=_text(market.profile),
        directory=_text(market.scheme.name),
        trust=_text(f"{market.folder}ca.pem"),
        intermediates=_text(f"{market.folder}issuing.pem"),
        methods=json.dumps(market.auth_methods),
        audiences=json.dumps(market.audiences(audience, issuer)),
        detail_types=json.dumps(DETAIL_TYPES),
        resource_servers=_ASKING if has_upstream else "",
        policy=market.policy,
        revocation_host=_text(endpoints.revocations.removeprefix("http://")),
    )
    return text + _UPSTREAM.format(url=_text(endpoints.behind(market))) if has_upstream else text


def _text(value: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's."""
    return json.dumps(value)
