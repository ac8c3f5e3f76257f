"""A listener's TLS is tried in memory before it is served."""

from __future__ import annotations

import socket

import pytest

from dcrgw.adapters.keystores import KeyPair, install
from dcrgw.edge.tls import handshake_socket, rehearse, server_context
from dcrgw.errors import Misconfigured
from dcrgw.testkit.certificates import CertificateAuthority

ROOT = CertificateAuthority.create("Root")
SERVER = ROOT.issue_server("localhost")
PAIR = KeyPair(SERVER.key, SERVER.certificate, SERVER.chain)


@pytest.mark.parametrize("minimum", ["1.2", "1.3"])
@pytest.mark.parametrize("anchors", [None, [ROOT.certificate]])
def test_a_context_that_serves_passes(minimum: str, anchors: list | None) -> None:
    rehearse(server_context(lambda context: install(context, PAIR), client_anchors=anchors, minimum=minimum))


def test_a_context_without_a_certificate_is_refused() -> None:
    with pytest.raises(Misconfigured):
        rehearse(server_context(lambda context: None, client_anchors=None))


def test_no_alert_of_a_rehearsal_reaches_a_real_connection() -> None:
    """Who asks for a reload may have come over a connection whose handshake ran in the same context."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        token = handshake_socket.set(ours)
        try:
            rehearse(server_context(lambda context: install(context, PAIR), client_anchors=[ROOT.certificate]))
        finally:
            handshake_socket.reset(token)
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
