"""self_signed_tls_client_auth: on its own listener, by what the bank lodged and the client's own key set holds."""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from as_clients import FORM, findings, registered
from town import Reply, Town

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.keeping import Closed, bundled
from dcrgw.compliance.replay import canonical, replay
from dcrgw.core.jose import base64url
from dcrgw.sandbox.serving import free_ports
from dcrgw.testkit.certificates import CertificateAuthority, Issued, self_signed

pytestmark = pytest.mark.asyncio(loop_scope="module")

MARKET, METHOD = "generic", "self_signed_tls_client_auth"
(PORT,) = free_ports(1)
OWN, OTHERS, LATE, ENDED = (
    self_signed("tpp"),
    self_signed("other tpp"),
    self_signed("late tpp"),
    self_signed("ended tpp", not_before=0, not_after=86_400),
)


def with_listener(text: str) -> str:
    listener = f'\n[listeners.self_signed]\nport = {PORT}\ncertificate = "bank/server.pem"\nkey = "bank/server.key"\n'
    before, found, after = text.partition('profile = "rfc7591"')
    lodged = f'self_signed_url = "https://localhost:{PORT}/{MARKET}"\nself_signed_certificates = ["lodged.pem"]\n'
    after = after.replace('"client_secret_jwt"]', f'"client_secret_jwt", "{METHOD}"]', 1)
    text = f"{before}{lodged}{found}{after}"
    return text.replace("\n[listeners.health]", f"{listener}\n[listeners.health]", 1)


def put(folder: Path, name: str, issued: Issued) -> tuple[Path, Path]:
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(issued.chain_pem)
    key.write_bytes(issued.key_pem)
    return certificate, key


def lodge(town: Town, *certificates: Issued) -> None:
    (town.folder / "lodged.pem").write_bytes(b"".join(each.certificate_pem for each in certificates))


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def open_listener(town: Town) -> AsyncIterator[None]:
    """The town's folder is known only now: the file is lodged, then the gateway starts with the listener."""
    lodge(town, OWN, OTHERS, ENDED)
    town.edit = with_listener
    await town.start()
    yield


def jwk(issued: Issued, **changes: Any) -> dict[str, Any]:
    numbers = issued.certificate.public_key().public_numbers()
    x, y = (base64url.encode(each.to_bytes(32, "big")) for each in (numbers.x, numbers.y))
    der = base64.b64encode(issued.der).decode()
    made = {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": str(uuid4()), "use": "sig", "x5c": [der], **changes}
    return {name: value for name, value in made.items() if value is not None}


async def client(town: Town, *keys: dict[str, Any]) -> dict[str, Any]:
    statement = await town.statement(MARKET, jwks_uri=None)
    return await registered(town, METHOD, MARKET, jwks={"keys": list(keys)}, software_statement=statement)


async def ask(town: Town, who: dict[str, Any], issued: Issued, *, path: str = "token", **more: str) -> Reply:
    """A token for a client, on the listener of self-signed certificates."""
    tls = ssl.create_default_context(cafile=str(town.folder / "ca.pem"))
    tls.load_cert_chain(*put(town.folder, f"shown-{uuid4().hex}", issued))
    form = {"grant_type": "client_credentials", "client_id": who["client_id"], **more}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as http,
        http.post(
            f"https://localhost:{PORT}/{MARKET}/{path}", data=urlencode(form), headers={"Content-Type": FORM}
        ) as got,
    ):
        raw = await got.read()
        return Reply(got.status, dict(got.headers), await got.json() if raw else {})


async def test_client_gets_a_token_by_the_certificate_of_its_key_set(town: Town) -> None:
    reply = await ask(town, await client(town, jwk(OWN)), OWN)
    assert reply.status == 200
    assert town.gateway.reports[-1].facts["x5t_s256"]


@pytest.mark.parametrize("changes", [{"kid": None}, {"use": "tls"}, {"use": None}])
async def test_key_that_signs_nothing_serves_by_its_certificate(town: Town, changes: dict[str, Any]) -> None:
    assert (await ask(town, await client(town, jwk(OWN, **changes)), OWN)).status == 200


async def test_lodged_certificate_serves_no_client_whose_key_set_lacks_it(town: Town) -> None:
    reply = await ask(town, await client(town, jwk(OWN)), OTHERS)
    assert (reply.status, reply.body["error"]) == (401, "invalid_client")
    assert "client.certificate.published" in findings(town)


async def test_another_certificate_of_the_same_key_does_not_serve(town: Town) -> None:
    again = self_signed("tpp", key=OWN.key)
    lodge(town, OWN, OTHERS, ENDED, again)
    await town.gateway.reload()
    reply = await ask(town, await client(town, jwk(OWN)), again)
    assert reply.status == 401
    assert "client.certificate.published" in findings(town)


async def test_certificate_that_nobody_lodged_ends_in_the_handshake(town: Town) -> None:
    who = await client(town, jwk(LATE))
    with pytest.raises(aiohttp.ClientError):
        await ask(town, who, LATE)


