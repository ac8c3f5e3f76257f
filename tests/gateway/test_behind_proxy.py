"""Behind a real proxy the certificate that it passes on is judged as in a handshake; from others it is nothing."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from proxies import haproxy, nginx
from town import UK, Reply, Town

from dcrgw.testkit.certificates import CertificateAuthority, Issued

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROXIES: dict[str, Callable[[Town, Path], AbstractAsyncContextManager[int]]] = {"nginx": nginx, "haproxy": haproxy}
PROXY_CA = CertificateAuthority.create("The bank's own proxies")
SECTION = """
[listeners.proxied]
port = 0
certificate = "bank/server.pem"
key = "bank/server.key"
form = "{form}"
proxy_ca = ["proxy-ca.pem"]
proxy_names = ["edge-1"]
"""


def put(town: Town, name: str, issued: Issued) -> tuple[Path, Path]:
    certificate, key = town.folder / f"{name}.pem", town.folder / f"{name}.key"
    certificate.write_bytes(issued.chain_pem)
    key.write_bytes(issued.key_pem)
    return certificate, key


def proxy_certificate(name: str = "edge-1", authority: CertificateAuthority = PROXY_CA, **changes: Any) -> Issued:
    return authority.issue(subject=f"CN={name}", eku=changes.pop("eku", ("clientAuth",)), key_type="p256", **changes)


async def serve(town: Town, form: str, section: str = SECTION) -> None:
    """The gateway anew, behind a proxy of this form."""
    (town.folder / "proxy-ca.pem").write_bytes(PROXY_CA.certificate_pem)
    put(town, "proxy", proxy_certificate())
    town.edit = lambda text: text.replace("\n[listeners.health]", section.format(form=form) + "\n[listeners.health]", 1)
    await town.start()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=PROXIES)
async def proxied(
    town: Town, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """The URL below which the UK market is reached through a proxy."""
    await serve(town, request.param)
    async with PROXIES[request.param](town, tmp_path_factory.mktemp(request.param)) as port:
        yield f"https://localhost:{port}/{UK}/register"


def as_public(town: Town) -> dict[str, str]:
    """The host that TPPs know."""
    return {"Host": town.index()["registration_endpoint"].split("/")[2]}


async def through(town: Town, url: str, pair: tuple[Path, Path] | None = None, **headers: str) -> Reply:
    return await town.post(await town.body(), url=url, pair=pair, headers={**as_public(town), **headers})


async def test_tpp_registers_through_the_proxy(town: Town, proxied: str) -> None:
    reply = await through(town, proxied)
    assert reply.status == 201, reply.body


async def test_certificate_that_the_proxy_passed_on_is_judged_here(town: Town, proxied: str) -> None:
    pair = await town.certificate("stranger", kind="obtransport", issuer="foreign", key_type="p256")
    reply = await through(town, proxied, pair)
    assert (reply.status, reply.checks) == (401, ["tls.path.anchored"])


async def test_revoked_certificate_is_refused_through_the_proxy_too(town: Town, proxied: str) -> None:
    pair = await town.certificate("revoked", kind="obtransport", key_type="p256")
    await town.manage("POST", "/certificates/revoke", certificate=pair[0].read_text())
    reply = await through(town, proxied, pair)
    assert (reply.status, reply.checks) == (401, ["tls.revocation.not_revoked"])
    await town.manage("POST", "/reset")


async def test_forged_header_does_not_get_past_the_proxy(town: Town, proxied: str) -> None:
    pair = await town.certificate("other", kind="obtransport", subject="CN=somebody,OU=else,O=OpenBanking,C=GB")
    victim = (town.folder / "transport.pem").read_text().partition("-----END")[0] + "-----END CERTIFICATE-----\n"
    forged = {"X-SSL-Client-Cert": quote(victim, safe=""), "X_SSL_Client_Cert": quote(victim, safe="")}
    reply = await through(town, proxied, pair, **forged)
    assert reply.status == 400
    assert "rules.identity.software" in reply.checks


async def test_who_shows_the_proxy_no_certificate_is_nobody(town: Town, proxied: str) -> None:
    session = town._http(None)
    tls = town._http((town.folder / "transport.pem", town.folder / "transport.key"))
    assert session is not tls

    anonymous = ssl.create_default_context(cafile=str(town.folder / "ca.pem"))
    async with session.post(
        proxied, data=await town.body(), headers={"Content-Type": "application/jose", **as_public(town)}, ssl=anonymous
    ) as answer:
        body = await answer.json()
    assert (answer.status, [each["check"] for each in body["errors"]]) == (401, ["tls.chain.present"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alone(town: Town) -> str:
    """The gateway's proxied listener itself."""
    await serve(town, "nginx")
    assert town.gateway is not None
    return f"https://localhost:{town.gateway.addresses['proxied'][1]}/{UK}/register"


def header_of(town: Town) -> str:
    pem = (town.folder / "transport.pem").read_text()
    return quote(pem.partition("-----END")[0] + "-----END CERTIFICATE-----\n", safe="")


async def test_listed_proxy_speaks_for_a_tpp(town: Town, alone: str) -> None:
    pair = town.folder / "proxy.pem", town.folder / "proxy.key"
    reply = await through(town, alone, pair, **{"X-SSL-Client-Cert": header_of(town)})
    assert reply.status == 201, reply.body


@pytest.mark.parametrize(
    ("name", "changes"), [("edge-2", {}), ("edge-1", {"eku": ("serverAuth", "clientAuth"), "ca": True})]
)
async def test_other_certificate_of_the_proxies_authority_speaks_for_nobody(
    town: Town, alone: str, name: str, changes: dict[str, Any]
) -> None:
    pair = put(town, f"wrong-{name}-{len(changes)}", proxy_certificate(name, **changes))
    reply = await through(town, alone, pair, **{"X-SSL-Client-Cert": header_of(town)})
    assert (reply.status, reply.checks) == (401, ["proxy.hop"])


async def test_tpp_cannot_speak_for_another(town: Town, alone: str) -> None:
    with pytest.raises(OSError, match=r"."):
        await through(town, alone, **{"X-SSL-Client-Cert": header_of(town)})


@pytest.mark.parametrize("value", ["%%%", "%2D", "-----BEGIN CERTIFICATE-----"])
async def test_header_of_another_form_is_refused(town: Town, alone: str, value: str) -> None:
    pair = town.folder / "proxy.pem", town.folder / "proxy.key"
    reply = await through(town, alone, pair, **{"X-SSL-Client-Cert": value})
    assert (reply.status, reply.checks) == (400, ["proxy.header"])
    assert value not in str(reply.body)


HEADERS = (
    "X-SSL-Client-Cert", "X_SSL_Client_Cert", "X-ClientCert", "Client-Cert", "X-Forwarded-Client-Cert",
    "X-ARR-ClientCert", "X-Amzn-Mtls-Clientcert", "X-Forwarded-Tls-Client-Cert",
)  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
async def test_header_means_nothing_where_tpps_connect_themselves(town: Town, alone: str, header: str) -> None:
    pair = await town.certificate(f"own-{header}", kind="obtransport", subject="CN=somebody,OU=else,O=OpenBanking,C=GB")
    reply = await town.post(await town.body(), pair=pair, headers={header: header_of(town)})
    assert reply.status == 400
    assert "rules.identity.software" in reply.checks
