"""Decisions of a real gateway, kept as documents and decided again from the documents alone."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote_plus

import pytest
from as_clients import METHODS, ask, registered
from managed import managed
from town import UK, Town

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.keeping import Closed, bundled
from dcrgw.compliance.redaction import Withheld
from dcrgw.compliance.replay import canonical, replay

pytestmark = pytest.mark.asyncio(loop_scope="module")

MARKETS = ("uk-3.2", "uk-3.4", "generic")


def kept(town: Town, last: int) -> list[bytes]:
    """The bundles of the last decisions that the gateway remembers, oldest first."""
    gateway = town.gateway
    newest = list(gateway.recent.kept)[-last:]
    return [bundled(Closed(report, evidence, gateway.materials.markets[report.market])) for report, evidence in newest]


async def decided_again(document: bytes) -> str:
    """The decision of a bundle, which must come out byte for byte as recorded."""
    replayed = await replay(bundles.read(document))
    assert canonical(replayed.decided) == canonical(replayed.bundle.decided)
    return replayed.decided.decision


@pytest.mark.parametrize("market", MARKETS)
async def test_a_client_s_whole_life_comes_out_the_same_from_its_bundles(town: Town, market: str) -> None:
    client = await managed(town, market)
    before = [await decided_again(each) for each in kept(town, 2)]
    assert before[1:] == ["registered"] if client.is_plain else before == ["registered", "issued"]
    token = client.token
    assert (await client.call("GET", token=token)).status == 200
    assert (await client.call("PUT", await client.body(), token=token)).status == 200
    assert (await client.call("GET", token="another-token-of-somebody")).status == 401
    assert (await client.call("DELETE", token=token)).status == 204
    assert [await decided_again(each) for each in kept(town, 4)] == ["read", "updated", "refused", "deleted"]


@pytest.mark.parametrize("method", METHODS)
async def test_every_way_to_authenticate_comes_out_the_same_and_shows_no_secret(town: Town, method: str) -> None:
    client = await registered(town, method)
    assert (await ask(town, client)).status == 200
    secret = client.get("client_secret", "a-secret-that-is-nobody-s")
    wrong = {**client, "client_secret": "another-secret-of-more-than-32-letters"}
    assert (await ask(town, wrong)).status == (401 if "secret" in method else 200)
    documents = kept(town, 3)
    expected = ["registered", "issued", "refused" if "secret" in method else "issued"]
    assert [await decided_again(each) for each in documents] == expected
    pairs = [
        b64encode(f"{client['client_id']}:{quote_plus(each)}".encode()) for each in (secret, wrong["client_secret"])
    ]
    for document in documents:
        for told in (secret.encode(), wrong["client_secret"].encode(), *pairs):
            assert told not in document


async def test_what_was_refused_or_failed_comes_out_the_same(town: Town) -> None:
    assert (await town.post(await town.body(UK, "revoked"), UK, "revoked")).status == 400
    assert (await town.post(await town.body(scope="openid nonsense"))).status == 400
    assert (await town.post(b"a.b.c")).status == 400
    await town.break_down("scim", "500", count=1)
    assert (await town.post(await town.body())).status == 503
    decisions = [await decided_again(each) for each in kept(town, 4)]
    assert decisions == ["refused", "refused", "refused", "unavailable"]


@pytest.mark.parametrize("market", MARKETS)
async def test_no_token_and_no_secret_stands_in_a_bundle(town: Town, market: str) -> None:
    client = await managed(town, market)
    await client.call("GET", token=client.token)
    await client.call("GET", token="a-token-that-somebody-guessed")
    secrets = [client.token, "a-token-that-somebody-guessed", client.answer.get("client_secret")]
    for document in kept(town, 3):
        for secret in filter(None, secrets):
            assert secret.encode() not in document


async def test_a_request_with_a_private_key_is_not_kept(town: Town) -> None:
    private = {"kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB", "d": "canary"}
    await town.post(await town.body("generic", jwks={"keys": [private]}, jwks_uri=None), "generic")
    with pytest.raises(Withheld):
        kept(town, 1)


async def test_a_request_that_signs_its_client_s_secret_is_not_kept(town: Town) -> None:
    client = await managed(town, UK, "client_secret_basic")
    sent = client.sent_back(client_secret=client.answer["client_secret"])
    assert (await client.put(sent)).status == 200
    with pytest.raises(Withheld):
        kept(town, 1)


async def test_at_another_time_the_statement_has_expired(town: Town) -> None:
    assert (await town.post(await town.body())).status == 201
    bundle = bundles.read(kept(town, 1)[0])
    later = await replay(bundle, at=bundle.at + 400 * 86_400)
    assert later.decided.decision == "refused"
    assert not later.is_same
