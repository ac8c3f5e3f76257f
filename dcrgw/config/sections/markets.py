"""The places where TPPs register."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from dcrgw.config.sections.base import AuthMethod, Bool, Int, Section, Text, like
from dcrgw.config.sections.revocation import MarketRevocationSettings
from dcrgw.config.sections.upstream import UpstreamSettings
from dcrgw.config.values import BaseUrl, FilePath, Issuer, Name, ProfilePlace, Secret, split_https

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


def _flat(value: Any, prefix: str = "") -> Any:
    """Check ids have dots: unquoted in TOML they become nested tables. Both spellings mean the same."""
    if not isinstance(value, dict):
        return value
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        flat |= _flat(inner, f"{prefix}{name}.") if isinstance(inner, dict) else {f"{prefix}{name}": inner}
    return flat


class CertificateSettings(Section):
    """What a TPP's certificate must be like, where markets differ."""

    any_purpose_is_enough: Bool = Field(default=False, description="Take anyExtendedKeyUsage in place of clientAuth.")
    key_usage_required: Bool = Field(default=False, description="Refuse a certificate without keyUsage.")
    common_name_max_length: Int = Field(default=64, ge=1, le=256, description="Longest common name taken.")
    seals_are_taken: Bool = Field(
        default=False, description="Take certificates that are qualified for seals or signatures, not for websites."
    )
    minimum_rsa_bits: Int = Field(default=2048, ge=2048, le=8192, description="Shortest RSA key taken.")


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
        json_schema_extra=like("none: access tokens are opaque"),
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
        json_schema_extra=like("`base_url`"),
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
        json_schema_extra=like("not asked, with a warning"),
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
        json_schema_extra=like("`issuer`"),
    )
    access_token_lifetime_s: Int = Field(
        default=300, ge=30, le=3600, description="Life of an access token, in seconds."
    )
    leeway_s: Int = Field(default=10, ge=0, le=60, description="Clock difference forgiven in `iat`, `nbf` and `exp`.")
    dn_match: Literal["exact", "subset"] | None = Field(
        default=None,
        description="How a registered subject DN is compared with a certificate's.",
        json_schema_extra=like("the profile's"),
    )
    policy: dict[str, Any] = Field(default={}, description="Members of the profile that this bank sets otherwise.")
    error_codes: Annotated[dict[str, WireCode], BeforeValidator(_flat)] = Field(
        default={}, description="Check id to the `error` answered in place of the check's own."
    )
    authorization_server: AuthorizationServerSettings = Field(
        default_factory=AuthorizationServerSettings, description="What its built-in authorization server offers."
    )
    upstream: UpstreamSettings | None = Field(
        default=None,
        description="Its own authorization server, behind the gateway.",
        json_schema_extra=like("the built-in one"),
    )
    explain_errors: Bool = Field(
        default=True, description="Answer with every failed check in `errors`, not only the first."
    )

    @property
    def self_signed_host(self) -> str:
        """The host name of `self_signed_url`."""
        return split_https(self.self_signed_url or "").hostname or ""
