"""Methods by which clients authenticate and which an authorization server (AS) lacks: what becomes of such clients."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.members import TLS_SUBJECT_MEMBERS
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.client import UPSTREAM_SECRET
from dcrgw.core.upstream.server import Gap, UpstreamServer

#: Methods by which the gateway can show a secret of its own, best first.
BY_SECRET = ("client_secret_basic", "client_secret_post")
#: Members that say something beside these methods alone. A client's keys are none: they sign its request objects.
_OF_METHODS = {
    "token_endpoint_auth_signing_alg": frozenset({"private_key_jwt", "client_secret_jwt"}),
    **dict.fromkeys(TLS_SUBJECT_MEMBERS, frozenset({"tls_client_auth"})),
}


def bridge(server: UpstreamServer) -> str | None:
    """The method by which the gateway presents itself for bridged clients; None where it bridges none."""
    if server.gap is not Gap.BRIDGE:
        return None
    return next((method for method in BY_SECRET if server.has(method)), None)


def fault(method: str, server: UpstreamServer) -> str | None:
    """Why a client by this method cannot be registered with the AS; None where it can."""
    if server.has(method) or bridge(server) is not None:
        return None
    return f"token_endpoint_auth_method {method} is none that the authorization server of this market has"


def needs_bridge(method: str, server: UpstreamServer) -> bool:
    """Whether a client that registers by this method is shown to the AS by a secret of the gateway."""
    return not server.has(method) and bridge(server) is not None


def at_server(members: Mapping[str, JsonValue], server: UpstreamServer) -> dict[str, JsonValue]:
    """The members that the AS is to keep: a bridged client's method is the gateway's.

    What belongs to another method than the client has there is left out, since servers refuse it. A server that cannot
    bind tokens to certificates is not asked to: the gateway does it in front of it.
    """
    kept = dict(members)
    method = members.get("token_endpoint_auth_method")
    if isinstance(method, str) and needs_bridge(method, server):
        kept["token_endpoint_auth_method"] = method = bridge(server)
    kept = {name: value for name, value in kept.items() if method in _OF_METHODS.get(name, {method})}
    if not server.binds_tokens:
        kept.pop("tls_client_certificate_bound_access_tokens", None)
    return kept


def is_bridged(client: RegisteredClient) -> bool:
    """Whether the AS has the client by a secret of the gateway, whatever the settings say by now."""
    return UPSTREAM_SECRET in client.secrets
