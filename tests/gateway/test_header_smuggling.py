"""Headers that pretend to be a proxy's: sent through real proxies, and over a proxy's own connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio
from test_behind_proxy import PROXIES, header_of, proxy_certificate, put, serve
from town import Town
from wire import client_tls, request, wire

from dcrgw.testkit.certificates import CertificateAuthority

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "X-SSL-Client-Cert"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alone(town: Town) -> tuple[Path, Path]:
    """The gateway behind nginx's form; the certificate of a proxy that connects to it."""
    await serve(town, "nginx")
    return put(town, "smuggler", proxy_certificate())


async def heard(town: Town, pair: tuple[Path, Path], *headers: tuple[str, str], body: bytes | None = None) -> list[str]:
    """The failing checks of a request with exactly these headers, over a proxy's connection."""
    sent = request(
        town,
        await town.body() if body is None else body,
        headers=(("Content-Type", "application/jose"), *headers),
    )
    async with wire(town, "proxied", pair=pair) as connection:
        answer = await connection.ask(sent)
    return answer.checks


async def test_one_header_speaks_whatever_the_case_of_its_name(town: Town, alone: tuple[Path, Path]) -> None:
    for name in (NAME, NAME.lower(), NAME.upper()):
        assert await heard(town, alone, (name, header_of(town))) == []


async def test_header_that_comes_twice_speaks_for_nobody(town: Town, alone: tuple[Path, Path]) -> None:
    value = header_of(town)
    for first, second in ((value, value), (value, ""), ("", value)):
        for name in (NAME, NAME.lower()):
            assert await heard(town, alone, (NAME, first), (name, second)) == ["proxy.header"]


@pytest.mark.parametrize(
    "name", ["X_SSL_Client_Cert", "X-SSL_Client-Cert", "HTTP_X_SSL_CLIENT_CERT", "X-SSL-Client-Cer"]
)
async def test_a_name_that_is_almost_the_header_s_means_nothing(
    town: Town, alone: tuple[Path, Path], name: str
) -> None:
    assert await heard(town, alone, (name, header_of(town))) == ["tls.chain.present"]


@pytest.mark.parametrize(
    "name", [f"{NAME} ", f"{NAME}\t", f" {NAME}", f"{NAME}\x00", "X-SSL-Client-Cert\x0b"], ids=repr
)
async def test_a_name_that_readers_part_in_two_ways_is_refused(town: Town, alone: tuple[Path, Path], name: str) -> None:
    checks = await heard(town, alone, (name, header_of(town)))
    assert checks == ["http.syntax"]


async def test_folded_value_is_refused(town: Town, alone: tuple[Path, Path]) -> None:
    value = header_of(town)
    for fold in ("\r\n ", "\r\n\t"):
        assert await heard(town, alone, (NAME, value[:40] + fold + value[40:])) in (["http.syntax"], ["proxy.header"])


async def test_cut_value_is_refused(town: Town, alone: tuple[Path, Path]) -> None:
    value = header_of(town)
    for cut in (1, 2, 4, 40, len(value) // 2):
        assert await heard(town, alone, (NAME, value[:-cut])) in (["proxy.header"], ["tls.leaf.readable"])


@pytest.mark.parametrize("trick", ["%00", "%0a", "%250A", "%u000A", "%C3%A9", "%", "%4", "+", " ", "\x7f", ",", ";"])
async def test_trick_behind_the_certificate_is_refused(town: Town, alone: tuple[Path, Path], trick: str) -> None:
    assert await heard(town, alone, (NAME, header_of(town) + trick + "x")) in (["proxy.header"], ["http.syntax"])


async def test_value_beyond_the_limit_is_refused(town: Town, alone: tuple[Path, Path]) -> None:
    assert await heard(town, alone, (NAME, "A" * 70_000)) == ["http.header_size"]


async def test_trailer_means_nothing(town: Town, alone: tuple[Path, Path]) -> None:
    body = await town.body()
    head = request(town, headers=(("Content-Type", "application/jose"), ("Trailer", NAME))).partition(
        b"Content-Length"
    )[0]
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n" % (len(body), body)
    async with wire(town, "proxied", pair=alone) as connection:
        answer = await connection.ask(head + chunked + f"{NAME}: {header_of(town)}\r\n\r\n".encode())
    assert answer.checks == ["tls.chain.present"]


async def test_one_request_s_certificate_is_not_the_next_one_s(town: Town, alone: tuple[Path, Path]) -> None:
    right = request(town, await town.body(), headers=(("Content-Type", "application/jose"), (NAME, header_of(town))))
    without = request(town, await town.body())
    async with wire(town, "proxied", pair=alone) as connection:
        assert (await connection.ask(right)).status == 201
        assert (await connection.ask(without)).checks == ["tls.chain.present"]
        # Both at once, on one connection.
        connection.writer.write(right + without)
        assert (await connection.hear()).status in (200, 201)
        assert (await connection.hear()).checks == ["tls.chain.present"]


async def test_stranger_s_self_made_certificate_is_judged_not_believed(town: Town, alone: tuple[Path, Path]) -> None:
    own = CertificateAuthority.create("OpenBanking Issuing CA").issue(software_id="sw", org_id="org", key_type="p256")
    assert await heard(town, alone, (NAME, quote(own.certificate_pem.decode(), safe=""))) == ["tls.path.anchored"]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=PROXIES)
