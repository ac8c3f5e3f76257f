"""Secrets that are planted in a run stand in no bundle, no report, no record and no log."""

from __future__ import annotations

import io
import json
import ssl
from pathlib import Path

import pytest
from admin_clients import ask
from grant_clients import address, answer, client_of, pushed, send, tokens
from managed import managed
from town import UK, Town

from dcrgw.compliance import bundle as bundles
from dcrgw.compliance.html import page_of_bundle
from dcrgw.compliance.keeping import Closed, bundled
from dcrgw.compliance.redaction import Withheld
from dcrgw.testkit.person import Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = Path(__file__).parents[2] / "config/scripts/accounts_only.py"
PROPERTY = "canary-script-property-5f0c2a"
TYPED = "canary-password-that-is-wrong"
PASSWORD, BEARER = "canary-client-secret-7d11", "canary-bearer-token-of-somebody-99"


def edit(text: str) -> str:
    """A script that is given a secret."""
    return f"""{text}
[[script]]
type = "client_registration"
name = "canary"
file = "{SCRIPT}"
properties = {{ api_secret = "{PROPERTY}", scopes = "openid accounts payments offline_access" }}
"""


async def _provoke(town: Town) -> list[str]:
    """Requests with secrets in every place where one may stand; the secrets that came back."""
    client = await managed(town, UK)
    secrets = [client.token]
    await client.call("GET", token=client.token)
    await client.call("GET", token=BEARER)
    plain = await managed(town, "generic")
    secrets += [plain.token, plain.answer.get("client_secret") or ""]
    await plain.call("PUT", await plain.body(), token=plain.token)
    form = f"grant_type=client_credentials&client_id={plain.client_id}&client_secret={PASSWORD}".encode()
    url = town.index("generic")["token_endpoint"]
    await town.post(form, "generic", media_type="application/x-www-form-urlencoded", url=url)
    private = {"kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB", "d": "canary-private-exponent"}
    await town.post(await town.body("generic", jwks={"keys": [private]}, jwks_uri=None), "generic")
    return [*filter(None, secrets), PROPERTY, PASSWORD, BEARER, "canary-private-exponent"]


async def _grant(town: Town) -> list[str]:
    """A customer's grant from the request to its end, and what opened a door on the way."""
    client = await client_of(town)
    uri = await pushed(town, client)
    people = json.loads((town.folder / "sandbox.json").read_text())["customers"]
    async with Person(ssl.create_default_context(cafile=str(town.folder / "ca.pem"))) as person:
        seen = await person.open(address(town, client, request_uri=uri))
        wrong = await person.submit(seen, login=people[0]["login"], password=TYPED)
        before = [cookie.value for cookie in person.http.cookie_jar]
        hidden = [value for value in wrong.form.fields.values() if len(value) > 20]
        seen = await person.submit(wrong, login=people[0]["login"], password=people[0]["password"])
        during = [cookie.value for cookie in person.http.cookie_jar]
        seen = await person.submit(seen, decision="approve")
        after = [cookie.value for cookie in person.http.cookie_jar]
    code = answer(seen)["code"]
    issued = (await tokens(town, client, code)).body
    again = {"grant_type": "refresh_token", "refresh_token": issued["refresh_token"]}
    renewed = (await send(town, client, "token", **again)).body
    for token in (renewed["access_token"], issued["refresh_token"]):
        await send(town, client, "introspect", token=token)
        await send(town, client, "revoke", token=token)
    await tokens(town, client, code)
    cookies = {value for value in (*before, *during, *after) if len(value) > 20}
    assert cookies
    assert hidden
    names = ("access_token", "refresh_token", "id_token")
    secrets = [each[name] for each in (issued, renewed) for name in names if name in each]
    assert len(secrets) >= 3
    return [uri, uri.rpartition(":")[2], code, TYPED, people[0]["password"], *hidden, *cookies, *secrets]


async def test_no_planted_secret_is_found_anywhere(town: Town, log: io.StringIO) -> None:
    canaries = [*await _grant(town), *await _provoke(town)]
    canaries += [key.read_text() for key in town.folder.glob("*.key")]
    gateway = town.gateway
    told: dict[str, bytes] = {}
    for number, (report, evidence) in enumerate(gateway.recent.kept):
        closed = Closed(report, evidence, gateway.materials.markets[report.market])
        # What the operator's report says of keys, facts and findings.
        told[f"report {number}"] = json.dumps([closed.told.told(), closed.told.told_to_tpp()]).encode()
        try:
            document = bundled(closed)
        except Withheld:
            continue
        told[f"bundle {number}"] = document
        told[f"page {number}"] = page_of_bundle(bundles.read(document)).encode()
    assert len(told) > 15
    told["log"] = log.getvalue().encode()
    told |= {path.name: path.read_bytes() for path in (town.folder / "bank").glob("record.sqlite*")}
    assert "record.sqlite" in told
    found = [(canary, where) for canary in canaries for where, text in told.items() if canary.encode() in text]
    assert found == []


async def test_a_request_with_a_private_key_is_counted_as_not_kept(town: Town) -> None:
    answer = await ask(town.folder / "admin.sock", "GET", "/evidence?limit=1")
    assert answer.body["record"]["lost"].get("private_key", 0) >= 1
    last = (await ask(town.folder / "admin.sock", "GET", "/reports/last")).body["report_id"]
    withheld = await ask(town.folder / "admin.sock", "GET", f"/evidence/{last}")
    assert withheld.status == 409
