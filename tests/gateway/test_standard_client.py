"""The npm registry's OpenID client takes our discovery, pushed requests, objects, details and tokens as they are.

It needs node, and `npm ci` in tests/clients (or DCRGW_CLIENTS naming a folder with its node_modules).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from as_clients import findings, registered
from town import UK, Town

from dcrgw.testkit.person import Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLBACK = "https://tpp.example/cb"
#: The bank's example scripts know the payment.
has_scripts = True
PAYMENT = {
    "type": "payment_initiation",
    "instructedAmount": {"currency": "EUR", "amount": "123.50"},
    "creditorName": "Merchant A",
    "creditorAccount": {"iban": "DE02100100109307118603"},
}
HOME = Path(__file__).parent.parent / "clients"
SCRIPT = "openid_client.mjs"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the script stands beside its modules."""
    modules = Path(os.environ.get("DCRGW_CLIENTS", HOME)) / "node_modules"
    if shutil.which("node") is None or not (modules / "openid-client").is_dir():
        pytest.skip("node or openid-client is not there: npm ci in tests/clients")
    (tmp_path / "node_modules").symlink_to(modules.resolve())
    shutil.copy(HOME / SCRIPT, tmp_path)
    return tmp_path


@asynccontextmanager
async def tpp(home: Path, **said: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "node", str(home / SCRIPT), json.dumps(said), stdin=pipe, stdout=pipe, stderr=pipe, cwd=home
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("method", ["private_key_jwt", "tls_client_auth"])
@pytest.mark.parametrize(
    ("pushed", "signed"), [(True, True), (True, False), (False, True), (False, False)],
    ids=["pushed object", "pushed", "object", "plain"],
)  # fmt: skip
@pytest.mark.parametrize("response_type", ["code", "code id_token"])
async def test_it_gets_what_a_customer_grants(
    town: Town, home: Path, method: str, pushed: bool, signed: bool, response_type: str
) -> None:
    grants = ["client_credentials", "authorization_code", "refresh_token"]
    asked = {"grant_types": grants, "response_types": [response_type]}
    client = await registered(town, method, redirect_uris=[CALLBACK], **asked)
    index, people = town.index(UK), json.loads((town.folder / "sandbox.json").read_text())["customers"]
    said = {
        "issuer": index["issuer"],
        "client_id": client["client_id"],
        "method": method,
        "redirect_uri": CALLBACK,
        "kid": index["kid"],
        "details": [PAYMENT],
        "hybrid": response_type == "code id_token",
        "pushed": pushed,
        "signed": signed,
        "ca": str(town.folder / "ca.pem"),
        "cert": str(town.folder / index["transport_cert"]),
        "key": str(town.folder / index["transport_key"]),
        "signing_key": str(town.folder / index["signing_key"]),
    }
    tls = ssl.create_default_context(cafile=str(town.folder / "ca.pem"))
    async with tpp(home, **said) as process, Person(tls) as person:
        assert process.stdout is not None
        address = (await process.stdout.readline()).decode().strip()
        if not address:
            assert process.stderr is not None
            pytest.fail(f"{(await process.stderr.read()).decode()}\n{findings(town)}")
        seen = await person.open(address)
        seen = await person.submit(seen, login=people[0]["login"], password=people[0]["password"])
        seen = await person.submit(seen, decision="approve")
        output, trouble = await process.communicate(f"{seen.left_for}\n".encode())
    assert process.returncode == 0, (trouble.decode(), findings(town))
    found = json.loads(output)
    assert found["claims"]["sub"] == people[0]["sub"]
    assert (found["told"]["active"], found["told"]["scope"]) == (True, "openid accounts")
    assert found["granted"] == found["told"]["authorization_details"] == [PAYMENT]
    assert found["ended"] == {"active": False}
