"""A certificate that its issuer took back is refused from the next request on; not knowing is never a yes."""

from __future__ import annotations

import pytest
from town import Town

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODES = ("down", "500", "garbage", "empty", "redirect")


async def revoke(town: Town, pem: str, **more: str) -> None:
    await town.manage("POST", "/certificates/revoke", certificate=pem, **more)


async def trouble(town: Town, mode: str) -> None:
    for endpoint in ("crl", "ocsp"):
        await town.break_down(endpoint, mode)


async def test_certificate_is_taken_until_it_is_revoked(town: Town) -> None:
    pair = await town.certificate("own", kind="obtransport")
    assert (await town.post(await town.body(), pair=pair)).status == 201
    await revoke(town, pair[0].read_text(), reason="keyCompromise")
    # Over the very connection that was good before.
    reply = await town.post(await town.body(), pair=pair)
    assert (reply.status, reply.checks) == (401, ["tls.revocation.not_revoked"])
    assert reply.body["error"] == "invalid_client"


async def test_certificate_of_a_revoked_issuer_is_refused(town: Town) -> None:
    await revoke(town, (town.folder / "issuing.pem").read_text(), reason="cACompromise")
    reply = await town.post(await town.body())
    assert (reply.status, reply.checks) == (401, ["tls.revocation.not_revoked"])
    await town.manage("POST", "/reset")
    assert (await town.post(await town.body())).status == 201


async def test_revoked_certificate_gets_no_token_and_reads_nothing(town: Town) -> None:
    index = town.index()
    pair = await town.certificate("token", kind="obtransport")
    await revoke(town, pair[0].read_text())
    for method, url in (("POST", index["token_endpoint"]), ("GET", f"{index['registration_endpoint']}/x")):
        reply = await town.post(b"", url=url, method=method, pair=pair)
        assert (reply.status, reply.checks) == (401, ["tls.revocation.not_revoked"])


@pytest.mark.parametrize("mode", MODES)
async def test_not_knowing_is_never_a_yes(town: Town, mode: str) -> None:
    before = town.clients()
    await town.stop()
    await town.start()
    await trouble(town, mode)
    reply = await town.post(await town.body())
    assert (reply.status, reply.body["error"]) == (503, "temporarily_unavailable")
    assert "Retry-After" in reply.headers
    assert town.clients() == before
    await trouble(town, "none")


@pytest.mark.parametrize("broken", ["crl", "ocsp"])
async def test_one_of_list_and_responder_is_enough(town: Town, broken: str) -> None:
    await town.stop()
    await town.start()
    await town.break_down(broken, "500")
    assert (await town.post(await town.body())).status == 201
    pair = await town.certificate(f"by-{broken}", kind="obtransport")
    await revoke(town, pair[0].read_text())
    reply = await town.post(await town.body(), pair=pair)
    assert (reply.status, reply.checks) == (401, ["tls.revocation.not_revoked"])
    await town.manage("POST", "/reset")
