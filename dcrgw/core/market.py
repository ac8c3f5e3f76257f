"""A market: one place where TPPs register, with its profile, directories and trust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrgw.core.authorization.server import AuthorizationServer
from dcrgw.core.certificates.leaf import LeafPolicy
from dcrgw.core.certificates.path import TrustAnchors
from dcrgw.core.certificates.revocation import RevocationPolicy
from dcrgw.core.registration.profile import Profile
from dcrgw.core.upstream.server import UpstreamServer

#: Among hosts: wherever a signed statement says, for frameworks whose TPPs host their own keys; but never a private
#: address.
ANY_HOST = "*"


@dataclass(frozen=True, slots=True)
class Directory:
    """A trust framework whose statements a market takes.

    `issuers` are the exact `iss` values; `software_jwks_hosts` the lower-case `host:port` pairs that may serve
    a software's key set, so that a signed statement still cannot point us anywhere it likes.
    """

    name: str
    issuers: frozenset[str]
    software_jwks_hosts: frozenset[str]
    #: False when the directory has no standing endpoint configured.
    has_standing: bool
    check_own_standing: bool = False
    #: The bank's script gives the keys that prove statements and requests, not the directory's endpoint.
    keys_by_script: bool = False
    #: Where the directory publishes those of its own keys that it took back; None where nobody told us.
    revoked_keys_url: str | None = None

    def may_publish(self, host_and_port: str) -> bool:
        """Whether the key set of a software may lie on this `host:port`; `*` among the hosts is any."""
        return host_and_port in self.software_jwks_hosts or ANY_HOST in self.software_jwks_hosts


@dataclass(frozen=True, slots=True)
class Market:
    """Chosen by host and path prefix before a body is read. `base_url` has no trailing slash."""

    name: str
    base_url: str
    issuer: str
    profile: Profile
    directories: Mapping[str, Directory]
    anchors: TrustAnchors
    #: token_endpoint_auth_method values offered, in order of preference.
    auth_methods: tuple[str, ...]
    #: What a request's `aud` may name for us.
    request_audiences: frozenset[str]
    #: Refuse redirect URIs on loopback and `localhost` (every market but a sandbox's).
    refuse_loopback_redirects: bool
    leeway_s: int
    #: A named bank policy per check id: the wire code to answer with instead of the check's own.
    error_codes: Mapping[str, str]
    #: Life of an access token, seconds.
    access_token_lifetime_s: int = 300
    #: Answer with `errors` (every failing check) beside error and error_description.
    explain_errors: bool = True
    leaf: LeafPolicy = field(default_factory=LeafPolicy)
    revocation: RevocationPolicy = field(default_factory=RevocationPolicy)
    #: On the listener of self-signed certificates alone: those that the bank lodged (DER). None everywhere else.
    self_signed: frozenset[bytes] | None = None
    #: What the built-in authorization server offers here.
    server: AuthorizationServer = field(default_factory=AuthorizationServer)
    #: The authorization server that stands behind the gateway in its place; None where there is none.
    upstream: UpstreamServer | None = None

    def directory_of(self, issuer: str) -> Directory | None:
        """The directory whose statements carry this exact `iss`."""
        for directory in self.directories.values():
            if issuer in directory.issuers:
                return directory
        return None