async def test_certificate_that_a_lodged_one_signed_ends_in_the_handshake(town: Town) -> None:
    child = CertificateAuthority(OWN.certificate, OWN.key).issue(
        subject="CN=child", eku=("clientAuth",), key_type="p256"
    )
    who = await client(town, jwk(child))
    with pytest.raises(aiohttp.ClientError):
        await ask(town, who, child)


async def test_expired_certificate_ends_in_the_handshake(town: Town) -> None:
    who = await client(town, jwk(ENDED))
    with pytest.raises(aiohttp.ClientError):
        await ask(town, who, ENDED)


async def test_certificate_is_lodged_and_taken_out_while_it_runs(town: Town) -> None:
    who = await client(town, jwk(LATE))
    lodge(town, OWN, OTHERS, LATE)
    await town.gateway.reload()
    pair = put(town.folder, "late", LATE)
    tls = ssl.create_default_context(cafile=str(town.folder / "ca.pem"))
    tls.load_cert_chain(*pair)
    form = urlencode({"grant_type": "client_credentials", "client_id": who["client_id"]})
    url, sent = f"https://localhost:{PORT}/{MARKET}/token", {"Content-Type": FORM}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls, limit=1)) as http:
        async with http.post(url, data=form, headers=sent) as got:
            assert got.status == 200
        lodge(town, OWN, OTHERS)
        await town.gateway.reload()
        # Over the very connection that was good before.
        async with http.post(url, data=form, headers=sent) as got:
            answer = await got.json()
    assert (got.status, [each["check"] for each in answer["errors"]]) == (401, ["tls.self_signed.lodged"])
    lodge(town, OWN, OTHERS, ENDED)
    await town.gateway.reload()


async def test_other_methods_do_not_come_by_this_listener(town: Town) -> None:
    by_secret = await registered(town, "client_secret_post", MARKET)
    reply = await ask(town, by_secret, OWN, client_secret=by_secret["client_secret"])
    assert reply.status == 401
    assert "client.method.listener" in findings(town)


async def test_self_signed_client_does_not_come_by_the_others_listener(town: Town) -> None:
    who = await client(town, jwk(OWN))
    form = urlencode({"grant_type": "client_credentials", "client_id": who["client_id"]}).encode()
    reply = await town.post(form, MARKET, media_type=FORM, url=town.index(MARKET)["token_endpoint"])
    assert (reply.status, reply.body["error"]) == (401, "invalid_client")
    assert "client.method.listener" in findings(town)


@pytest.mark.parametrize("path", ["register", "register/x", ".well-known/openid-configuration", "authorize"])
async def test_nothing_is_registered_or_read_there(town: Town, path: str) -> None:
    before = town.clients()
    who = await client(town, jwk(OWN))
    assert (await ask(town, who, OWN, path=path)).status == 404
    assert town.clients() == before + 1


async def test_self_signed_certificate_does_not_reach_register(town: Town) -> None:
    pair = put(town.folder, "self-signed", OWN)
    with pytest.raises(aiohttp.ClientError):
        await town.post(await town.body(MARKET), MARKET, pair=pair)


async def test_key_set_without_a_certificate_is_not_registered(town: Town) -> None:
    keys = {"keys": [jwk(OWN, x5c=None)]}
    asked = {"token_endpoint_auth_method": METHOD, "grant_types": ["client_credentials"], "response_types": []}
    statement = await town.statement(MARKET, jwks_uri=None)
    reply = await town.post(await town.body(MARKET, **asked, jwks=keys, software_statement=statement), MARKET)
    assert (reply.status, reply.checks) == (400, ["rules.jwks.certificate"])


async def test_decision_comes_out_the_same_from_its_bundle(town: Town) -> None:
    who = await client(town, jwk(OWN))
    for shown, status in ((OWN, 200), (OTHERS, 401)):
        assert (await ask(town, who, shown)).status == status
        report, evidence = town.gateway.recent.kept[-1]
        (market,) = town.gateway.materials.self_signed.markets
        replayed = await replay(bundles.read(bundled(Closed(report, evidence, market))))
        assert canonical(replayed.decided) == canonical(replayed.bundle.decided)


async def test_discovery_offers_the_method(town: Town) -> None:
    document = await town.post(b"", MARKET, method="GET", url=town.index(MARKET)["well_known"])
    assert METHOD in document.body["token_endpoint_auth_methods_supported"]


async def test_ca_certificate_cannot_be_lodged(town: Town) -> None:
    authority = CertificateAuthority.create("An authority")
    lodge(town, OWN, Issued(authority.certificate, authority.key))
    outcome = await town.gateway.reload()
    assert [fault.key for fault in outcome.faults] == ["market[3].self_signed_certificates"]
    lodge(town, OWN, OTHERS, ENDED)
    await town.gateway.reload()
