"""The published keys of a registered client: what proves its assertions and its request objects."""

from __future__ import annotations

from dcrgw.core.authorization.client_authentication import registered_keys
from dcrgw.core.checks import Findings, Gate, Judgement
from dcrgw.core.jose.keys import KeySet
from dcrgw.core.registration.client import RegisteredClient
from dcrgw.errors import Rejected
from dcrgw.ports.keysets import KeySets


async def published_keys(client: RegisteredClient, kid: str, keysets: KeySets, entry: Gate) -> Judgement[KeySet]:
    """The keys that a client registered, by value or where its statement names them; `entry` says what failed.

    Raises: Unavailable.
    """
    if "jwks" in client.metadata.members:
        return registered_keys(client, entry)
    findings = Findings()
    url = client.metadata.text("jwks_uri")
    if url is None or client.directory is None:
        # Without a directory there is no list of hosts that may be asked; registration refuses such clients.
        findings.add(entry.failed("the client has no key set that may be read"))
        return findings.judgement()
    try:
        keys = await keysets.of_software(client.directory, url, kid)
    except Rejected as refused:
        findings.add(entry.failed("the client's key set may not be read", str(refused)))
        return findings.judgement()
    findings.add(entry.passed)
    return findings.judgement(keys)
