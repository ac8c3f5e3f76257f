"""What the authorization server behind a market (AS) is asked to keep of a client."""

from __future__ import annotations

from collections.abc import Mapping

from dcrgw.core.checks import Findings, Judgement
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.members import TLS_SUBJECT_MEMBERS
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.strict_json import JsonValue
from dcrgw.core.upstream import gates
from dcrgw.core.upstream.client import UPSTREAM_SECRET, WantedClient
from dcrgw.core.upstream.server import Gap, UpstreamServer

#: By which a bridged client is the AS's, best first.
_BRIDGES = ("client_secret_basic", "client_secret_post")
#: What a server says of a client, and what proves it: never metadata, and refused by servers in an update
#: (RFC 7592 §2.2).
_SERVER_SAYS = frozenset(
    {
        "client_id",
        "client_secret",
        "client_id_issued_at",
        "client_secret_expires_at",
        "registration_access_token",
        "registration_client_uri",
    }
)
#: What belongs to the method that the gateway stands in for. The client's keys stay: they sign its request objects.
_OF_THE_METHOD = frozenset({*TLS_SUBJECT_MEMBERS, "token_endpoint_auth_signing_alg"})
#: RFC 7591 §2: what a client has that names no method.
_DEFAULT_METHOD = "client_secret_basic"


def is_bridged(metadata: ClientMetadata, server: UpstreamServer) -> bool:
    """Whether the gateway authenticates this client in the AS's place."""
    return not server.has(_method(metadata))


def want(client: RegisteredClient, server: UpstreamServer, key: str) -> Judgement[WantedClient]:
    """What to ask of the AS for this client, in its own words.

    A client whose method the AS lacks needs an `upstream_secret` among its secrets. Spec: RFC 7591 §2.
    """
    findings = Findings()
    bridged = is_bridged(client.metadata, server)
    bridge = next((method for method in _BRIDGES if server.has(method)), None)
    missing = bridged and (server.gap is Gap.REFUSE or bridge is None)
    findings.settle(gates.METHOD, "token_endpoint_auth_method is none of this bank's" if missing else None)
    members = {name: value for name, value in client.metadata.members.items() if name not in _SERVER_SAYS}
    secret = client.secrets.get("client_secret")
    if bridged and bridge is not None:
        members, secret = _bridged(members, bridge), client.secrets.get(UPSTREAM_SECRET)
    return findings.judgement(WantedClient(key, client.client_id, members, secret))


def _bridged(members: Mapping[str, JsonValue], method: str) -> dict[str, JsonValue]:
    kept = {name: value for name, value in members.items() if name not in _OF_THE_METHOD}
    return {**kept, "token_endpoint_auth_method": method}


def _method(metadata: ClientMetadata) -> str:
    return metadata.text("token_endpoint_auth_method") or _DEFAULT_METHOD
