"""A certificate that its issuer took back is refused from the next request on; not knowing is never a yes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from managed import managed
from town import UK, Town

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


async def test_transport_key_that_the_directory_took_back_is_refused(town: Town) -> None:
    pair = await town.certificate("lodged", kind="obtransport")
    assert (await town.post(await town.body(), pair=pair)).status == 201
    await revoke(town, pair[0].read_text(), at="directory")
    town.ahead_s += 3600
    reply = await town.post(await town.body(), pair=pair)
    assert (reply.status, reply.checks) == (401, ["keys.transport.not_revoked"])
    assert (await town.post(await town.body())).status == 201
    await town.manage("POST", "/reset")


async def test_signing_key_that_the_directory_took_back_is_refused_though_it_is_still_published(town: Town) -> None:
    software_id = town.index()["software_id"]
    old = town.key()
    await town.manage("POST", "/keys/rotate", of="software", keep_old=False)
    document = {"keys": [old.public_jwk()]}
    await town.manage("PUT", f"/software/{software_id}/jwks", document=document)
    town.ahead_s += 3600
    reply = await town.post(await town.body())
    assert (reply.status, reply.checks) == (400, ["keys.request.not_revoked"])
    await town.manage("POST", "/reset")
    town.ahead_s += 3600
    assert (await town.post(await town.body())).status == 201


async def test_statement_by_a_key_that_the_directory_took_back_is_refused_though_it_is_still_published(
    town: Town,
) -> None:
    world = town.session.parties.world
    own = world.keys
    world.keys = replace(own, retired=(*own.retired, own.current))
    town.ahead_s += 3600
    reply = await town.post(await town.body())
    assert (reply.status, reply.checks) == (400, ["keys.statement.not_revoked"])
    assert reply.body["error"] == "invalid_software_statement"
    world.keys = own
    town.ahead_s += 3600
    assert (await town.post(await town.body())).status == 201


async def test_no_statement_counts_while_the_directory_does_not_say_which_of_its_keys_it_took_back(town: Town) -> None:
    await town.stop()
    await town.break_down("revoked-jwks", "500")
    await town.start()
    reply = await town.post(await town.body())
    assert (reply.status, reply.body["error"]) == (503, "temporarily_unavailable")
    assert "revoked keys of primary" in {each.component for each in town.gateway.health.conditions if not each.ok}
    await town.break_down("revoked-jwks", "none")
    await town.stop()
    await town.start()
    assert (await town.post(await town.body())).status == 201


async def test_registered_client_with_a_revoked_transport_key_gets_no_token(town: Town) -> None:
    client = await managed(town, UK)
    pem = (town.folder / town.index()["transport_cert"]).read_text()
    await revoke(town, pem, at="directory")
    town.ahead_s += 3600
    reply = await client.call("GET")
    assert (reply.status, reply.checks) == (401, ["keys.transport.not_revoked"])
    await town.manage("POST", "/reset")
