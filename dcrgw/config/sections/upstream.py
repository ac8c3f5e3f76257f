"""The authorization server (AS) that stands behind a market in place of the built-in one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict

from dcrgw.config.sections.base import AuthMethod, Int, Seconds, Section, Text, like
from dcrgw.config.values import BaseUrl, FilePath, HttpsUrl, Secret, TrustPlace

HeaderName = Annotated[str, Strict(), Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
#: Below `url`, without anything that two servers could read in two ways.
EndpointPath = Annotated[
    str, Strict(), Field(pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*|/\.[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$")
]
EndpointName = Literal[
    "authorization_endpoint",
    "end_session_endpoint",
    "introspection_endpoint",
    "jwks_uri",
    "pushed_authorization_request_endpoint",
    "registration_endpoint",
    "revocation_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
]


class UpstreamSettings(Section):
    """A market's own authorization server: it gets the registrations that the gateway takes, and what TPPs ask of
    it after the gateway's judgement. It must be configured with the market's `issuer` as its own."""

    kind: Literal["rfc7592", "oidc-provider", "keycloak", "hydra"] = Field(
        description="How it takes registrations: `rfc7592` for any server of RFC 7591 and 7592."
    )
    url: BaseUrl = Field(
        description="Where the gateway reaches it: what stands for the market's issuer there, perhaps with a path. For"
        " keycloak it ends in `/realms/` and the realm's name."
    )
    endpoints: dict[EndpointName, EndpointPath] = Field(
        default_factory=dict,
        description="Paths below `url` of endpoints for which its discovery document names a place that is not its own:"
        ' `{ token_endpoint = "/oauth2/token" }`.',
    )
    admin_url: BaseUrl | None = Field(
        default=None,
        description="Its administration: Hydra's admin port, or Keycloak's server before `/realms`.",
        json_schema_extra=like("`url` up to `/realms` (keycloak); needed for hydra"),
    )
    registration_token: Secret | None = Field(
        default=None, description="Initial access token (RFC 7591 §3) that it wants for a registration."
    )
    admin_client_id: Text | None = Field(
        default=None,
        description="The gateway's own client in Keycloak's realm, with a service account that may `manage-clients`.",
    )
    admin_client_secret: Secret | None = Field(
        default=None,
        description="Secret of `admin_client_id`; without one the transport certificate speaks for the gateway.",
    )
    client_id_header: HeaderName | None = Field(
        default=None,
        description="Header by which the gateway names the client_id that a new client shall have.",
        json_schema_extra=like("`x-dcrgw-client-id` for oidc-provider; else the server chooses"),
    )
    trust_keystore: TrustPlace = Field(
        default=None,
        description="Roots that vouch for it: PKCS#12, JKS or PEM, or `system`.",
        json_schema_extra=like("`system`"),
    )
    trust_keystore_password: Secret | None = Field(default=None, description="Password of `trust_keystore`.")
    transport_keystore: FilePath | None = Field(
        default=None, description="PKCS#12 or JKS store shown to it in mutual TLS."
    )
    transport_keystore_password: Secret | None = Field(default=None, description="Password of `transport_keystore`.")
    transport_cert: FilePath | None = Field(
        default=None, description="PEM certificate in place of `transport_keystore`."
    )
    transport_key: FilePath | None = Field(default=None, description="PEM private key of `transport_cert`.")
    transport_key_password: Secret | None = Field(default=None, description="Password of an encrypted `transport_key`.")
    proof_header: HeaderName | None = Field(
        default=None, description="Header that proves the gateway to a server that asks for no certificate."
    )
    proof: Secret | None = Field(default=None, description="What stands in `proof_header`.")
    certificate_form: Literal["rfc9440", "nginx", "haproxy", "none"] | None = Field(
        default=None,
        description="How the TPP's certificate is passed on: `rfc9440` (Client-Cert), `nginx` (URL-encoded PEM),"
        " `haproxy` (base64 of DER), or not at all. Needs mutual TLS or a `proof`.",
        json_schema_extra=like("`none` for hydra, else `rfc9440`"),
    )
    certificate_header: HeaderName | None = Field(
        default=None,
        description="Name of that header.",
        json_schema_extra=like("`Client-Cert`, `X-SSL-Client-Cert`, by its form"),
    )
    auth_methods: tuple[AuthMethod, ...] = Field(
        default=(),
        description="token_endpoint_auth_method values that it has itself.",
        json_schema_extra=like("what its discovery document says, but never more than its kind is known to have"),
    )
    gap: Literal["refuse", "bridge"] = Field(
        default="refuse",
        description="What becomes of a client by another method that the market offers: refused at registration, or"
        " authenticated by the gateway, which shows the server a secret of its own.",
    )
    added_scopes: tuple[Text, ...] = Field(
        default=(),
        description="Scopes that it adds by itself to tokens, such as Keycloak's `profile` and `email`; any other scope"
        " that a client did not register is no token's.",
    )
    send_statement: bool | None = Field(
        default=None,
        description="Whether a registration goes on with its `software_statement`, for a server that shows customers"
        " the names in it. One that proves statements itself must trust the directory, too.",
        json_schema_extra=like("true for oidc-provider, else false"),
    )
    pages: tuple[Annotated[str, Strict(), Field(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*(/\*)?$")], ...] = Field(
        default=(),
        description="Paths below the issuer whose pages are passed on to browsers; `/*` at the end for all below.",
    )
    page_redirects: tuple[HttpsUrl, ...] = Field(
        default=(),
        description="Origins of the bank's own that those pages may send browsers to, such as its online banking;"
        " clients' redirect URIs need not be named.",
    )
    management_tokens: Literal["introspection", "jwks"] = Field(
        default="introspection",
        description="Who says what its access tokens are good for, where registrations are managed by one: asked of it"
        " (RFC 7662), or proven by its keys (RFC 9068).",
    )
    introspection_client_id: Text | None = Field(
        default=None, description="The gateway's own client there, for introspection."
    )
    introspection_client_secret: Secret | None = Field(default=None, description="Secret of `introspection_client_id`.")
    token_audience: Text | None = Field(
        default=None,
        description="`aud` that its tokens must name where `management_tokens` is `jwks`.",
        json_schema_extra=like("the market's `issuer`"),
    )
    token_cache_s: Seconds = Field(default=5, ge=0, le=60, description="How long its word on a token is used again.")
    total_s: Seconds = Field(default=10, gt=0, le=120, description="Longest wait for a whole answer.")
    page_idle_s: Seconds = Field(default=30, gt=0, le=600, description="Longest silence in a page that is passed on.")
    connections: Int = Field(default=100, ge=1, le=10_000, description="Connections held open to it.")
    max_bytes: Int = Field(default=262_144, ge=4096, le=16_777_216, description="Largest answer taken that is judged.")
    retry_s: Seconds = Field(
        default=2, gt=0, le=3600, description="Pause before it is told again what it did not answer; doubles each time."
    )
    alarm_s: Int = Field(
        default=900, ge=1, le=31_536_000, description="When what it was not told yet becomes a warning of /readyz."
    )
    may_drop: tuple[Annotated[str, Strict(), Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")], ...] = Field(
        default=(),
        description="Members that it may leave out of a client although security rests on them"
        " (`tls_client_certificate_bound_access_tokens`, say): the bank answers for that. Any other that it leaves out"
        " refuses the registration.",
    )
    give_up_s: Int = Field(
        default=86_400, ge=60, le=31_536_000, description="When a registration that it never confirmed is undone."
    )

    @property
    def form(self) -> str | None:
        """The form in which a TPP's certificate is passed on; None where it is not."""
        chosen = self.certificate_form or ("none" if self.kind == "hydra" else "rfc9440")
        return None if chosen == "none" else chosen

    @property
    def paths(self) -> dict[str, str]:
        """`endpoints`, by plain names."""
        return {str(name): path for name, path in self.endpoints.items()}

    @property
    def header_of_ids(self) -> str | None:
        """The header that names a new client's id to the server; None where it is not told by one."""
        return self.client_id_header or ("x-dcrgw-client-id" if self.kind == "oidc-provider" else None)

    @property
    def admin(self) -> str | None:
        """Where its administration is, without what all kinds have in common; None where there is none."""
        if self.kind == "keycloak":
            return self.admin_url or self.url.partition("/realms/")[0]
        return self.admin_url

    @property
    def realm(self) -> str:
        """The name of Keycloak's realm."""
        return self.url.rpartition("/realms/")[2]
