"""Where the gateway is reached, by TPPs, proxies, probes and administrators."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict

from dcrgw.config.sections.base import Int, Port, Seconds, Section, Text, like
from dcrgw.config.sections.revocation import RevocationSettings
from dcrgw.config.values import AllowedNetwork, FilePath, LocalName, LocalUser, Secret


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
        json_schema_extra=like("what the proxy's manual calls it"),
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
        json_schema_extra=like("not asked"),
    )


class Admin(Section):
    """Where clients are looked after: `dcrgw clients`. The gateway's own user and root may do all."""

    socket: FilePath | None = Field(
        default=None, description="Socket file, for users of this machine; owner and group may open it."
    )
    group: LocalName | None = Field(
        default=None,
        description="Group that may open the socket: a name or gid.",
        json_schema_extra=like("the gateway's own group"),
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
    connections_per_ip: Int = Field(
        default=100,
        ge=1,
        description="Connections that one address may hold open; a third of them may ask for pages"
        " of a bank's own server.",
    )
