"""An administrator's certificate that the operator's CA took back opens nothing from the next request on."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from admin_clients import administrator, aside, ask_by_tls, server
from cryptography import x509
from town import Town, running

from dcrgw.sandbox.serving import free_ports
from dcrgw.testkit.certificates import CertificateAuthority
from dcrgw.testkit.revocation import revocation_list

pytestmark = pytest.mark.asyncio(loop_scope="module")

CA = CertificateAuthority.create("Operators")
(PORT,) = free_ports(1)
ADMIN = f"""[admin.tls]
port = {PORT}
certificate = "admin.pem"
key = "admin.key"
client_ca = ["operators.pem"]
writers = ["alice", "bob"]
hosts = ["localhost"]

[admin.tls.revocation]
mode = "hard"
methods = ["crl"]
crl_files = ["operators.crl"]

"""


def publish(town: Town, *serials: int, at: float | None = None) -> None:
    made = revocation_list(CA, serials, at=time.time() if at is None else at)
    (town.folder / "operators.crl").write_bytes(made)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("sandbox")
    (folder / "operators.pem").write_bytes(CA.certificate_pem)
    (folder / "operators.crl").write_bytes(revocation_list(CA, at=time.time()))
    server(CA, folder)
    for name in ("alice", "bob"):
        administrator(CA, name, folder)

    def edit(text: str) -> str:
        head, _, rest = text.partition("[admin]\n")
        return head + ADMIN + rest[rest.index("[registry]") :]

    async with running(folder, edit) as opened:
        yield opened


def serial(town: Town, name: str) -> int:
    return x509.load_pem_x509_certificate((town.folder / f"{name}.pem").read_bytes()).serial_number


async def status(town: Town, name: str) -> int:
    pair = town.folder / f"{name}.pem", town.folder / f"{name}.key"
    return (await ask_by_tls(PORT, town.folder / "operators.pem", pair, "GET", "/clients")).status


async def test_revoked_administrator_is_refused_over_the_connection_that_stood_before(town: Town) -> None:
    tls = ssl.create_default_context(cafile=str(town.folder / "operators.pem"))
    tls.load_cert_chain(town.folder / "alice.pem", town.folder / "alice.key")
    connection = http.client.HTTPSConnection("localhost", PORT, context=tls, timeout=120)

    def ask() -> int:
        connection.request("GET", "/clients")
        answer = connection.getresponse()
        answer.read()
        return answer.status

    assert await aside(ask) == 200
    publish(town, serial(town, "alice"))
    await town.gateway.reload()
    assert await aside(ask) == 401
    connection.close()
    assert await status(town, "bob") == 200


async def test_nobody_gets_in_while_it_is_not_known(town: Town) -> None:
    publish(town, at=time.time() - 7200)
    await town.stop()
    await town.start()
    assert await status(town, "bob") == 503
    assert "revocation of the administration" in {
        each.component for each in town.gateway.health.conditions if not each.ok
    }
    publish(town)
    await town.gateway.reload()
    assert await status(town, "bob") == 200
