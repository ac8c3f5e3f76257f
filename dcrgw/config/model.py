"""The settings, as the operator writes them. docs/configuration.md is made from these descriptions.

Every section is frozen and refuses unknown keys. Rules that span several settings are in `rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, Strict

from dcrgw.config.faults import ConfigFault
from dcrgw.config.secrets import SecretReference
from dcrgw.config.values import (
    AllowedNetwork,
    BaseUrl,
    DetailPointer,
    DetailText,
    DetailTypeName,
    FilePath,
    HostPort,
    HsmKey,
    HttpsUrl,
    Issuer,
    KeyHost,
    LocalName,
    LocalUser,
    Name,
    ProfilePlace,
    Property,
    ProxyUrl,
    PublicUrl,
    ScriptInum,
    ScriptName,
    ScriptType,
    Secret,
    TrustPlace,
    Words,
    split_https,
)

Int = Annotated[int, Strict()]
Bool = Annotated[bool, Strict()]
Seconds = Annotated[float, Strict()]
Port = Annotated[int, Strict(), Field(ge=0, le=65535)]
Text = Annotated[str, Strict(), Field(min_length=1)]

AuthMethod = Literal[
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
]
GrantType = Literal["client_credentials", "authorization_code", "refresh_token"]
WireCode = Literal[
    "invalid_redirect_uri",
    "invalid_client_metadata",
    "invalid_webhook_uris",
    "invalid_software_statement",
    "unapproved_software_statement",
    "invalid_client",
    "invalid_request",
]
KEYSET_LIFETIME_S = (60.0, 3600.0)


def _like(text: str) -> dict[str, Any]:
    """The default in words, where it comes from another setting."""
    return {"x-default": text}


def _clamp(value: float) -> float:
    least, most = KEYSET_LIFETIME_S
    return min(max(value, least), most)


def _flat(value: Any, prefix: str = "") -> Any:
    """Check ids have dots: unquoted in TOML they become nested tables. Both spellings mean the same."""
    if not isinstance(value, dict):
        return value
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        flat |= _flat(inner, f"{prefix}{name}.") if isinstance(inner, dict) else {f"{prefix}{name}": inner}
    return flat


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ServerListener(Section):
    """A TLS listener. Its credentials are a PEM pair or a PKCS#12 keystore."""

    host: Text = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - the point of a gateway
    port: Port = Field(description="TCP port; 0 takes a free one.")
    certificate: FilePath | None = Field(default=None, description="PEM certificate with its intermediates.")
    key: FilePath | None = Field(default=None, description="PEM private key of the certificate.")
    key_password: Secret | None = Field(default=None, description="Password of an encrypted `key`.")
    keystore: FilePath | None = Field(
        default=None, description="PKCS#12 or JKS store in place of `certificate` and `key`."
    )
    keystore_password: Secret | None = Field(default=None, description="Password of the `keystore`.")
    minimum_tls: Literal["1.2", "1.3"] = Field(default="1.3", description="Oldest TLS version taken.")


