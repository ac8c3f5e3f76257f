"""What the authorization server behind a market (AS) is asked to keep of a client."""

from __future__ import annotations

from dcrgw.core.checks import Findings, Judgement
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.core.registration.metadata import ClientMetadata
from dcrgw.core.upstream import gaps, gates
from dcrgw.core.upstream.client import UPSTREAM_SECRET, WantedClient
from dcrgw.core.upstream.server import UpstreamServer

#: What a server says of a client, and what proves it: never metadata, and refused by servers in an update
#: (RFC 7592 §2.2).
NOT_METADATA = frozenset(
    {
        "client_id",
        "client_secret",
        "client_id_issued_at",
        "client_secret_expires_at",
        "registration_access_token",
        "registration_client_uri",
    }
)
#: RFC 7591 §2: what a client has that names no method.
_DEFAULT_METHOD = "client_secret_basic"


def is_bridged(metadata: ClientMetadata, server: UpstreamServer) -> bool:
    """Whether the gateway authenticates this client in the AS's place."""
    return gaps.needs_bridge(_method(metadata), server)


def want(client: RegisteredClient, server: UpstreamServer, key: str) -> Judgement[WantedClient]:
    """What to ask of the AS for this client, in its own words.

    A client whose method the AS lacks needs an `upstream_secret` among its secrets. Spec: RFC 7591 §2.
    """
    findings = Findings()
    findings.settle(gates.METHOD, gaps.fault(_method(client.metadata), server))
    members = {name: value for name, value in client.metadata.members.items() if name not in NOT_METADATA}
    if server.gets_statement and client.software_statement is not None:
        members["software_statement"] = client.software_statement
    secret = client.secrets.get(UPSTREAM_SECRET if is_bridged(client.metadata, server) else "client_secret")
    return findings.judgement(WantedClient(key, client.client_id, gaps.at_server(members, server), secret))


def _method(metadata: ClientMetadata) -> str:
    return metadata.text("token_endpoint_auth_method") or _DEFAULT_METHOD
