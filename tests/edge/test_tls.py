"""Client certificates at the handshake (threats.md lines 84-92), each with the reason that the log gets."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from dcrgw.edge.answers import json_answer
from dcrgw.edge.limits import Limits
from dcrgw.edge.peer import peer_chain
from dcrgw.edge.tls import server_context
from dcrgw.errors import Misconfigured
from dcrgw.testkit.certificates import CertificateAuthority, Issued, resigned

DAY = 86400


@cache
def root() -> CertificateAuthority:
    return CertificateAuthority.create("Test Root")


@cache
def server() -> Issued:
    return CertificateAuthority.create("Server Root").issue_server("localhost", "127.0.0.1")


@dataclass
class Files:
    """Writes pairs for `load_cert_chain`, which reads files only."""

    directory: Path

    def load(self, context: ssl.SSLContext, issued: Issued, chain: bytes | None = None) -> None:
        path = self.directory / f"{id(issued)}.pem"
        path.write_bytes(issued.key_pem + (issued.chain_pem if chain is None else chain))
        context.load_cert_chain(path)

    def server(self, *anchors: x509.Certificate, **more: Any) -> ssl.SSLContext:
        return server_context(lambda context: self.load(context, server()), client_anchors=anchors or None, **more)

    def client(self, issued: Issued | None = None, chain: bytes | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if issued is not None:
            # The tests' clients may hold what no decent client would.
            context.set_ciphers("ALL:@SECLEVEL=0")
            self.load(context, issued, chain)
        return context


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


async def chain_told(request, exchange):
    return json_answer(200, {"chain": [der.hex() for der in peer_chain(request)]}, exchange)


async def refused(edge: Any, context: ssl.SSLContext) -> str:
    """Connects, and gives the reason that was logged. In TLS 1.3 the client learns of it at its first read."""
    alert, served = "", len(edge.events.named("request"))
    try:
        client = await edge.connect(context)
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await client.reader.read() == b""
    except ssl.SSLError as error:
        alert = error.reason or ""
    except ConnectionError:
        pass
    fields = await edge.events.first("handshake_refused")
    assert fields["peer"] == "127.0.0.1"
    assert len(edge.events.named("request")) == served
    fields["alert"] = alert
    return fields["reason"]


def wrong_key() -> Issued:
    impostor = CertificateAuthority.create("Test Root")
    return impostor.issue(software_id="s1", org_id="o1")


def self_signed() -> Issued:
    authority = CertificateAuthority.create("Self")
    return Issued(authority.certificate, authority.key)


def dns_constrained() -> Issued:
    constraints = x509.NameConstraints([x509.DNSName("allowed.example")], None)
    below = root().intermediate("Constrained", extensions=((constraints, True),))
    return below.issue(software_id="s1", org_id="o1", san_dns=("evil.example",))


def dn_constrained() -> Issued:
    elsewhere = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "FR")])
    constraints = x509.NameConstraints([x509.DirectoryName(elsewhere)], None)
    return root().intermediate("Constrained", extensions=((constraints, True),)).issue(software_id="s1", org_id="o1")


def too_long() -> Issued:
    return root().intermediate("Short", path_length=0).intermediate("Extra").issue(software_id="s1", org_id="o1")


def version_1_intermediate() -> Issued:
    below = root().intermediate("Old")
    old = resigned(Issued(below.certificate, below.key), root(), version_1=True)
    issued = below.issue(software_id="s1", org_id="o1")
    return Issued(issued.certificate, issued.key, (old.certificate,))


def issue(**more: Any) -> Issued:
    return root().issue(software_id="s1", org_id="o1", **more)


now = datetime.datetime.now(datetime.UTC).timestamp

REFUSED = {
    "expired": (lambda: issue(not_before=now() - 3 * DAY, not_after=now() - DAY), "certificate has expired"),
    "not yet valid": (
        lambda: issue(not_before=now() + DAY, not_after=now() + 2 * DAY),
        "certificate is not yet valid",
    ),
    "for servers only": (lambda: issue(eku=("serverAuth",)), "unsuitable certificate purpose"),
    "key usage without signature": (lambda: issue(key_usage=("key_encipherment",)), "unsuitable certificate purpose"),
    "right name, other key": (wrong_key, "unable to get local issuer certificate|signature failure|local issuer"),
    "self signed": (self_signed, "self-signed certificate"),
    "unknown authority": (
        lambda: CertificateAuthority.create("Nobody").issue(software_id="s1", org_id="o1"),
        "unable to get local issuer certificate",
    ),
    "dns constraint": (dns_constrained, "permitted subtree violation"),
    "dn constraint": (dn_constrained, "permitted subtree violation"),
    "path too long": (too_long, "path length constraint exceeded"),
    "intermediate that is no authority": (
        lambda: root().intermediate("Not", ca=False).issue(software_id="s1", org_id="o1"),
        "invalid CA certificate",
    ),
    "version 1 intermediate": (version_1_intermediate, "invalid CA certificate|unable to get"),
    "rsa 1024": (lambda: issue(key_type="rsa1024"), "EE certificate key too weak|key too small"),
    "p192": (lambda: issue(key_type="p192"), "peer did not return a certificate"),
    "weak authority": (
        lambda: root().intermediate("Weak", key_type="rsa1024").issue(software_id="s1", org_id="o1"),
        "CA certificate key too weak",
    ),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
async def test_bad_client_certificate_is_refused_with_its_reason(edge, files, make, reason):
    await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    logged = await refused(edge, files.client(make()))
    assert any(part in logged for part in reason.split("|")), logged


async def test_missing_client_certificate_is_refused(edge, files):
    await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    assert await refused(edge, files.client()) == "peer did not return a certificate"


async def test_missing_intermediate_is_refused(edge, files):
    issued = root().intermediate("Issuer").issue(software_id="s1", org_id="o1")
    await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    logged = await refused(edge, files.client(issued, issued.certificate_pem))
    assert logged == "unable to get local issuer certificate"


async def test_refused_client_is_told_by_an_alert(edge, files):
    await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    await refused(edge, files.client(issue(not_before=now() - 3 * DAY, not_after=now() - DAY)))
    assert "EXPIRED" in edge.events.named("handshake_refused")[0]["alert"]


async def test_version_below_the_minimum_is_refused(edge, files):
    await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    old = files.client(issue())
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert await refused(edge, old) == "unsupported protocol"


@pytest.mark.parametrize("cipher", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "AES256-GCM-SHA384"])
async def test_old_cipher_is_refused_where_1_2_is_allowed(edge, files, cipher):
    await edge.listen(chain_told, ssl_context=files.server(root().certificate, minimum="1.2"))
    old = files.client(issue())
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers(cipher)
    assert await refused(edge, old) == "no shared cipher"


async def test_plain_http_on_a_tls_port_is_refused(edge, files):
    await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    client = await edge.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await edge.events.first("handshake_refused"))["reason"] == "http request"


async def test_garbage_and_leaving_are_refused_quietly(edge, files):
    await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    (await edge.connect()).send(b"\x00" * 100)
    assert (await edge.events.first("handshake_refused"))["reason"]
    (await edge.connect()).writer.transport.abort()
    await edge.events.until(lambda: len(edge.events.named("handshake_refused")) == 2)


async def test_handshake_that_never_comes_is_ended(edge, files):
    limits = Limits(handshake_s=0.2)
    await edge.listen(chain_told, ssl_context=files.server(root().certificate), limits=limits)
    client = await edge.connect()
    assert (await edge.events.first("handshake_refused"))["reason"] == "handshake timeout"
    assert await client.closed()


GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("minimum", ["1.3", "1.2"])
async def test_good_client_shows_its_chain_leaf_first(edge, files, minimum):
    issued = root().intermediate("Issuer").issue(software_id="s1", org_id="o1")
    await edge.listen(chain_told, ssl_context=files.server(root().certificate, minimum=minimum))
    context = files.client(issued)
    if minimum == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    client = await edge.connect(context)
    expected = [der.hex() for der in issued.chain_der]
    assert (await client.ask(GET)).json["chain"] == expected
    assert (await client.ask(GET)).json["chain"] == expected
    assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() is None


async def test_stray_certificates_come_after_the_leaf(edge, files):
    issued, stray = issue(), CertificateAuthority.create("Stray")
    await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    client = await edge.connect(files.client(issued, issued.certificate_pem + stray.certificate_pem))
    assert (await client.ask(GET)).json["chain"][0] == issued.der.hex()


async def test_leaf_that_openssl_cannot_put_into_words_reaches_the_judgement(edge, files):
    # A DNS name of no character set: asyncio asks for the parsed form of every leaf, and that would fail.
    name = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, bytes.fromhex("30048202fffe"))
    issued = issue(extensions=[(name, False)])
    await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    client = await edge.connect(files.client(issued))
    assert (await client.ask(GET)).json["chain"] == [issued.der.hex()]


async def test_listener_without_anchors_asks_for_no_certificate(edge, files):
    await edge.listen(chain_told, ssl_context=files.server())
    client = await edge.connect(files.client(issue()))
    assert (await client.ask(GET)).json["chain"] == []


async def test_session_is_never_resumed(edge, files):
    await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    context = files.client(issue())
    first = await edge.connect(context)
    await first.ask(GET)
    tls = first.writer.get_extra_info("ssl_object")
    assert not tls.session.has_ticket
    assert not tls.session_reused


async def test_alpn_is_http_1_1(edge, files):
    await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    context = files.client(issue())
    context.set_alpn_protocols(["h2", "http/1.1"])
    client = await edge.connect(context)
    assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"


async def test_compression_and_renegotiation_are_off(files):
    context = files.server(root().certificate)
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.num_tickets == 0


def test_empty_trust_store_is_a_misconfiguration(files):
    with pytest.raises(Misconfigured):
        server_context(lambda context: files.load(context, server()), client_anchors=())


@pytest.mark.parametrize("wanted", ["no key usage limits", "authority as leaf"])
async def test_what_openssl_lets_in_is_left_to_the_judgement(edge, files, wanted):
    # OpenSSL admits these; core.certificates refuses them at each request.
    issued = issue(eku=()) if wanted == "no key usage limits" else issue(ca=True)
    await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    client = await edge.connect(files.client(issued))
    assert (await client.ask(GET)).json["chain"] == [issued.der.hex()]


async def test_drain_closes_an_idle_tls_connection(edge, files):
    listener = await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    client = await edge.connect(files.client(issue()))
    assert (await client.ask(GET)).status == 200
    assert await listener.drain(20)
    assert await client.closed()


async def test_tls_client_that_never_says_goodbye_is_cut_at_close(edge, files):
    listener = await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    client = await edge.connect(files.client(issue()))
    assert (await client.ask(GET)).status == 200
    client.writer.transport.pause_reading()
    await listener.close()
    assert listener.connections == 0


async def test_new_context_serves_new_connections(edge, files):
    """A new trust generation: connections of the old one live on, and are judged again at each request."""
    other = CertificateAuthority.create("Other Root")
    listener = await edge.listen(chain_told, ssl_context=files.server(root().certificate))
    old = await edge.connect(files.client(issue()))
    assert (await old.ask(GET)).status == 200
    listener.ssl_context = files.server(other.certificate)
    new = await edge.connect(files.client(other.issue(software_id="s1", org_id="o1")))
    assert (await new.ask(GET)).status == 200
    assert (await old.ask(GET)).status == 200
    assert await refused(edge, files.client(issue())) == "unable to get local issuer certificate"