async def proxy(
    town: Town, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[int]:
    """The port of a real proxy before the gateway."""
    await serve(town, request.param)
    async with PROXIES[request.param](town, tmp_path_factory.mktemp(request.param)) as port:
        yield port


def forgeries(town: Town) -> list[tuple[str, str]]:
    """The victim's certificate in every header, name and form that any proxy here would pass."""
    escaped = header_of(town)
    pem = (town.folder / "transport.pem").read_text().partition("-----END")[0]
    der = "".join(pem.splitlines()[1:])
    names = (NAME, NAME.lower(), "X_SSL_Client_Cert", "X-SSL-Client-Cert ", "\tX-SSL-Client-Cert")
    ders = ("X-SSL-Client-DER", "x-ssl-client-der", "X_SSL_Client_DER", "X-SSL-Client-Chain-DER")
    return [(name, escaped) for name in names] + [(name, der) for name in ders]


async def through(town: Town, port: int, sent: bytes, pair: tuple[Path, Path] | None) -> tuple[int, bytes]:
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(
            "localhost", port, ssl=client_tls(town, pair), server_hostname="localhost"
        )
        writer.write(sent)
        answer = await reader.read()
        writer.transport.abort()
    return (int(answer.split(b" ", 2)[1]) if answer else 0), answer


async def test_forged_headers_do_not_get_past_the_proxy(town: Town, proxy: int) -> None:
    stranger = await town.certificate("stranger", kind="obtransport", subject="CN=somebody,OU=else,O=OpenBanking,C=GB")
    for name, value in forgeries(town):
        for pair in (None, stranger):
            headers = (("Content-Type", "application/jose"), ("Connection", "close"), (name, value))
            status, answer = await through(town, proxy, request(town, await town.body(), headers=headers), pair)
            # 0 or 400: the proxy itself; 401: nobody; 400 with another's certificate: not the software's.
            assert status in (0, 400, 401), (name, status)
            if b"rules.identity.software" in answer:
                assert pair is stranger, name


async def test_forged_header_that_is_to_be_dropped_hop_by_hop_stays_the_proxy_s(town: Town, proxy: int) -> None:
    # `Connection: X-SSL-Client-Cert` asks the proxy to drop the header that it sets itself.
    for name in (NAME, "X-SSL-Client-DER", "X-SSL-Client-Chain-DER"):
        headers = (("Content-Type", "application/jose"), ("Connection", f"close, {name}"), (name, header_of(town)))
        status, _ = await through(town, proxy, request(town, await town.body(), headers=headers), None)
        assert status in (400, 401)


async def test_smuggled_second_request_speaks_for_nobody(town: Town, proxy: int) -> None:
    """What stands behind a body whose end proxy and gateway would see at two places must not become a request."""
    inner = request(town, await town.body(), headers=(("Content-Type", "application/jose"), (NAME, header_of(town))))
    before = town.clients()
    for framing in (
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 0\r\nContent-Length: 4\r\n\r\n",
        b"Content-Length: +0\r\n\r\n",
    ):
        head = request(town).partition(b"Content-Length")[0] + b"Connection: close\r\n"
        await through(town, proxy, head + framing + inner, None)
    assert town.clients() == before


async def test_chain_of_many_kilobytes_is_taken(town: Town) -> None:
    await serve(town, "aws")
    leaf = (town.folder / "transport.pem").read_text()
    issuing = (town.folder / "issuing.pem").read_text()
    value = quote(leaf + issuing * 8, safe="+/=")
    assert len(value) > 8190
    pair = town.folder / "proxy.pem", town.folder / "proxy.key"
    assert await heard(town, pair, ("X-Amzn-Mtls-Clientcert", value)) == []