class ProxiedListener(ServerListener):
    """Where a proxy that ends TPPs' mutual TLS reaches the gateway; TPPs never do. Without `certificate` and
    `keystore` it is plain HTTP, on a loopback address only."""

    host: Text = Field(default="127.0.0.1", description="Address to listen on.")
    form: Literal["rfc9440", "nginx", "apache", "haproxy", "traefik", "envoy", "aws", "azure", "janssen"] = Field(
        description="Who wrote the header, and so how the TPP's certificate stands in it."
    )
    header: Annotated[str, Strict(), Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = Field(
        default=None,
        description="Name of the header.",
        json_schema_extra=_like("what the proxy's manual calls it"),
    )
    proxy_ca: tuple[FilePath, ...] = Field(
        default=(), description="Roots of the proxies' own certificates: mutual TLS between proxy and gateway."
    )
    proxy_ca_password: Secret | None = Field(default=None, description="Password of PKCS#12 files in `proxy_ca`.")
    proxy_names: tuple[Text, ...] = Field(
        default=(), description="Common names of the proxies; none named means every certificate of `proxy_ca`."
    )
    proxy_networks: tuple[AllowedNetwork, ...] = Field(
        default=(), description="Networks (CIDR) that the proxies connect from."
    )
    hops: Int = Field(default=1, ge=1, le=5, description="How many proxies add an element of their own (`envoy`).")
    connections: Int = Field(default=2000, ge=1, description="Connections that one proxy may hold open.")
    header_bytes: Int = Field(
        default=65536,
        ge=8190,
        le=131072,
        description="As in `[limits]`, with room for a chain of certificates: three of RSA 4096 make 20 kilobytes.",
    )

    @property
    def has_tls(self) -> bool:
        """False where it is plain HTTP."""
        return self.certificate is not None or self.keystore is not None


class HealthListener(Section):
    """Plain HTTP for probes."""

    host: Text = Field(
        default="127.0.0.1", description="Address to listen on; a pod's address where the probes come from afar."
    )
    port: Port = Field(default=8081, description="TCP port; 0 takes a free one.")


class Listeners(Section):
    """Where the gateway is reached."""

    mtls: ServerListener = Field(description="Mutual TLS: where TPPs register.")
    public: ServerListener | None = Field(
        default=None, description="TLS without client certificates: discovery documents."
    )
    proxied: ProxiedListener | None = Field(
        default=None, description="Where a proxy that ends TPPs' mutual TLS passes their certificates on."
    )
    self_signed: ServerListener | None = Field(
        default=None, description="Mutual TLS for clients that authenticate by self-signed certificates, and no others."
    )
    health: HealthListener | None = Field(default=None, description="Plain HTTP for liveness and readiness probes.")


class RevocationSettings(Section):
    """Whether a certificate was taken back by its issuer: from lists (CRL) and responders (OCSP)."""

    mode: Literal["off", "soft", "hard"] = Field(
        description="`hard` answers 503 while it is not known, `soft` bears with not knowing for `soft_s`."
    )
    methods: tuple[Literal["crl", "ocsp"], ...] = Field(
        default=("crl", "ocsp"), min_length=1, description="What is asked, in this order, until one has a word."
    )
    crl_files: tuple[FilePath, ...] = Field(
        default=(), description="Lists on disk, PEM or DER; read again when they change."
    )
    crl_urls: tuple[PublicUrl, ...] = Field(default=(), description="Lists that are fetched.")
    hosts: tuple[HostPort, ...] = Field(
        default=(),
        description="Hosts (`host:port`) that the URLs in certificates may lead to; none named means that such URLs "
        "are not followed.",
    )
    ocsp_url: PublicUrl | None = Field(
        default=None, description="Responder asked about every certificate, in place of those that they name."
    )
    ocsp_nonce: Literal["off", "sent", "required"] = Field(
        default="off", description="Whether questions bear a nonce, and answers must."
    )
    soft_s: Seconds = Field(
        default=3600, ge=0, le=86400, description="How long `soft` lets a certificate in while nothing is known of it."
    )
    renew_s: Seconds = Field(
        default=3600, ge=0, le=86400, description="Age at which a word that still counts is asked for anew."
    )
    whole_path: Bool = Field(default=True, description="Ask about intermediates too, not only the certificate itself.")
    max_bytes: Int = Field(default=10_485_760, ge=4096, le=104_857_600, description="Largest list taken.")


class AdminTlsListener(ServerListener):
    """Administration from afar, by mutual TLS. Its clients' CA is the operator's own, never one that TPPs have."""

    host: Text = Field(default="127.0.0.1", description="Address to listen on.")
    client_ca: tuple[FilePath, ...] = Field(
        min_length=1, description="Roots of administrators' certificates: PEM, PKCS#12 or JKS files."
    )
    client_ca_password: Secret | None = Field(default=None, description="Password of PKCS#12 files in `client_ca`.")
    readers: tuple[Text, ...] = Field(default=(), description="Common names that may look.")
    writers: tuple[Text, ...] = Field(default=(), description="Common names that may look and change.")
    hosts: tuple[Text, ...] = Field(
        min_length=1, description="Host names by which it is called; a request with another `Host` is refused."
    )
    revocation: RevocationSettings | None = Field(
        default=None,
        description="Whether administrators' certificates were taken back by their issuers.",
        json_schema_extra=_like("not asked"),
    )


class Admin(Section):
    """Where clients are looked after: `dcrgw clients`. The gateway's own user and root may do all."""

    socket: FilePath | None = Field(
        default=None, description="Socket file, for users of this machine; owner and group may open it."
    )
    group: LocalName | None = Field(
        default=None,
        description="Group that may open the socket: a name or gid.",
        json_schema_extra=_like("the gateway's own group"),
    )
    readers: tuple[LocalUser, ...] = Field(
        default=(), description="Who may look: a user's name or uid, or `%` and a group's name or gid."
    )
    writers: tuple[LocalUser, ...] = Field(default=(), description="Who may look and change, written in the same way.")
    tls: AdminTlsListener | None = Field(default=None, description="Mutual TLS, for administrators elsewhere.")


class Limits(Section):
    """What one connection or request may take."""

    handshake_s: Seconds = Field(default=10, gt=0, le=60, description="Longest TLS handshake.")
    header_s: Seconds = Field(default=10, gt=0, le=60, description="Longest wait for a request's complete header.")
    body_s: Seconds = Field(default=20, gt=0, le=120, description="Longest wait for a request's complete body.")
    idle_s: Seconds = Field(default=75, gt=0, le=3600, description="Longest silence between two requests.")
    body_bytes: Int = Field(default=131072, ge=4096, le=4194304, description="Largest request body.")
    header_bytes: Int = Field(
        default=8190, ge=1024, le=65536, description="Largest request line and largest header field."
    )
    drain_delay_s: Seconds = Field(
        default=0, ge=0, le=120, description="Time between not ready and no longer accepting."
    )
    drain_s: Seconds = Field(default=30, ge=0, le=600, description="Time that requests under way have to end.")
    connections_per_ip: Int = Field(default=100, ge=1, description="Connections that one address may hold open.")


class RegistrySettings(Section):
    """Where registrations are kept."""

    path: FilePath = Field(description="The SQLite database; made when it is not there.")
    sealing_keys: tuple[Secret, ...] = Field(
        default=(),
        description="Keys that seal stored secrets and our signature keys: 32 bytes each, base64url or hex. "
        "The first seals, all open: put a new one in front to rotate.",
    )


class RecordingSettings(Section):
    """Whether decisions are kept with their evidence, to be explained and decided again later."""

    enabled: Bool = Field(default=False, description="Keep each judged request as a bundle, sealed.")
    path: FilePath | None = Field(
        default=None,
        description="The SQLite file of the record, made when it is not there.",
        json_schema_extra=_like("`record.sqlite` beside `registry.path`"),
    )
    max_age_s: Seconds = Field(
        default=2_592_000, ge=60, le=315_360_000, description="How long a decision is kept; 30 days by default."
    )
    max_bytes: Int = Field(
        default=1_073_741_824, ge=1_048_576, description="Room for all sealed bundles; the oldest make way."
    )
    queue: Int = Field(
        default=512,
        ge=1,
        le=100_000,
        description="Decisions that may wait to be written; more are dropped and counted.",
    )


class Fetch(Section):
    """Limits of every outgoing request."""

    total_s: Seconds = Field(default=5, gt=0, le=60, description="Look-up, connection, TLS and body together.")
    max_bytes: Int = Field(default=262144, ge=1024, le=4194304, description="Largest answer taken.")
    allowed_networks: tuple[AllowedNetwork, ...] = Field(
        default=(), description="Networks beyond public addresses that may be asked (CIDR); sandbox only."
    )


class Outbound(Section):
    """How the gateway reaches the world."""

    proxy: ProxyUrl | None = Field(default=None, description="HTTP proxy, as http://host:port.")
    proxy_username: Text | None = Field(default=None, description="User name at the proxy.")
    proxy_password: Secret | None = Field(default=None, description="Password at the proxy.")


class KeySetSettings(Section):
    """Caching of directories' and software's key sets."""

    lifetime_s: Annotated[Seconds, AfterValidator(_clamp)] = Field(
        default=300, description="Life of a key set that names none itself; brought within 60 to 3600."
    )
    stale_s: Seconds = Field(
        default=3600, ge=0, le=3600, description="How long an old set serves while its source is down."
    )
    cooldown_s: Seconds = Field(
        default=60, ge=1, le=3600, description="Least time between two fetches for an unknown key id."
    )


class StandingSettings(Section):
    """Caching of the directory's word."""

    lifetime_s: Seconds = Field(
        default=60, ge=0, le=300, description="How long the directory's word on a TPP is used again."
    )


class SigningSettings(Section):
    """Our own signature keys. Without a keystore or key they are made, kept sealed, and rotated by `dcrgw keys`."""

    alg: Literal["PS256", "ES256"] = Field(default="PS256", description="Algorithm of new keys, or of the given one.")
    keystore: FilePath | None = Field(default=None, description="PKCS#12 or JKS store whose key signs.")
    keystore_password: Secret | None = Field(default=None, description="Password of the `keystore`.")
    key: FilePath | None = Field(default=None, description="PEM private key in place of `keystore`.")
    key_password: Secret | None = Field(default=None, description="Password of an encrypted `key`.")
    hsm_key: HsmKey | None = Field(default=None, description="Key in an HSM, as a PKCS#11 URI, in place of both.")
    hsm_pin: Secret | None = Field(default=None, description="PIN of the token of `hsm_key`.")
    retired_s: Int = Field(
        default=86_400, ge=600, le=31_536_000, description="How long a key that was rotated out stays published."
    )


class ReloadSettings(Section):
    """How changes are taken while the gateway runs. SIGHUP and `dcrgw reload` work besides."""

    interval_s: Seconds = Field(
        default=5,
        ge=0,
        le=3600,
        description="How often the configuration and the files that it names are looked at; 0 for never.",
    )


class ConsentSettings(Section):
    """The pages on which customers sign in and decide what a TPP gets."""

    customers: FilePath | None = Field(
        default=None, description="Customers who may sign in: a file made by `dcrgw customers`."
    )
    bank_name: Text | None = Field(
        default=None,
        description="The name above each page.",
        json_schema_extra=_like("the host of the market's issuer"),
    )
    attempts: Int = Field(
        default=5, ge=1, le=100, description="Sign-ins at one account from one network before it must wait."
    )
    attempts_of_network: Int = Field(
        default=50, ge=1, le=100_000, description="Sign-ins at all accounts from one network before it must wait."
    )
    attempts_s: Int = Field(default=900, ge=10, le=86_400, description="The time in which they are counted.")
    waiting: Int = Field(
        default=10_000,
        ge=100,
        le=1_000_000,
        description="Requests that may wait for a sign-in; beyond it the oldest of the network with most ends.",
    )


class LoggingSettings(Section):
    """The log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level written.")
    format: Literal["json", "console"] = Field(default="json", description="JSON lines, or text for people.")


class DirectorySettings(Section):
    """A trust framework: who signs software statements, and who is asked about a TPP."""

    name: Name = Field(description="Its name here; markets refer to it.")
    kind: Literal["scim", "participants", "data-recipients"] = Field(
        default="scim",
        description="How it tells a TPP's standing: `scim` (OB UK, asked with a token for each software),"
        " `participants` (Open Finance Brasil, a public list), `data-recipients` (the CDR Register's list).",
    )
    issuers: tuple[Text, ...] = Field(min_length=1, description="The exact `iss` values of its software statements.")
    keys: Literal["endpoint", "script"] = Field(
        default="endpoint",
        description="Where the keys of its software statements come from: `jwks_endpoint`, or the bank's registration"
        " script (getSoftwareStatementJwks; getDcrJwks for requests).",
    )
    jwks_endpoint: HttpsUrl | None = Field(
        default=None, description='Key set that verifies its software statements; needed unless `keys = "script"`.'
    )
    jwks_revoked_endpoint: HttpsUrl | None = Field(
        default=None,
        description="Key set of its keys that were taken back: no statement that one of them signed is believed, and "
        "none at all while it cannot be had.",
    )
    software_jwks_hosts: tuple[KeyHost, ...] = Field(
        default=(),
        description="Hosts (`host` or `host:port`) that may serve a software's key set; `*` for wherever a signed"
        " statement says, at public addresses only: for frameworks whose TPPs host their own keys.",
    )
    token_url: HttpsUrl | None = Field(
        default=None, description="Where the gateway gets its access token for `tpp_url`."
    )
    tpp_url: HttpsUrl | None = Field(
        default=None, description="What tells a TPP's standing: the SCIM endpoint, or the list of its `kind`."
    )
    client_id: Text | None = Field(
        default=None,
        description="The bank's own client id at the directory.",
        json_schema_extra=_like("the common name of the transport certificate"),
    )
    client_scopes: Words = Field(default=(), description="Scopes asked of the directory: a list, or blank-separated.")
    key_id: Text | None = Field(default=None, description="`kid` of the assertion sent to `token_url`.")
    signing_key: FilePath | None = Field(default=None, description="PEM private key that signs the assertion.")
    signing_key_password: Secret | None = Field(default=None, description="Password of an encrypted `signing_key`.")
    signing_hsm_key: HsmKey | None = Field(
        default=None, description="Key in an HSM, as a PKCS#11 URI, in place of `signing_key`."
    )
    signing_hsm_pin: Secret | None = Field(default=None, description="PIN of the token of `signing_hsm_key`.")
    signing_cert: FilePath | None = Field(
        default=None, description="PEM certificate of the signing key; proven to belong to it."
    )
    signing_alg: Literal["PS256", "RS256"] = Field(default="PS256", description="Algorithm of the assertion.")
    audience: Text | None = Field(
        default_factory=lambda known: known.get("token_url"),
        description="`aud` of the assertion.",
        json_schema_extra=_like("`token_url`"),
    )
    trust_keystore: TrustPlace = Field(
        default=None,
        description="Roots that vouch for the directory's servers: PKCS#12, JKS or PEM, or `system`.",
        json_schema_extra=_like("`system`"),
    )
    trust_keystore_password: Secret | None = Field(default=None, description="Password of `trust_keystore`.")
    software_jwks_trust: TrustPlace = Field(
        default_factory=lambda known: known.get("trust_keystore"),
        description="Roots that vouch for the hosts of software key sets: PKCS#12, JKS or PEM, or `system`.",
        json_schema_extra=_like("`trust_keystore`"),
    )
    software_jwks_trust_password: Secret | None = Field(
        default_factory=lambda known: known.get("trust_keystore_password"),
        description="Password of `software_jwks_trust`.",
        json_schema_extra=_like("`trust_keystore_password`"),
    )
    transport_keystore: FilePath | None = Field(
        default=None, description="PKCS#12 or JKS store shown to the directory in mutual TLS."
    )
    transport_keystore_password: Secret | None = Field(default=None, description="Password of `transport_keystore`.")
    transport_cert: FilePath | None = Field(
        default=None, description="PEM certificate in place of `transport_keystore`."
    )
    transport_key: FilePath | None = Field(default=None, description="PEM private key of `transport_cert`.")
    transport_key_password: Secret | None = Field(default=None, description="Password of an encrypted `transport_key`.")
    check_own_standing: Bool = Field(
        default=False, description="Ask for the bank's own standing too, before each TPP's."
    )
    outbound: Outbound | None = Field(
        default=None, description="Another way out than `[outbound]`, for this directory."
    )

    @property
    def has_standing(self) -> bool:
        """True when the directory can be asked about a TPP."""
        return self.tpp_url is not None


class CertificateSettings(Section):
    """What a TPP's certificate must be like, where markets differ."""

    any_purpose_is_enough: Bool = Field(default=False, description="Take anyExtendedKeyUsage in place of clientAuth.")
    key_usage_required: Bool = Field(default=False, description="Refuse a certificate without keyUsage.")
    common_name_max_length: Int = Field(default=64, ge=1, le=256, description="Longest common name taken.")
    seals_are_taken: Bool = Field(
        default=False, description="Take certificates that are qualified for seals or signatures, not for websites."
    )
    minimum_rsa_bits: Int = Field(default=2048, ge=2048, le=8192, description="Shortest RSA key taken.")


class MarketRevocationSettings(RevocationSettings):
    """The same for a TPP's certificate, and for what directories say of TPPs' keys."""

    key_sets: Bool = Field(
        default=True,
        description="Refuse keys that stand in the directory's revoked key sets; 503 while those cannot be had.",
    )


class ResourceServerSettings(Section):
    """An API of the bank that may ask what any token of the market is good for."""

    name: Name = Field(description="Its name in reports.")
    certificate: FilePath = Field(
        description="PEM certificate that it shows in mutual TLS: one of an issuer that the market trusts."
    )


class AuthorizationServerSettings(Section):
    """What the market's built-in authorization server offers."""

    grant_types: tuple[GrantType, ...] = Field(
        default=("client_credentials",),
        min_length=1,
        description="Grant types offered. With authorization_code people are asked, on `listeners.public`.",
    )
    pushed_requests: Literal["off", "optional", "required"] = Field(
        default="optional", description="Pushed authorization requests (RFC 9126)."
    )
    signed_requests: Literal["off", "optional", "required"] = Field(
        default="optional", description="Signed request objects (RFC 9101)."
    )
    pushed_lifetime_s: Int = Field(default=90, ge=5, le=600, description="Life of a request_uri, in seconds.")
    interaction_lifetime_s: Int = Field(
        default=600, ge=60, le=3600, description="How long a person may take to sign in and decide."
    )
    code_lifetime_s: Int = Field(default=60, ge=10, le=600, description="Life of an authorization code.")
    refresh_token_lifetime_s: Int = Field(
        default=7_776_000, ge=300, le=315_360_000, description="Life of a refresh token; rotation does not prolong it."
    )
    rotate_refresh_tokens: Bool = Field(
        default=False,
        description="Give a new refresh token at each use; a lost answer then costs the TPP its grant.",
    )
    id_token_lifetime_s: Int = Field(default=300, ge=30, le=3600, description="Life of an ID token.")
    jwt_audience: Text | None = Field(
        default=None,
        description="`aud` of JWT access tokens (RFC 9068).",
        json_schema_extra=_like("none: access tokens are opaque"),
    )
    default_detail_types: tuple[Text, ...] = Field(
        default=(), description="authorization_details_types of clients that register none."
    )
    resource_servers: tuple[ResourceServerSettings, ...] = Field(
        default=(), description="Who may introspect every token of the market."
    )


class MarketSettings(Section):
    """One place where TPPs register."""

    name: Name = Field(description="Its name in reports, audit and scripts.")
    base_url: BaseUrl = Field(description="Public URL under which TPPs reach it over mutual TLS, perhaps with a path.")
    issuer: Issuer = Field(
        default_factory=lambda known: known.get("base_url", ""),
        description="Issuer identifier of its authorization server (RFC 8414).",
        json_schema_extra=_like("`base_url`"),
    )
    profile: ProfilePlace = Field(
        description="Market profile: the rules of this market, such as obuk-3.2; or a TOML file with those of a market"
        " of your own."
    )
    directories: tuple[Name, ...] = Field(min_length=1, description="Directories whose statements it takes.")
    trust: tuple[FilePath, ...] = Field(
        min_length=1, description="Roots of TPPs' certificates: PEM, PKCS#12 or JKS files."
    )
    trust_password: Secret | None = Field(
        default=None, description="Password of the PKCS#12 files in `trust`, `qualified_trust` and `intermediates`."
    )
    qualified_trust: tuple[FilePath, ...] = Field(
        default=(),
        description="Roots of qualified trust service providers: PEM, PKCS#12 or JKS files. They vouch for QWACs "
        "alone; in `trust` they could issue what passes for a directory's certificate.",
    )
    intermediates: tuple[FilePath, ...] = Field(
        default=(), description="Intermediates that TPPs may leave out: PEM, PKCS#12 or JKS files."
    )
    certificates: CertificateSettings = Field(
        default_factory=CertificateSettings, description="What a TPP's certificate must be like."
    )
    revocation: MarketRevocationSettings | None = Field(
        default=None,
        description="Whether certificates were taken back by their issuers.",
        json_schema_extra=_like("not asked, with a warning"),
    )
    self_signed_url: BaseUrl | None = Field(
        default=None,
        description="Public URL of the market on `listeners.self_signed`; needed with self_signed_tls_client_auth.",
    )
    self_signed_certificates: tuple[FilePath, ...] = Field(
        default=(),
        description="PEM files of the self-signed certificates that are let in there, no CA's among them; each serves "
        "only the client whose key set holds it.",
    )
    client_auth_methods: tuple[AuthMethod, ...] = Field(
        default=("private_key_jwt", "tls_client_auth"),
        min_length=1,
        description="token_endpoint_auth_method values offered, best first.",
    )
    request_audiences: tuple[Text, ...] = Field(
        default_factory=lambda known: (known.get("issuer", ""),),
        min_length=1,
        description="What the `aud` of a registration request may name for us.",
        json_schema_extra=_like("`issuer`"),
    )
    access_token_lifetime_s: Int = Field(
        default=300, ge=30, le=3600, description="Life of an access token, in seconds."
    )
    leeway_s: Int = Field(default=10, ge=0, le=60, description="Clock difference forgiven in `iat`, `nbf` and `exp`.")
    dn_match: Literal["exact", "subset"] | None = Field(
        default=None,
        description="How a registered subject DN is compared with a certificate's.",
        json_schema_extra=_like("the profile's"),
    )
    policy: dict[str, Any] = Field(default={}, description="Members of the profile that this bank sets otherwise.")
    error_codes: Annotated[dict[str, WireCode], BeforeValidator(_flat)] = Field(
        default={}, description="Check id to the `error` answered in place of the check's own."
    )
    authorization_server: AuthorizationServerSettings = Field(
        default_factory=AuthorizationServerSettings, description="What its built-in authorization server offers."
    )
    explain_errors: Bool = Field(
        default=True, description="Answer with every failed check in `errors`, not only the first."
    )

    @property
    def self_signed_host(self) -> str:
        """The host name of `self_signed_url`."""
        return split_https(self.self_signed_url or "").hostname or ""


class ScriptingSettings(Section):
    """How the bank's scripts are run. By default each has processes of its own, which hold nothing but the script."""

    deadline_s: Seconds = Field(default=5, gt=0, le=60, description="Longest call of one script, waiting included.")
    load_s: Seconds = Field(default=10, gt=0, le=120, description="Longest loading: compiling and `init`.")
    cpu_s: Seconds = Field(default=4, gt=0, le=60, description="Processor time of one call in a worker.")
    memory_bytes: Int = Field(
        default=268_435_456, ge=16_777_216, description="Memory of a worker beyond what Python itself takes."
    )
    workers: Int = Field(default=1, ge=1, le=32, description="Workers kept for each script.")
    most_workers: Int = Field(default=4, ge=1, le=64, description="Workers that a script may have under load.")
    calls_per_worker: Int = Field(
        default=20_000, ge=1, description="Calls after which a worker is replaced by a fresh one."
    )
    http_hosts: tuple[HostPort, ...] = Field(
        default=(), description="Hosts (`host` or `host:port`) that scripts may ask by `context.http`."
    )
    manifests: tuple[FilePath, ...] = Field(
        default=(),
        description="TOML files with more `[[script]]` tables; relative paths in one start at its own folder.",
    )
    registry_secrets: tuple[Text, ...] = Field(
        default=(),
        description="Secret references that scripts of the registry may use, `*` for any text, such as `env:SCRIPT_*` "
        "and `file:/run/secrets/scripts/*`.",
    )
    registry_inline: Bool = Field(
        default=False, description="Whether scripts of the registry may run `inline`, with all that the gateway can do."
    )


class ScriptSettings(Section):
    """One interception script of the bank."""

    type: ScriptType = Field(description="What the script intercepts.")
    name: ScriptName = Field(description="Its name in reports and logs.")
    inum: ScriptInum | None = Field(
        default=None,
        description="What identifies it for good.",
        json_schema_extra=_like("made of type and name"),
    )
    description: Text | None = Field(default=None, description="What it is for.")
    file: FilePath = Field(
        description="The Python file. It is looked at each second: a change is tried on the cases that lie beside it, "
        "then serves without a restart."
    )
    enabled: Bool = Field(default=True, description="A script that is not enabled is not loaded.")
    level: Int = Field(default=1, description="Scripts run in descending level, then by name.")
    mode: Literal["worker", "inline"] = Field(
        default="worker",
        description="`worker`: in processes of its own; `inline`: in the gateway itself, for trusted and fast scripts.",
    )
    markets: tuple[Name, ...] = Field(default=(), description="Markets that it serves; none named means all.")
    properties: dict[str, Property] = Field(
        default={}, description="What the script reads from its configurationAttributes: text, or a secret reference."
    )


class DetailTypeSettings(Section):
    """One type of authorization_details (RFC 9396) without a script, or a schema to be asked before one.

    With `texts` the type is there by itself; without, only where a script of the type authz_detail serves it.
    """

    type: DetailTypeName = Field(description="The type, compared byte by byte; it may be a URI.")
    schema_file: FilePath = Field(alias="schema", description="JSON Schema (2020-12) that a detail must obey.")
    texts: dict[str, DetailText] = Field(
        default={},
        description="What the consent page says, by language; the first one is for everybody else. "
        "`{/instructedAmount/amount}` stands for a member.",
    )
    narrows: dict[DetailPointer, Literal["subset", "at_most"]] = Field(
        default={},
        description="Members, by JSON pointer, in which a token request may ask for less: `subset` of a list, "
        "`at_most` a number.",
    )
    markets: tuple[Name, ...] = Field(default=(), description="Markets that take it; none named means all.")


class Settings(Section):
    """The whole configuration."""

    environment: Literal["production", "sandbox"] = Field(
        default="production", description="A sandbox may use loopback addresses and literal secrets; it warns of them."
    )
    listeners: Listeners = Field(description="Where the gateway is reached.")
    admin: Admin | None = Field(default=None, description="Where clients are looked after.")
    limits: Limits = Field(default_factory=Limits, description="What one connection or request may take.")
    registry: RegistrySettings = Field(description="Where registrations are kept.")
    recording: RecordingSettings = Field(
        default_factory=RecordingSettings, description="Whether decisions are kept with their evidence."
    )
    fetch: Fetch = Field(default_factory=Fetch, description="Limits of every outgoing request.")
    outbound: Outbound = Field(default_factory=Outbound, description="How the gateway reaches the world.")
    keysets: KeySetSettings = Field(default_factory=KeySetSettings, description="Caching of key sets.")
    standing: StandingSettings = Field(default_factory=StandingSettings, description="Caching of the directory's word.")
    signing: SigningSettings = Field(default_factory=SigningSettings, description="Our own signature keys.")
    reload: ReloadSettings = Field(
        default_factory=ReloadSettings, description="How changes are taken while the gateway runs."
    )
    consent: ConsentSettings = Field(
        default_factory=ConsentSettings, description="The pages on which customers sign in and decide."
    )
    logging: LoggingSettings = Field(default_factory=LoggingSettings, description="The log, on standard error.")
    directories: tuple[DirectorySettings, ...] = Field(
        alias="directory", min_length=1, description="Trust frameworks whose statements are taken."
    )
    markets: tuple[MarketSettings, ...] = Field(alias="market", min_length=1, description="Places where TPPs register.")
    scripting: ScriptingSettings = Field(
        default_factory=ScriptingSettings, description="How the bank's scripts are run."
    )
    scripts: tuple[ScriptSettings, ...] = Field(
        default=(), alias="script", description="The bank's interception scripts."
    )
    detail_types: tuple[DetailTypeSettings, ...] = Field(
        default=(), alias="detail_type", description="Types of authorization_details that need no script."
    )

    _source: Path = PrivateAttr(Path())
    _warnings: tuple[ConfigFault, ...] = PrivateAttr(())

    @property
    def source(self) -> Path:
        """The file that the settings were read from."""
        return self._source

    @property
    def warnings(self) -> tuple[ConfigFault, ...]:
        """What is served although it should not stay so; the log of a start names each."""
        return self._warnings

    @property
    def record_path(self) -> Path:
        """Where the record is, if recording is on."""
        return self.recording.path or self.registry.path.with_name("record.sqlite")

    @property
    def is_sandbox(self) -> bool:
        """True where loopback addresses and literal secrets are taken."""
        return self.environment == "sandbox"

    def directory(self, name: str) -> DirectorySettings | None:
        """The directory of this name."""
        return next((each for each in self.directories if each.name == name), None)

    def outbound_of(self, directory: DirectorySettings) -> Outbound:
        """The way out to a directory: its own, or everybody's."""
        return directory.outbound or self.outbound


def secret_properties(properties: Mapping[str, SecretReference]) -> list[str]:
    """The names of properties that, by their name, hold a secret."""
    return [name for name in properties if any(word in name.lower() for word in ("passw", "passphrase", "secret"))]
