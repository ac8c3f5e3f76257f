"""The trust frameworks whose statements are taken."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dcrgw.config.sections.base import Bool, Section, Text, like
from dcrgw.config.sections.outgoing import Outbound
from dcrgw.config.values import FilePath, HsmKey, HttpsUrl, KeyHost, Name, Secret, TrustPlace, Words


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
        json_schema_extra=like("the common name of the transport certificate"),
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
        json_schema_extra=like("`token_url`"),
    )
    trust_keystore: TrustPlace = Field(
        default=None,
        description="Roots that vouch for the directory's servers: PKCS#12, JKS or PEM, or `system`.",
        json_schema_extra=like("`system`"),
    )
    trust_keystore_password: Secret | None = Field(default=None, description="Password of `trust_keystore`.")
    software_jwks_trust: TrustPlace = Field(
        default_factory=lambda known: known.get("trust_keystore"),
        description="Roots that vouch for the hosts of software key sets: PKCS#12, JKS or PEM, or `system`.",
        json_schema_extra=like("`trust_keystore`"),
    )
    software_jwks_trust_password: Secret | None = Field(
        default_factory=lambda known: known.get("trust_keystore_password"),
        description="Password of `software_jwks_trust`.",
        json_schema_extra=like("`trust_keystore_password`"),
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
