"""Methods by which clients authenticate and which an authorization server (AS) lacks: what becomes of such clients."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.members import TLS_SUBJECT_MEMBERS
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream.client import UPSTREAM_SECRET
from dcrgw.core.upstream.server import Gap, UpstreamServer

#: Methods by which the gateway can show a secret of its own, best first.
_BY_SECRET = ("client_secret_basic", "client_secret_post")
#: What belongs to a method that the gateway stands in for. The client's keys stay: they sign its request objects.
_OF_THE_METHOD = frozenset({*TLS_SUBJECT_MEMBERS, "token_endpoint_auth_signing_alg"})


def bridge(server: UpstreamServer) -> str | None:
    """The method by which the gateway presents itself for bridged clients; None where it bridges none."""
    if server.gap is not Gap.BRIDGE:
        return None
    return next((method for method in _BY_SECRET if server.has(method)), None)


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

    A server that cannot bind tokens to certificates is not asked to: the gateway does it in front of it.
    """
    method = members.get("token_endpoint_auth_method")
    kept = dict(members)
    if isinstance(method, str) and needs_bridge(method, server):
        kept = {name: value for name, value in members.items() if name not in _OF_THE_METHOD}
        kept["token_endpoint_auth_method"] = bridge(server)
    if not server.binds_tokens:
        kept.pop("tls_client_certificate_bound_access_tokens", None)
    return kept


def is_bridged(client: RegisteredClient) -> bool:
    """Whether the AS has the client by a secret of the gateway, whatever the settings say by now."""
    return UPSTREAM_SECRET in client.secrets
